"""A ranking with its head, notice and foot; and the matrix that shows all of them in one list."""

from __future__ import annotations

from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from membrowse.presentation.hits import matrix_head
from membrowse.presentation.lines import Line, Part
from membrowse.tui.model.browsing import Browsing
from membrowse.tui.model.column_notes import foot, head, notice
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.widgets.painting import OneLine, content
from membrowse.tui.widgets.ranking_list import RankingList


class ColumnHead(OneLine):
    """Key, name, state, count and time."""

    def __init__(self, column: Column) -> None:
        super().__init__(classes="column-head")
        self._column = column

    def line(self, width: int) -> Line:
        column = self._column
        return head(column.list.view, column.key, width, active=column.is_active)


class Notice(Widget):
    """What is to be known before the ranking is believed; not there when there is nothing."""

    ALLOW_SELECT = False

    def __init__(self, classes: str = "notice") -> None:
        super().__init__(classes=classes)
        self._text = ""

    def show(self, text: str) -> None:
        """Show `text`; nothing hides the notice."""
        self.display = bool(text)
        if text != self._text:
            self._text = text
            self.refresh(layout=True)

    def render(self) -> Content:
        return content(self, [Part("! ", "warn"), Part(self._text, "dim")])


class MatrixHead(OneLine):
    """What the columns of the matrix are."""

    def __init__(self, column: Column) -> None:
        super().__init__(classes="matrix-head")
        self._column = column

    def line(self, width: int) -> Line:
        return [Part("  "), *matrix_head(self._column.list.head_style)]


class ColumnFoot(OneLine):
    """Where the chunk under the cursor stands in this ranking."""

    def __init__(self, column: Column) -> None:
        super().__init__(classes="column-foot")
        self._column = column

    def line(self, width: int) -> Line:
        ranking = self._column.list
        in_view = ranking.in_view(ranking.cursor_row)
        return foot(ranking.browsing, ranking.ranking, width, in_view=in_view)


class Column(Vertical):
    """One ranking, or with `matrix` whichever is chosen, one line a hit."""

    def __init__(
        self, browsing: Browsing, ranking: str, key: str = "", *, matrix: bool = False
    ) -> None:
        super().__init__(classes="column", id="matrix-column" if matrix else None)
        self._browsing = browsing
        self.key = key
        self.matrix = matrix
        self.list = RankingList(browsing, ranking, matrix=matrix)
        self._head = ColumnHead(self)
        self._notice = Notice()
        self._foot = ColumnFoot(self)
        self._matrix_head = MatrixHead(self) if matrix else None

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._notice
        if self._matrix_head is not None:
            yield self._matrix_head
        yield self.list
        if not self.matrix:
            yield self._foot

    @property
    def is_active(self) -> bool:
        return self._browsing.active == self.list.ranking

    def show(self, engine: EngineView, now: datetime) -> None:
        """Take what is known of the ranking now."""
        self.list.show(engine, now)
        self._notice.show(notice(self.list.view, self._browsing.query))
        if self._matrix_head is not None:
            self._matrix_head.refresh()
        self.show_cursor()

    def show_cursor(self) -> None:
        """Paint what depends on where the cursor is."""
        self.set_class(self.is_active, "-active")
        self._head.refresh()
        self._foot.refresh()
        self.list.show_cursor()
