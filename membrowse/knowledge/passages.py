"""The passages of a chunk: its lines, and the sentences of its long lines."""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.knowledge.spans import Lines, Span, sentences, words

LONG_LINE = 240
"""Characters; a longer line is split at its sentences."""
LONG_SENTENCE = 480
"""Characters; a longer sentence is split between words."""


def passages(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the passages of `text`, in order, without white space around them.

    Together they hold every character that is not white space.
    """
    found: list[tuple[int, int]] = []
    for line in Lines(text).within((0, len(text))):
        parts = [line] if line[1] - line[0] <= LONG_LINE else _of_long_line(text, line)
        found += (span for part in parts if (span := _stripped(text, part)) is not None)
    return found


def _of_long_line(text: str, line: Span) -> Iterator[Span]:
    for sentence in sentences(text, line):
        if sentence[1] - sentence[0] <= LONG_SENTENCE:
            yield sentence
        else:
            yield from _of_long_sentence(text, sentence)


def _of_long_sentence(text: str, sentence: Span) -> Iterator[Span]:
    start, reached = sentence[0], sentence[0]
    for _, end in words(text, sentence):
        if end - start > LONG_LINE and reached > start:
            yield start, reached
            start = reached
        while end - start > LONG_SENTENCE:
            yield start, start + LONG_LINE
            start += LONG_LINE
        reached = end
    yield start, reached


def _stripped(text: str, span: Span) -> Span | None:
    start, end = span
    part = text[start:end]
    ink = part.lstrip()
    if not ink:
        return None
    start = end - len(ink)
    return start, start + len(ink.rstrip())
