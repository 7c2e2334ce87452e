"""Lines to read and scroll, made for the width of the widget."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from membrowse.presentation.lines import Line, Part
from membrowse.tui.model.list_layout import Layout
from membrowse.tui.widgets.line_list import LineList

Maker = Callable[[int], Sequence[Line]]
"""Makes the lines for a width in cells; the sequence may make each line on access."""


def _nothing(width: int) -> Sequence[Line]:
    return ()


class ScrolledLines(LineList):
    """A list without a cursor: moving scrolls."""

    def __init__(self, *, id: str | None = None, message: str = "") -> None:  # noqa: A002
        super().__init__(id=id)
        self.message = message
        self._make: Maker = _nothing
        self._lines: Sequence[Line] = ()
        self._width = 0

    def show(self, make: Maker | None) -> None:
        """Show other lines, or with None the message; the scroll stays."""
        self._make = make or _nothing
        self._width = 0
        self.remake()

    def remake(self) -> bool:
        """Make the lines for another width; False if it is the same."""
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

    def _move_by(self, by: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + by, animate=False, force=True, immediate=True)

    def _move(self, row: int) -> None:
        self.scroll_to(y=row, animate=False, force=True, immediate=True)
