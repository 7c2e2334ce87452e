"""A sheet of figures: sections of rows with bars, whose figures end in one column."""

from __future__ import annotations

from collections.abc import Sequence

from membrowse.presentation.lines import (
    NARROWEST,
    Line,
    Part,
    bar_parts,
    cells,
    clip,
    fit,
    flowed,
    hanging,
    wrapped,
)

VALUE = 9
"""Cells of the column of figures, including an equals sign."""


class Sheet:
    """Collects lines of at most `width` cells.

    `airy` puts an empty line before each section; `whole` wraps details that do not fit, instead of
    clipping them.
    """

    def __init__(self, width: int, *, airy: bool = True, whole: bool = False) -> None:
        self.width = width
        self.lines: list[Line] = []
        self._airy, self._whole = airy, whole
        self._name = 12 if width < 76 else 16
        self._bar = 6 if width < 52 else 8 if width < 72 else 12 if width < 96 else 20

    @property
    def _left(self) -> int:
        """Cells before the column of figures."""
        return self._name + self._bar + 4

    def section(self, name: str, rank: Line, value: str, detail: str = "") -> None:
        """A section's heading: ` KEYWORD  #3      7.53  of 57`."""
        self.gap()
        left = fit([Part(f" {name}", "strong"), Part("  "), *rank], self._left)
        self._add([*left, Part(value.rjust(VALUE), "strong"), Part(f"  {detail}", "dim")])

    def gap(self) -> None:
        """An empty line, if the sheet is airy."""
        if self.lines and self._airy:
            self.lines.append([])

    def row(self, name: Part, share: float, value: str, detail: Line) -> None:
        """A name, a bar of its share (0 to 1), its figure, and details."""
        lead = self._lead(name, share, value)
        if self._whole and cells(lead) + NARROWEST <= self.width:
            self.lines += hanging(lead, detail, self.width)
        else:
            self._add([*lead, *detail])

    def excerpt(self, name: Part, share: float, value: str, text: Part) -> None:
        """A row with a text that is clipped even if details are not."""
        self._add([*self._lead(name, share, value), text])

    def _lead(self, name: Part, share: float, value: str) -> Line:
        label = name._replace(text=clip(name.text, self._name))
        left = fit([Part("   "), label], self._name + 3)
        return [*left, *bar_parts(share, self._bar), Part(" " + value.rjust(VALUE)), Part("  ")]

    def total(self, value: str, detail: str = "") -> None:
        """The sum of the rows above."""
        figure = Part(f"= {value}".rjust(VALUE), "strong")
        self._add([Part(" " * self._left), figure, Part(f"  {detail}", "dim")])

    def small_print(self, text: str) -> None:
        """More about the row above, wrapped."""
        for row in wrapped([Part(text, "dim")], max(8, self.width - 6)):
            self.lines.append([Part("     "), *row])

    def note(self, line: Line, sign: Part | None = None) -> None:
        """A sentence, wrapped; `sign` precedes the first line."""
        indent = Part("   ")
        for at, row in enumerate(wrapped(line, max(8, self.width - 4))):
            self.lines.append([sign if sign and at == 0 else indent, *row])

    def facts(self, title: str, groups: Sequence[Line]) -> None:
        """A title and short facts, in as many lines as they need."""
        self.gap()
        lead = Part(f" {title}  ", "strong")
        for at, row in enumerate(flowed(groups, max(8, self.width - cells([lead]) - 1))):
            self.lines.append([lead if at == 0 else Part(" " * cells([lead])), *row])

    def warning(self, text: str) -> None:
        """A sentence that should not be overlooked."""
        self.note([Part(text, "warn")], Part(" ! ", "warn"))

    def text(self, line: Line) -> None:
        """An indented line, clipped."""
        self._add([Part("   "), *line])

    def _add(self, line: Line) -> None:
        self.lines.append(fit(line, self.width) if cells(line) > self.width else line)
