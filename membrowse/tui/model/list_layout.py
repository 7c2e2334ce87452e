"""Which line of a list shows which row, with dividers between rows."""

from __future__ import annotations

from typing import NamedTuple


class Divider(NamedTuple):
    """A line after the first `after` rows."""

    after: int
    label: str


class Layout(NamedTuple):
    """Lines of a list: `height` lines per row, one line per divider."""

    rows: int
    height: int
    dividers: tuple[Divider, ...] = ()

    @property
    def lines(self) -> int:
        """Number of lines."""
        return self.rows * self.height + len(self.dividers)

    def y(self, row: int) -> int:
        """The first line of `row`."""
        return row * self.height + sum(divider.after <= row for divider in self.dividers)

    def at(self, y: int) -> tuple[int, int] | Divider | None:
        """What is on line `y`: (row, its line), a divider, or nothing."""
        shift = 0
        for divider in self.dividers:
            place = divider.after * self.height + shift
            if y == place:
                return divider
            if y < place:
                break
            shift += 1
        row, line = divmod(y - shift, self.height)
        return (row, line) if 0 <= row < self.rows else None
