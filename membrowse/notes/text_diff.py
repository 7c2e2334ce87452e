"""Line diffs of texts of any size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

MAX_LINES = 200
"""Lines of a diff."""
MAX_COMPARED_LINES = 1000
"""Lines compared per side, after those equal at both ends are skipped: the cost grows with their
product."""
MAX_LINE_CHARACTERS = 400
_CONTEXT = 2
_ELLIPSIS = "…"


def diff_lines(before: Sequence[str], after: Sequence[str], offset: int = 0) -> tuple[str, ...]:
    """Return the hunks of a unified diff without its head; empty if the lines are equal.

    `offset` is the number of lines before the first of both. Long lines and long diffs are cut,
    with an ellipsis.
    """
    prefix = _common_prefix(before, after)
    suffix = _common_prefix(before[prefix:][::-1], after[prefix:][::-1])
    first = max(0, prefix - _CONTEXT)
    old, new = _middle(before, first, suffix), _middle(after, first, suffix)
    cut = len(old) > MAX_COMPARED_LINES or len(new) > MAX_COMPARED_LINES
    hunks: list[str] = []
    for line in _hunks(old[:MAX_COMPARED_LINES], new[:MAX_COMPARED_LINES], first + offset):
        if len(hunks) == MAX_LINES - 1:
            cut = True
            break
        too_long = len(line) > MAX_LINE_CHARACTERS
        hunks.append(line[: MAX_LINE_CHARACTERS - 1] + _ELLIPSIS if too_long else line)
    return (*hunks, _ELLIPSIS) if cut else tuple(hunks)


def _common_prefix(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    shorter = min(len(one), len(other))
    return next((number for number, (a, b) in pairs if a != b), shorter)


def _middle(lines: Sequence[str], first: int, suffix: int) -> Sequence[str]:
    """Return `lines` from `first` on, with little context of the common `suffix`."""
    return lines[first : len(lines) - max(0, suffix - _CONTEXT)]


def _hunks(old: Sequence[str], new: Sequence[str], offset: int) -> Iterator[str]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        start, end = group[0], group[-1]
        before = _hunk_range(start[1], end[2], offset)
        yield f"@@ -{before} +{_hunk_range(start[3], end[4], offset)} @@"
        for kind, i, j, k, m in group:
            if kind == "equal":
                yield from (f" {line}" for line in old[i:j])
            else:
                yield from (f"-{line}" for line in old[i:j])
                yield from (f"+{line}" for line in new[k:m])


def _hunk_range(start: int, end: int, offset: int) -> str:
    """Return `first,count`, counted from 1; like `diff -u`, the line before an empty range."""
    count = end - start
    return f"{start + offset + (1 if count else 0)},{count}"
