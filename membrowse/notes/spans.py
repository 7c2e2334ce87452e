"""Lines, sentences and words of a text, as spans: (start, end) in characters, end exclusive.

A line ends at `\\n`, `\\r\\n` or a lone `\\r`, as in editors and markdown. Form feeds, U+2028 and
the other characters at which `str.splitlines` breaks are ordinary characters here, so that line
numbers are those an editor shows.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]

_LINE_END = re.compile(r"\r\n|\r|\n")
_SENTENCE_END = re.compile(
    r"""(?<=[.!?…])["')\]”’»]*\s+"""  # white space must follow
    r"""|(?<=[。！？；｡])["”’」』）》]*"""  # CJK: none does
)
_WORD = re.compile(r"\S+\s*|\s+")
_INK = re.compile(r"\S")
_LONGEST_INDENT = 80


class Lines:
    """The lines of `text`, numbered from 0."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
        if self._starts[-1] == len(text):
            self._starts.pop()

    def __len__(self) -> int:
        return len(self._starts)

    def start(self, line: int) -> int:
        """Offset of the first character of `line`; the text's length after the last line."""
        return self._starts[line] if line < len(self._starts) else len(self.text)

    def at(self, offset: int) -> int:
        """The line that holds the character at `offset`."""
        return max(0, bisect_right(self._starts, offset) - 1)

    def span(self, line: int) -> Span:
        """`line` with its line end."""
        return self.start(line), self.start(line + 1)

    def within(self, span: Span) -> Iterator[Span]:
        """The lines (or parts of lines) of `span`, with their line ends."""
        start, end = span
        line = self.at(start)
        while start < end:
            stop = min(end, self.start(line + 1))
            yield start, stop
            start, line = stop, line + 1

    def trimmed(self, span: Span) -> Span | None:
        """`span` without blank lines around it and white space at its end; None if it is blank.

        The indentation of its first line stays, where the span holds the line from its start.
        """
        ink = _INK.search(self.text, *span)
        if ink is None:
            return None
        start = max(span[0], self.start(self.at(ink.start())))
        if ink.start() - start > _LONGEST_INDENT:
            start = ink.start()
        return start, start + len(self.text[start : span[1]].rstrip())


def sentences(text: str, span: Span) -> Iterator[Span]:
    """The sentences of `span`, each with the white space that follows it; together all of it."""
    start, end = span
    for match in _SENTENCE_END.finditer(text, start, end):
        if start < match.end() < end:
            yield start, match.end()
            start = match.end()
    yield start, end


def words(text: str, span: Span) -> Iterator[Span]:
    """The words of `span`, each with the white space that follows it; together all of it."""
    for match in _WORD.finditer(text, *span):
        yield match.span()
