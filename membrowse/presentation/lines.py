"""Lines made of styled parts, measured in terminal cells."""

from __future__ import annotations

from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

ELLIPSIS = "…"
LONGEST = 4096
"""Characters of one text that are measured at all; nothing shown on one line is longer."""


class Part(NamedTuple):
    """A run of text in one style; `action`, if any, is what a click on it does."""

    text: str
    style: str = ""
    action: str = ""


Line = list[Part]


def cells(line: Line) -> int:
    """Width of `line` in cells."""
    return sum(cell_len(part.text) for part in line)


def clip(text: str, width: int) -> str:
    """`text` in at most `width` cells, an ellipsis in place of what does not fit."""
    if width <= 0:
        return ""
    text = text[: max(LONGEST, width + 1)]
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + ELLIPSIS


def clip_start(text: str, width: int) -> str:
    """Like `clip`, but keeps the end, as is best for paths."""
    if width <= 0:
        return ""
    text = text[-max(LONGEST, width + 1) :]
    if cell_len(text) <= width:
        return text
    kept = text[-width:]
    while cell_len(kept) > width - 1:
        kept = kept[1:]
    return ELLIPSIS + kept


def fit(line: Line, width: int) -> Line:
    """`line` in exactly `width` cells: clipped with an ellipsis, or padded."""
    fitted: Line = []
    left = width
    for part in line:
        size = cell_len(part.text)
        if size > left:
            text = part.text.rstrip(" ")  # a space at which a line was broken is not missed
            text = text if cell_len(text) <= left else clip(text, left)
            fitted.append(part._replace(text=text))
            left -= cell_len(text)
            break
        fitted.append(part)
        left -= size
    if left > 0:
        fitted.append(Part(" " * left))
    return fitted


def spread(left: Line, right: Line, width: int) -> Line:
    """`left` at the left end and `right` at the right end of `width` cells.

    Where both do not fit, `right` goes first, then `left` is clipped.
    """
    room = width - cells(right)
    if room < min(cells(left), 8) + 1:
        return fit(left, width)
    return [*fit(left, room), *right]


def joined(groups: list[Line], separator: str = " · ") -> Line:
    """The groups that are not empty, with `separator` (dim) between them."""
    line: Line = []
    for group in groups:
        if not group:
            continue
        if line:
            line.append(Part(separator, "dim"))
        line.extend(group)
    return line


def shortened(groups: list[Line], width: int) -> Line:
    """As many of `groups`, the first being the most important, as fit into `width` cells."""
    kept = list(groups)
    while len(kept) > 1 and cells(joined(kept)) > width:
        kept.pop()
    return joined(kept)


def bar_parts(share: float, width: int) -> Line:
    """A thin bar of `share` (0 to 1) on a track of `width` cells, to half a cell."""
    halves = round(max(0.0, min(1.0, share)) * width * 2)
    full, half = divmod(halves, 2)
    bar = "━" * full + ("╸" if half else "")
    return [Part(bar, "bar"), Part("─" * (width - len(bar)), "track")]
