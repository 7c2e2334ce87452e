"""Lines, sentences and words of a text as spans: (start, end) in characters, end exclusive.

A line ends at `\\n`, `\\r\\n` or a lone `\\r`, as in editors and in markdown. Form feeds, U+2028
and the other characters at which `str.splitlines` breaks are ordinary characters here, so line
numbers match those of an editor.
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
    r"""|(?<=[。！？；｡])["”’」』）》]*"""  # CJK: no white space follows
)
_WORD = re.compile(r"\S+\s*|\s+")
_VISIBLE = re.compile(r"\S")
_MAX_INDENT = 80


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

    def line_at(self, offset: int) -> int:
        """Number of the line that contains the character at `offset`."""
        return max(0, bisect_right(self._starts, offset) - 1)

    def line_span(self, line: int) -> Span:
        """Span of `line` including its line end."""
        return self.start(line), self.start(line + 1)

    def lines_in(self, span: Span) -> Iterator[Span]:
        """Yield the lines (or parts of lines) of `span`, including line ends."""
        start, end = span
        line = self.line_at(start)
        while start < end:
            stop = min(end, self.start(line + 1))
            yield start, stop
            start, line = stop, line + 1

    def trim(self, span: Span) -> Span | None:
        """Return `span` without surrounding blank lines and trailing white space; None if it is
        blank.

        The first line keeps its indentation if `span` contains the line from its start.
        """
        visible = _VISIBLE.search(self.text, *span)
        if visible is None:
            return None
        start = max(span[0], self.start(self.line_at(visible.start())))
        if visible.start() - start > _MAX_INDENT:
            start = visible.start()
        return start, start + len(self.text[start : span[1]].rstrip())


def sentences(text: str, span: Span) -> Iterator[Span]:
    """Yield the sentences of `span`, each with the white space that follows it.

    Together they cover `span`.
    """
    start, end = span
    for match in _SENTENCE_END.finditer(text, start, end):
        if start < match.end() < end:
            yield start, match.end()
            start = match.end()
    yield start, end


def words(text: str, span: Span) -> Iterator[Span]:
    """Yield the words of `span`, each with the white space that follows it.

    Together they cover `span`.
    """
    for match in _WORD.finditer(text, *span):
        yield match.span()
