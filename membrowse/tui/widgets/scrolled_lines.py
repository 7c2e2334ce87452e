"""Lines to read: made for the width that there is, painted only where they are in view."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from membrowse.presentation.lines import Line, Part, fit
from membrowse.tui.model.cut import Layout
from membrowse.tui.widgets.line_list import LineList

Maker = Callable[[int], Sequence[Line]]
"""Makes the lines for a width in cells; the sequence may make each line when it is asked for."""


def _nothing(width: int) -> Sequence[Line]:
    return ()


class ScrolledLines(LineList):
    """Has no cursor: moving scrolls."""

    def __init__(self, *, id: str | None = None, message: str = "") -> None:  # noqa: A002
        super().__init__(id=id)
        self.message = message
        """What is said while there are no lines."""
        self._make: Maker = _nothing
        self._lines: Sequence[Line] = ()
        self._width = 0

    def show(self, make: Maker | None, *, top: bool = False) -> None:
        """Show other lines, or none; with `top` from the first one."""
        self._make = make or _nothing
        self._width = 0
        self.remake()
        if top:
            self.scroll_to(y=0, animate=False, force=True, immediate=True)

    def remake(self) -> bool:
        """Make the lines for another width; False where it is the same."""
        width = self.steady_width
        if width == self._width or width <= 0:
            return False
        self._width = width
        self._lines = self._make(width)
        self.set_layout(Layout(len(self._lines), 1))
        return True

    def on_resize(self) -> None:
        self.remake()

    @property
    def lines(self) -> Sequence[Line]:
        """The lines shown."""
        return self._lines

    def mark(self, row: int, line: int) -> Part:
        return Part("")

    def row_line(self, row: int, line: int, width: int) -> Line:
        return self._lines[row] if row < len(self._lines) else []

    def empty_line(self, y: int, width: int) -> Line:
        return fit([Part(f"   {self.message}" if y == 1 else "", "dim")], width)

    def _move_by(self, by: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + by, animate=False, force=True, immediate=True)

    def _move(self, row: int) -> None:
        self.scroll_to(y=row, animate=False, force=True, immediate=True)
