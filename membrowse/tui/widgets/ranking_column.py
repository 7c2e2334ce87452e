"""A ranking as a column: head, notice, rows and foot."""

from __future__ import annotations

from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Vertical

from membrowse.presentation.hits import matrix_head
from membrowse.presentation.lines import Line, Part
from membrowse.tui.model.column_captions import column_foot, column_head, column_notice
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.open_query import OpenQuery
from membrowse.tui.widgets.line_list import row_cells
from membrowse.tui.widgets.lines import Notice, OneLine, keymap_of
from membrowse.tui.widgets.ranking_list import RankingList


class ColumnHead(OneLine):
    """Key, name, state, count and time."""

    def __init__(self, column: RankingColumn) -> None:
        super().__init__(classes="column-head")
        self._column = column

    def line(self, width: int) -> Line:
        column = self._column
        ranking = column.list
        key = keymap_of(self).key(column.action) if column.action else ""
        return column_head(ranking.view, key, width, active=ranking.is_active)


class MatrixHead(OneLine):
    """The names of the matrix's columns."""

    def __init__(self, column: RankingColumn) -> None:
        super().__init__(classes="matrix-head")
        self._column = column

    def line(self, width: int) -> Line:
        return [Part("  "), *matrix_head(self._column.list.row_style, row_cells(width))]


class ColumnFoot(OneLine):
    """Rank and score of the chunk under the cursor in this ranking."""

    def __init__(self, column: RankingColumn) -> None:
        super().__init__(classes="column-foot")
        self._column = column

    def line(self, width: int) -> Line:
        ranking = self._column.list
        in_view = ranking.in_view(ranking.cursor_row)
        return column_foot(ranking.open_query, ranking.ranking, width, in_view=in_view)


class RankingColumn(Vertical):
    """One ranking; as `matrix`, the active ranking with the ranks in all others."""

    def __init__(
        self, query: OpenQuery, ranking: str, action: str = "", *, matrix: bool = False
    ) -> None:
        super().__init__(classes="column", id="matrix-column" if matrix else None)
        self.action = action
        """Id of the action that goes here, or empty."""
        self.list = RankingList(query, ranking, matrix=matrix)
        self._query = query
        self._head = ColumnHead(self)
        self._notice = Notice()
        self._names = MatrixHead(self)
        self._foot = ColumnFoot(self)

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._notice
        if self.list.matrix:
            yield self._names
            yield self.list
        else:
            yield self.list
            yield self._foot

    def show(self, engine: EngineView, now: datetime) -> None:
        """Show what the open query knows of the ranking now."""
        self.list.show(engine, now)
        early = engine.reading and not self.list.view.total
        view = self.list.view
        notice = "" if early else column_notice(view, self._query.analysis)
        self._notice.show(notice, whole=not view.total)
        self.show_cursor()

    def show_cursor(self) -> None:
        """Repaint what depends on the cursor."""
        self.set_class(self.list.is_active, "-active")
        for line in (self._head, self._names, self._foot):
            line.refresh()
        self.list.show_cursor()
