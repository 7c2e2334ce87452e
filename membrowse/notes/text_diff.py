"""What changed between two states of a text, line by line, whatever their size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

MOST_LINES = 200
"""Of a difference."""
MOST_COMPARED = 1000
"""Lines of each side that are compared, after those that are the same at both ends: comparing takes
time in proportion to their product."""
LONGEST_LINE = 400
_CONTEXT = 2
_MORE = "…"


def difference(before: Sequence[str], after: Sequence[str], offset: int = 0) -> tuple[str, ...]:
    """A unified diff's hunks, without its head; empty where the lines are equal.

    `offset`: lines before the first of both. Long lines and long differences are cut, with an
    ellipsis.
    """
    same = _same_at_start(before, after)
    tail = _same_at_start(before[same:][::-1], after[same:][::-1])
    first = max(0, same - _CONTEXT)
    old, new = _middle(before, first, tail), _middle(after, first, tail)
    cut = len(old) > MOST_COMPARED or len(new) > MOST_COMPARED
    found: list[str] = []
    for line in _hunks(old[:MOST_COMPARED], new[:MOST_COMPARED], first + offset):
        if len(found) == MOST_LINES - 1:
            cut = True
            break
        found.append(line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + _MORE)
    return (*found, _MORE) if cut else tuple(found)


def _same_at_start(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    shorter = min(len(one), len(other))
    return next((number for number, (a, b) in pairs if a != b), shorter)


def _middle(lines: Sequence[str], first: int, tail: int) -> Sequence[str]:
    """`lines` from `first` on, with a little of the `tail` that is the same."""
    return lines[first : len(lines) - max(0, tail - _CONTEXT)]


def _hunks(old: Sequence[str], new: Sequence[str], offset: int) -> Iterator[str]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        start, end = group[0], group[-1]
        yield (f"@@ -{_extent(start[1], end[2], offset)} +{_extent(start[3], end[4], offset)} @@")
        for kind, i, j, k, m in group:
            if kind == "equal":
                yield from (f" {line}" for line in old[i:j])
            else:
                yield from (f"-{line}" for line in old[i:j])
                yield from (f"+{line}" for line in new[k:m])


def _extent(start: int, end: int, offset: int) -> str:
    """`first,count`, lines from 1; as in `diff -u`, the line before where there are none."""
    count = end - start
    return f"{start + offset + (1 if count else 0)},{count}"
