"""The rows of one ranking, of one to three lines each."""

from __future__ import annotations

from datetime import datetime

from textual.message import Message

from membrowse.presentation.hits import (
    RowStyle,
    freshness,
    hit_lines,
    matrix_lines,
    telling_names,
)
from membrowse.presentation.lines import Line, Part, fit
from membrowse.presentation.ranks import letters
from membrowse.presentation.recalls import absent_lines
from membrowse.tui.model.column_captions import empty_lines
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.list_layout import Layout
from membrowse.tui.model.open_query import OpenQuery
from membrowse.tui.model.ranking_view import RankingView, dividers
from membrowse.tui.widgets.line_list import CURSOR, LINKED, LineList
from membrowse.tui.widgets.lines import keymap_of


class RankingList(LineList):
    """The hits of one ranking; as `matrix`, each with its ranks in all the others."""

    class RowsMissing(Message):
        """Rows came into view whose hits are unknown: the page at `offset` is needed."""

        def __init__(self, ranking: str, offset: int) -> None:
            super().__init__()
            self.ranking = ranking
            self.offset = offset

    def __init__(self, query: OpenQuery, ranking: str, *, matrix: bool = False) -> None:
        super().__init__(id="matrix" if matrix else None, classes="ranking")
        self.open_query = query
        self.ranking = ranking
        self.matrix = matrix
        self.lines = 2
        """Lines of a row."""
        self._now = datetime.now().astimezone()
        self._engine = EngineView()
        self._style_of_rows: RowStyle | None = None
        self._anchor: tuple[str, int] | None = None
        """A chunk and its line on the screen; the scroll keeps it there."""

    @property
    def view(self) -> RankingView:
        """The ranking shown."""
        return self.open_query.views.get(self.ranking) or RankingView(self.ranking)

    @property
    def is_active(self) -> bool:
        return self.open_query.active == self.ranking

    @property
    def cursor_row(self) -> int | None:
        return self.open_query.row(self.ranking)

    def mark(self, row: int, line: int) -> Part:
        marked = self.open_query.marked
        hit = self.view.hits.get(row) if marked else None
        if hit is not None and line == 0 and hit.chunk == marked:
            return Part(f"{super().mark(row, line).text[0]}=", "accent")
        return super().mark(row, line)

    def ground(self, row: int) -> str:
        if row != self.cursor_row:
            return ""
        return CURSOR if self.is_active else LINKED

    def show(self, engine: EngineView, now: datetime) -> None:
        """Show what the open query knows now; the scroll stays with the anchor's chunk."""
        self._engine, self._now, self._style_of_rows = engine, now, None
        view = self.view
        lines = dividers(
            view,
            engine.agent_k,
            engine.agent_min_score,
            chosen=engine.agent_set,
            agent=engine.agent,
        )
        self.set_layout(Layout(view.total, self.lines, lines))
        self._scroll_to_anchor()
        self.want_rows()

    @property
    def row_style(self) -> RowStyle:
        """What all rows have in common."""
        if self._style_of_rows is None:
            view = self.view
            self._style_of_rows = RowStyle(
                ranking=self.ranking,
                letters=letters(self.open_query.rankings),
                now=self._now,
                top=view.top,
                total=view.total,
                pool=view.pool,
                missed=view.missed,
                edited=view.edited,
                saved=self.open_query.saved_ranks,
                lines=self.lines,
                names=telling_names(view.hits.values()),
                roots=self._engine.root_beginnings,
            )
        return self._style_of_rows

    def row_line(self, row: int, line: int, width: int) -> Line:
        hit = self.view.hits.get(row)
        if hit is None and row in self.view.absent:
            return absent_lines(self.view.absent[row], row + 1, self.row_style, width)[line]
        if hit is None:
            rank = str(row + 1).rjust(self.row_style.rank_width)
            return [Part(f"{rank} …" if line == 0 else "", "faint")]
        fresh = freshness(hit, self._engine.changed, self._engine.deleted)
        if self.matrix:
            lines = matrix_lines(hit, self.row_style, width, fresh)
        else:
            lines = hit_lines(hit, self.row_style, width, fresh)
        if self.view.waiting:
            return [Part(part.text, "dim") for part in lines[line]]
        return lines[line]

    def empty_line(self, y: int, width: int) -> Line:
        if not self.open_query.text:
            return []
        lines = empty_lines(self.view, self.open_query, self._engine, keymap_of(self).key)
        return fit([Part(f"   {lines[y]}", "dim")], width) if y < len(lines) else []

    # Scroll

    def remember_anchor(self) -> tuple[str, ...]:
        """Choose the chunk that the scroll stays with, and return it so that it is tracked."""
        row = self.cursor_row if self.in_view(self.cursor_row) else None
        if row is None:
            row = min(self.rows_in_view[0], max(0, self.view.total - 1))
        hit = self.view.hits.get(row)
        if hit is None or self.scroll_offset.y == 0 and row != self.cursor_row:
            self._anchor = None
            return ()
        self._anchor = (hit.chunk, self.rows_layout.y(row) - self.scroll_offset.y)
        return (hit.chunk,)

    def _scroll_to_anchor(self) -> None:
        """Scroll so that the anchor's chunk is where it was on the screen."""
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
        tracked = self.open_query.tracked.get(chunk)
        if tracked is not None and (rank := tracked.ranks.get(self.ranking)) is not None:
            return rank - 1 if rank <= self.view.total else None
        return next((row for row, hit in self.view.hits.items() if hit.chunk == chunk), None)

    def to_top(self) -> None:
        """Scroll to the first row, for a new query."""
        self._anchor = None
        self.scroll_to(y=0, animate=False, force=True, immediate=True)

    # Pages

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.want_rows()

    def want_rows(self) -> None:
        """Post `RowsMissing` for every page in view with unknown hits."""
        if not self.size.height:
            return
        first, last = self.rows_in_view
        for offset in self.view.wanted(first, last):
            self.post_message(self.RowsMissing(self.ranking, offset))
