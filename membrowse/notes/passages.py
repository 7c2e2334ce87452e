"""Split a chunk into passages, which the vector ranking compares with a query.

Lines of about a sentence are passages. Longer lines become runs of sentences, short ones join a
neighbour, and a chunk has few in all. The lengths were tuned by measurement (in characters, about
4.2 per word piece).
"""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.notes.text_segmentation import Lines, Span, sentences, words

LONG_CHARACTERS = 200
"""A longer line is split at its sentences, a longer sentence between words."""
SHORT_CHARACTERS = 64
"""A shorter passage joins a neighbour."""
MAX_PASSAGES = 6
"""Passages of a chunk."""


def passages(text: str) -> list[tuple[int, int]]:
    """Return the spans (start, end) of the passages of `text`, in order, without outer white space.

    Together they contain every character that is not white space.
    """
    spans: list[Span] = []
    for line in Lines(text).lines_in((0, len(text))):
        spans += (
            span for part in _parts_of_line(text, line) if (span := _stripped_span(text, part))
        )
    _join_short(spans)
    while len(spans) > MAX_PASSAGES:
        _join(spans, min(range(len(spans) - 1), key=lambda i: spans[i + 1][1] - spans[i][0]))
    return spans


def _join(spans: list[Span], index: int) -> None:
    spans[index : index + 2] = [(spans[index][0], spans[index + 1][1])]


def _join_short(spans: list[Span]) -> None:
    """Join each short passage with the shorter of its neighbours."""
    index = 0
    while index < len(spans) and len(spans) > 1:
        if spans[index][1] - spans[index][0] >= SHORT_CHARACTERS:
            index += 1
            continue
        before = spans[index][1] - spans[index - 1][0] if index > 0 else None
        after = spans[index + 1][1] - spans[index][0] if index + 1 < len(spans) else None
        if after is None or (before is not None and before <= after):
            index -= 1
        _join(spans, index)


def _parts_of_line(text: str, line: Span) -> Iterator[Span]:
    """Yield `line`, or runs of its sentences that are not long."""
    if line[1] - line[0] <= LONG_CHARACTERS:
        yield line
        return
    start, end_of_run = line[0], line[0]
    for sentence in sentences(text, line):
        for _, end in _pieces_of_sentence(text, sentence):
            if end - start > LONG_CHARACTERS and end_of_run > start:
                yield start, end_of_run
                start = end_of_run
            end_of_run = end
    yield start, end_of_run


def _pieces_of_sentence(text: str, sentence: Span) -> Iterator[Span]:
    """Yield `sentence`, or its words if it is long, or slices of words that are long themselves."""
    if sentence[1] - sentence[0] <= LONG_CHARACTERS:
        yield sentence
        return
    for start, end in words(text, sentence):
        for position in range(start, end, LONG_CHARACTERS):
            yield position, min(end, position + LONG_CHARACTERS)


def _stripped_span(text: str, span: Span) -> Span | None:
    start, end = span
    visible = text[start:end].lstrip()
    if not visible:
        return None
    start = end - len(visible)
    return start, start + len(visible.rstrip())
