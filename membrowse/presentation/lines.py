"""Lines of styled parts, measured in terminal cells: clip, fit, align, wrap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len, chop_cells, set_cell_size

ELLIPSIS = "…"
NARROWEST = 16
"""Cells that text beside something else needs at least."""
_ROOT_CHARACTERS = 3
"""Characters that a root's name keeps."""
_FILE_CELLS = 6
"""Cells that a file's name keeps beside its root."""
LONGEST = 4096
"""Characters of one text that are measured; no line shows more."""


class Part(NamedTuple):
    """A run of text in one style."""

    text: str
    style: str = ""
    """The name of a style; each back end defines its look."""
    action: str = ""
    """What a click on it does; empty if nothing."""


Line = list[Part]


def plain(line: Line) -> str:
    """The text of `line`, without trailing spaces."""
    return "".join(part.text for part in line).rstrip(" ")


def cells(line: Line) -> int:
    """Width of `line` in cells."""
    return sum(cell_len(part.text) for part in line)


def clip(text: str, width: int) -> str:
    """`text` in at most `width` cells, with an ellipsis if it was cut."""
    if width <= 0:
        return ""
    text = text[: max(LONGEST, width + 1)]
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + ELLIPSIS


def clip_start(text: str, width: int) -> str:
    """Like `clip`, but keeps the end, as suits paths."""
    if width <= 0:
        return ""
    text = text[-max(LONGEST, width + 1) :]
    if cell_len(text) <= width:
        return text
    kept = text[-width:]
    while cell_len(kept) > width - 1:
        kept = kept[1:]
    return ELLIPSIS + kept


def clip_path(path: str, width: int, roots: Mapping[str, str] | None = None) -> str:
    """`path` in at most `width` cells: whole folders at its start give way to an ellipsis first.

    A root of a collection (by name, with its beginning that tells it from the others, see
    `root_beginnings`) stays: whole, or if there is no room with its beginning.
    """
    path = path[-max(LONGEST, width + 1) :]
    if cell_len(path) <= width:
        return path
    root, _, below = path.partition("/")
    if roots and below and root in roots:
        return _clip_below_root(root, roots[root], below, width)
    *folders, kept = path.split("/")
    while folders and cell_len(longer := f"{folders[-1]}/{kept}") + 2 <= width:
        kept = longer
        folders.pop()
    return clip_start(f"{ELLIPSIS}/{kept}", width)


def _clip_below_root(root: str, beginning: str, below: str, width: int) -> str:
    short = f"{beginning}{ELLIPSIS}" if len(beginning) + 1 < len(root) else root
    file = below.rpartition("/")[2]
    elided = cell_len(file) + (2 if file != below else 0)
    longest = clip(root, max(cell_len(short), width - cell_len(below) - 1))
    for name in (root, longest):
        room = width - cell_len(name) - 1
        if elided <= room:
            return f"{name}/{clip_path(below, room)}"
    room = width - cell_len(short) - 1
    if room < _FILE_CELLS:
        return clip_start(below, width)
    return f"{short}/{clip_start(below if short == root else file, room)}"


def root_beginnings(roots: Iterable[str]) -> dict[str, str]:
    """For each name its shortest beginning, of at least 3 characters, that no other name has."""
    names = list(roots)
    return {
        name: next(
            name[:length]
            for length in range(_ROOT_CHARACTERS, max(_ROOT_CHARACTERS, len(name)) + 1)
            if length >= len(name)
            or not any(other != name and other.startswith(name[:length]) for other in names)
        )
        for name in names
    }


def fit(line: Line, width: int) -> Line:
    """`line` in exactly `width` cells: clipped with an ellipsis, or padded."""
    fitted: Line = []
    left = width
    for at, part in enumerate(line):
        size = cell_len(part.text)
        if size > left:
            rest = "".join(each.text for each in line[at:]).rstrip(" ")
            if cell_len(rest) > left:  # trailing spaces alone need no ellipsis
                return _ending_in_ellipsis([*fitted, part], width)
            fitted.append(part._replace(text=rest))
            left -= cell_len(rest)
            break
        fitted.append(part)
        left -= size
    if left > 0:
        fitted.append(Part(" " * left))
    return fitted


def _ending_in_ellipsis(line: Line, width: int) -> Line:
    """The beginning of `line`, of which there is more, in exactly `width` cells."""
    kept, left = list(line), width
    while kept and cells(kept[:-1]) >= width:
        kept.pop()
    if not kept:
        return []
    left -= cells(kept[:-1])
    last = kept[-1].text
    text = clip(f"{last.rstrip(' ')}{' ' * left}{ELLIPSIS}", left)
    return [*kept[:-1], kept[-1]._replace(text=text), Part(" " * (left - cell_len(text)))]


