"""The ladder and the changes as one list, whose cursor steps from rung to rung."""

from __future__ import annotations

from membrowse.presentation.diagnosis import Row, first_failing, items, rows
from membrowse.presentation.lines import Line, Part, fit
from membrowse.tui.model.cut import Layout
from membrowse.tui.widgets.line_list import CURSOR, LineList
from membrowse.wire.diagnosis import DiagnosisReport, Step, Suggestion


class WhyList(LineList):
    """Rows of one line; those of one rung or change belong together."""

    def __init__(self) -> None:
        super().__init__(id="why-list")
        self.why: DiagnosisReport | None = None
        self.at = 0
        """The item with the cursor."""
        self.message = ""
        self._trying = ""
        self._opened: set[int] = set()
        self._rows: list[Row] = []
        self._width = 0

    @property
    def item(self) -> Step | Suggestion | None:
        """The rung or change under the cursor."""
        found = items(self.why) if self.why else ()
        return found[self.at] if self.at < len(found) else None

    @property
    def cursor_row(self) -> int | None:
        return next((y for y, row in enumerate(self._rows) if row.item == self.at), None)

    def ground(self, row: int) -> str:
        return CURSOR if self._rows[row].item == self.at else ""

    def show(self, why: DiagnosisReport | None, trying: str, *, anew: bool) -> None:
        """Take an answer; `anew`: the cursor goes to the rung that fails, which is opened."""
        self.why, self._trying = why, trying
        if anew and why is not None:
            failing = first_failing(why)
            self._opened = set() if failing is None else {failing}
            self.at = failing or 0
        if why is not None:
            self.at = min(self.at, max(0, len(items(why)) - 1))
        self._make()
        if anew:
            self.call_after_refresh(self.show_row, self.cursor_row)

    def toggle(self) -> None:
        """Open the evidence of the rung under the cursor, or close it."""
        self._opened ^= {self.at}
        self._make()
        self.show_item()

    @property
    def _room(self) -> int:
        """Cells of a line, whether or not there is a scroll bar now."""
        return self.outer_size.width - 3

    def _make(self) -> None:
        self._width = self._room
        self._rows = (
            rows(self.why, self._opened, self._width, self._trying)
            if self.why and self._width > 0
            else []
        )
        self.set_layout(Layout(len(self._rows), 1))

    def on_resize(self) -> None:
        if self._room != self._width:
            self._make()

    def row_line(self, row: int, line: int, width: int) -> Line:
        return self._rows[row].line

    def empty_line(self, y: int, width: int) -> Line:
        return fit([Part(f"   {self.message}" if y == 1 else "", "dim")], width)

    # Moving from item to item

    def show_cursor(self) -> None:
        self.repaint()

    def show_item(self) -> None:
        """Scroll so that all lines of the item are in view, if they can be."""
        mine = [y for y, row in enumerate(self._rows) if row.item == self.at]
        if mine:
            self.show_row(mine[-1])
            self.show_row(mine[0])

    def put_cursor(self, row: int) -> None:
        """Put the cursor on the item that `row` belongs to, or on the one before it."""
        before = (line.item for line in reversed(self._rows[: row + 1]) if line.item is not None)
        self.at = next(before, 0)
        self.show_cursor()
        self.show_item()

    def _move_by(self, by: int) -> None:
        bound = None if self._bound_for is None else self._rows[self._bound_for].item
        at = (self.at if bound is None else bound) + by
        at = max(0, min(len(items(self.why)) - 1 if self.why else 0, at))
        if at == 0 and by < 0:
            self.show_row(0)
        self._move(next((y for y, row in enumerate(self._rows) if row.item == at), 0))
