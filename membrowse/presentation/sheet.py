"""Sheets of figures: heads, rows with a bar and a right-aligned figure, notes; in one width."""

from __future__ import annotations

from membrowse.presentation.lines import Line, Part, bar_parts, cells, clip, fit
from membrowse.presentation.wrapping import wrapped

VALUE = 9
"""Cells of the column of figures, an equals sign included."""


def exact(value: float | None) -> str:
    """A figure with three decimals, so that sums can be checked: `.713`, `11.803`; none is `–`."""
    if value is None:
        return "–"
    text = f"{value:.3f}"
    if text in ("-0.000", "0.000"):
        return "0"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def plain(value: float) -> str:
    """A weight or a parameter as a person would write it: `1`, `0.5`, `0.17`."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if round(value, 2) else "0"


class Sheet:
    """Collects lines; every row's figure ends in the same column."""

    def __init__(self, width: int, *, airy: bool = True) -> None:
        self.width = width
        self._airy = airy
        self.lines: list[Line] = []
        self._name = 12 if width < 76 else 16
        self._bar = 6 if width < 52 else 8 if width < 72 else 12 if width < 96 else 20

    @property
    def _left(self) -> int:
        return self._name + self._bar + 4

    def head(self, name: str, rank: Line, value: str, detail: str = "") -> None:
        """` KEYWORD  #3      7.53  of 57`, after an empty line."""
        self.gap()
        left = fit([Part(f" {name}", "strong"), Part("  "), *rank], self._left)
        self._add([*left, Part(value.rjust(VALUE), "strong"), Part(f"  {detail}", "dim")])

    def gap(self) -> None:
        """An empty line, where there is room for air."""
        if self.lines and self._airy:
            self.lines.append([])

    def row(self, name: Part, share: float, value: str, detail: Line) -> None:
        """A name, a bar of its share (0 to 1), its figure, and what is to be known of it."""
        label = name._replace(text=clip(name.text, self._name))
        left = fit([Part("   "), label], self._name + 3)
        bar = bar_parts(share, self._bar)
        self._add([*left, *bar, Part(" " + value.rjust(VALUE)), Part("  "), *detail])

    def total(self, value: str, detail: str = "") -> None:
        """The sum of the rows above."""
        figure = Part(f"= {value}".rjust(VALUE), "strong")
        self._add([Part(" " * self._left), figure, Part(f"  {detail}", "dim")])

    def finer(self, text: str) -> None:
        """A line of small print under a row."""
        self._add([Part(f"     {text}", "dim")])

    def note(self, line: Line, sign: Part | None = None) -> None:
        """Words, wrapped; `sign` stands before the first line."""
        indent = Part("   ") if sign is None else sign
        for at, row in enumerate(wrapped(line, max(8, self.width - 4))):
            self.lines.append([indent if at == 0 else Part("   "), *row])

    def warning(self, text: str) -> None:
        """What should not be overlooked."""
        self.note([Part(text, "warn")], Part(" ! ", "warn"))

    def plain(self, line: Line) -> None:
        """A line as it is, clipped."""
        self._add([Part("   "), *line])

    def _add(self, line: Line) -> None:
        self.lines.append(fit(line, self.width) if cells(line) > self.width else line)