def spread(left: Line, right: Line, width: int) -> Line:
    """`left` at the left end and `right` at the right end of `width` cells.

    If both do not fit, `right` is left out; if `left` alone does not fit, it is clipped.
    """
    room = width - cells(right)
    if room < min(cells(left), 8) + 1:
        return fit(left, width)
    return [*fit(left, room), *right]


def joined(groups: Sequence[Line], separator: str = " · ") -> Line:
    """The groups that are not empty, with `separator` (dim) between them."""
    line: Line = []
    for group in groups:
        if not group:
            continue
        if line:
            line.append(Part(separator, "dim"))
        line.extend(group)
    return line


def shortened(groups: Sequence[Line], width: int) -> Line:
    """As many of `groups`, the most important first, as fit into `width` cells."""
    kept = list(groups)
    while len(kept) > 1 and cells(joined(kept)) > width:
        kept.pop()
    return joined(kept)


def flowed(groups: Sequence[Line], width: int, separator: str = " · ") -> list[Line]:
    """The groups, joined, in lines that are broken between groups (or at words, if one group alone
    is too wide)."""
    lines: list[list[Line]] = []
    for group in groups:
        if lines and cells(joined([*lines[-1], group], separator)) <= width:
            lines[-1].append(group)
        else:
            lines.append([group])
    return [row for line in lines for row in wrapped(joined(line, separator), width)]


def bar_parts(share: float, width: int) -> Line:
    """A thin bar of `share` (0 to 1) on a track of `width` cells, to half a cell."""
    halves = round(max(0.0, min(1.0, share)) * width * 2)
    full, half = divmod(halves, 2)
    bar = "━" * full + ("╸" if half else "")
    return [Part(bar, "bar"), Part("─" * (width - len(bar)), "track")]


# Wrapping


def wrapped(line: Line, width: int) -> list[Line]:
    """`line` broken at words into lines of at most `width` cells."""
    lines: list[Line] = [[]]
    room = width
    for word in _words(line):
        if cell_len("".join(part.text for part in word).rstrip()) > room and room < width:
            lines.append([])
            room = width
        for part in word:
            for text in _chopped_text(part.text, room, width):
                if cell_len(text.rstrip()) > room:
                    lines.append([])
                    room = width
                _append_part(lines[-1], part._replace(text=text))
                room -= cell_len(text)
    return lines


def hanging(lead: Line, text: Line, width: int) -> list[Line]:
    """`text` wrapped to the right of `lead`, or below it if there is too little room."""
    indent = Part(" " * cells(lead))
    if len(indent.text) + NARROWEST <= width:
        first, *others = wrapped(text, width - len(indent.text))
        return [[*lead, *first], *([indent, *row] for row in others)]
    return [fit(lead, width), *([Part("    "), *row] for row in wrapped(text, max(8, width - 4)))]


def first_lines(lines: Sequence[Line], count: int, width: int) -> list[Line]:
    """At most `count` of the lines; an ellipsis ends the last one if there are more."""
    if len(lines) <= count:
        return list(lines)
    *kept, last = lines[:count]
    return [*kept, fit([*last, Part(" " * width)], width - 1) + [Part(ELLIPSIS)]]


def _words(line: Line) -> Iterator[Line]:
    """Words with the spaces after them; a word may consist of several parts."""
    word: Line = []
    for part in line:
        *ended, last = part.text.split(" ")
        for text in ended:
            yield [*word, part._replace(text=f"{text} ")]
            word = []
        if last:
            word.append(part._replace(text=last))
    if word:
        yield word


def _chopped_text(text: str, room: int, width: int) -> list[str]:
    """`text` whole if it fits into `room` cells, else cut for `room` and then for `width` cells."""
    if cell_len(text.rstrip()) <= room:
        return [text]
    head = chop_cells(text, room)[0] if room > 1 else ""
    rest = text[len(head) :]
    return [part for part in (head, *chop_cells(rest, width)) if part]


def _append_part(line: Line, part: Part) -> None:
    """Add `part` to `line`, merged with its last part if both look alike."""
    if line and line[-1][1:] == part[1:]:
        line[-1] = line[-1]._replace(text=line[-1].text + part.text)
    else:
        line.append(part)
