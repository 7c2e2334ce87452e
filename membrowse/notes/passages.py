"""The passages of a chunk: what its vector ranking compares a query with.

Lines, where they are about a sentence long. Longer lines become runs of sentences, short ones join
a neighbour, and there are never more than a few. The lengths were found by trying
(characters, about 4.2 to a word piece).
"""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.notes.spans import Lines, Span, sentences, words

LONG = 200
"""Characters; a longer line is split at its sentences, a longer sentence between words."""
SHORT = 64
"""Characters; a shorter passage joins a neighbour."""
MOST = 6
"""Passages of a chunk."""


def passages(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the passages of `text`, in order, without white space around them.

    Together they hold every character that is not white space.
    """
    found: list[Span] = []
    for line in Lines(text).within((0, len(text))):
        found += (span for part in _parts(text, line) if (span := _stripped(text, part)))
    _join_short(found)
    while len(found) > MOST:
        _join(found, min(range(len(found) - 1), key=lambda at: found[at + 1][1] - found[at][0]))
    return found


def _join(found: list[Span], at: int) -> None:
    found[at : at + 2] = [(found[at][0], found[at + 1][1])]


def _join_short(found: list[Span]) -> None:
    """Join each short passage with the shorter of its neighbours."""
    at = 0
    while at < len(found) and len(found) > 1:
        if found[at][1] - found[at][0] >= SHORT:
            at += 1
            continue
        before = found[at][1] - found[at - 1][0] if at > 0 else None
        after = found[at + 1][1] - found[at][0] if at + 1 < len(found) else None
        if after is None or (before is not None and before <= after):
            at -= 1
        _join(found, at)


def _parts(text: str, line: Span) -> Iterator[Span]:
    """`line`, or runs of its sentences that are not long."""
    if line[1] - line[0] <= LONG:
        yield line
        return
    start, reached = line[0], line[0]
    for sentence in sentences(text, line):
        for _, end in _pieces(text, sentence):
            if end - start > LONG and reached > start:
                yield start, reached
                start = reached
            reached = end
    yield start, reached


def _pieces(text: str, sentence: Span) -> Iterator[Span]:
    """`sentence`, or its words if it is long, or slices of these if they are long too."""
    if sentence[1] - sentence[0] <= LONG:
        yield sentence
        return
    for start, end in words(text, sentence):
        for at in range(start, end, LONG):
            yield at, min(end, at + LONG)


def _stripped(text: str, span: Span) -> Span | None:
    start, end = span
    ink = text[start:end].lstrip()
    if not ink:
        return None
    start = end - len(ink)
    return start, start + len(ink.rstrip())
