"""The rows of one ranking: two lines each in a column, or one line each in the matrix."""

from __future__ import annotations

from datetime import datetime

from textual.message import Message

from membrowse.presentation.hits import RowStyle, freshness, hit_lines, matrix_line
from membrowse.presentation.lines import Line, Part, fit
from membrowse.presentation.ranks import letters
from membrowse.tui.model.browsing import Browsing
from membrowse.tui.model.column_notes import empty_lines
from membrowse.tui.model.cut import Layout, dividers
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.ranking_view import RankingView
from membrowse.tui.widgets.line_list import CURSOR, LINKED, LineList
from membrowse.wire.search import Hit


class RankingList(LineList):
    """One class for every column, and for the matrix that takes their place when it is narrow."""

    class Short(Message):
        """Rows are in view whose hits are not known."""

        def __init__(self, ranking: str, offset: int) -> None:
            super().__init__()
            self.ranking = ranking
            self.offset = offset

    def __init__(self, browsing: Browsing, ranking: str, *, matrix: bool = False) -> None:
        super().__init__(id="matrix" if matrix else None, classes="ranking")
        self.browsing = browsing
        self.ranking = ranking
        self.matrix = matrix
        self.one_line = False
        self._now = datetime.now().astimezone()
        self._engine = EngineView()
        self._common: RowStyle | None = None
        self._anchor: tuple[str, int] | None = None

    @property
    def view(self) -> RankingView:
        """The ranking shown."""
        return self.browsing.views.get(self.ranking) or RankingView(self.ranking)

    @property
    def is_active(self) -> bool:
        return self.browsing.active == self.ranking

    @property
    def cursor_row(self) -> int | None:
        return self.browsing.row(self.ranking)

    def mark(self, row: int, line: int) -> Part:
        hit = self.view.hits.get(row) if self.browsing.marked else None
        if hit is not None and line == 0 and hit.chunk == self.browsing.marked:
            return Part(f"{super().mark(row, line).text[0]}=", "accent")
        return super().mark(row, line)

    def ground(self, row: int) -> str:
        if row != self.cursor_row:
            return ""
        return CURSOR if self.is_active else LINKED

    def show(self, engine: EngineView, now: datetime) -> None:
        """Take what is known now and paint it, the scroll kept with the chunk that anchors it."""
        self._engine, self._now, self._common = engine, now, None
        height = 1 if self.one_line or self.matrix else 2
        view = self.view
        lines = dividers(view, engine.agent_k, engine.agent_min_score)
        self.set_layout(Layout(view.total, height, lines))
        self._hold_anchor()
        self.want_rows()

    def row_style(self) -> RowStyle:
        if self._common is None:
            view = self.view
            self._common = RowStyle(
                ranking=self.ranking,
                letters=letters(self.browsing.rankings),
                now=self._now,
                top=view.top,
                total=view.total,
                pool=view.pool,
                missed=view.missed,
                saved=self.browsing.saved_ranks,
                one_line=self.one_line,
            )
        return self._common

    @property
    def head_style(self) -> RowStyle:
        """What the matrix's head needs to know of its rows."""
        return self.row_style()

    def row_line(self, row: int, line: int, width: int) -> Line:
        hit = self.view.hits.get(row)
        if hit is None:
            rank = str(row + 1).rjust(self.row_style().rank_width)
            return [Part(f"{rank} …" if line == 0 else "", "faint")]
        fresh = freshness(hit, self._engine.changed, self._engine.deleted)
        if self.matrix:
            lines = [matrix_line(hit, self.row_style(), width, fresh)]
        else:
            lines = hit_lines(hit, self.row_style(), width, fresh)
        if self.view.waiting:
            return [Part(part.text, "dim") for part in lines[line]]
        return lines[line]

    def empty_line(self, y: int, width: int) -> Line:
        if not self.browsing.text:
            return []
        lines = empty_lines(self.view, self.browsing.query)
        return fit([Part(f"   {lines[y]}", "dim")], width) if y < len(lines) else []

    # Keeping the place

    def remember_anchor(self) -> tuple[str, ...]:
        """Note which chunk holds the scroll in place, and return it so that it can be tracked."""
        row = self.cursor_row if self.in_view(self.cursor_row) else None
        if row is None:
            row = min(self.rows_in_view[0], max(0, self.view.total - 1))
        hit = self.view.hits.get(row)
        if hit is None or self.scroll_offset.y == 0 and row != self.cursor_row:
            self._anchor = None
            return ()
        self._anchor = (hit.chunk, self.rows_layout.y(row) - self.scroll_offset.y)
        return (hit.chunk,)

    def _hold_anchor(self) -> None:
        """Scroll so that the anchor's chunk is on the screen where it was."""
        if self._anchor is None or self.view.waiting:
            return
        chunk, y = self._anchor
        self._anchor = None
        if self.scroll_offset.y == 0 and y <= self.rows_layout.height * 2:
            return
        row = self._row_of(chunk)
        if row is not None:
            self.scroll_to(
                y=max(0, self.rows_layout.y(row) - y), animate=False, force=True, immediate=True
            )

    def _row_of(self, chunk: str) -> int | None:
        tracked = self.browsing.tracked.get(chunk)
        if tracked is not None and (rank := tracked.ranks.get(self.ranking)) is not None:
            return rank - 1
        return next((row for row, hit in self.view.hits.items() if hit.chunk == chunk), None)

    def to_top(self) -> None:
        """A new query: begin at the first row."""
        self._anchor = None
        self.scroll_to(y=0, animate=False, force=True, immediate=True)

    # Pages

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.want_rows()

    def want_rows(self) -> None:
        """Ask for the pages in view that are not known."""
        if not self.size.height:
            return
        first, last = self.rows_in_view
        for offset in self.view.wanted(first, last):
            self.post_message(self.Short(self.ranking, offset))

    def hit_at_cursor(self) -> Hit | None:
        """The hit under the cursor, if its row is known."""
        row = self.cursor_row
        return None if row is None else self.view.hits.get(row)
