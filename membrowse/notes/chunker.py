"""Notes cut into chunks: runs of whole blocks under one heading path that fit the encoder's window.

Nothing may be cut off silently by the encoder, so every chunk is counted, with its header, by the
encoder's own word pieces before it leaves this module.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from membrowse.notes.blocks import HEADING, TEXT, Block, blocks
from membrowse.notes.chunk import Chunk
from membrowse.notes.dates import mentions
from membrowse.notes.note import MTIME, Note
from membrowse.notes.packer import (
    CHARACTERS_A_PIECE,
    LIKELY_CHARACTERS_A_PIECE,
    Cutter,
    Measure,
    Unit,
    encoded,
    packed,
)
from membrowse.notes.spans import Lines, Span

CHUNKER = "1"
"""Part of an index's recipe: another value means that chunks would be cut otherwise."""

SPECIALS = 2
"""Word pieces that the encoder adds to every text."""
SMALLEST_WINDOW = 16
_SEPARATOR = " › "
_LEFT_OUT = "…"


@dataclass(frozen=True, slots=True)
class _Section:
    """A heading path, its headings and the blocks below them."""

    headings: tuple[str, ...]
    blocks: tuple[Block, ...]


def chunks(note: Note, count: Callable[[str], int], window: int = 256) -> list[Chunk]:
    """The chunks of `note`, in order; together they hold all its text that is not blank.

    `count` gives the word pieces of a text, without specials. For every chunk,
    `count(header + "\\n" + text) + 2 <= window` (only a single character that alone costs more
    than half of a tiny window could not be cut to fit).
    """
    if window < SMALLEST_WINDOW:
        raise ValueError(f"a window of {window} word pieces is too small for any text")
    return _Chunker(note, count, window).chunks()


def chunk_id(path: str, headings: Sequence[str], text: str, ordinal: int) -> str:
    """Hash of path, heading path, text and ordinal among the note's chunks equal in these."""
    identity = msgspec.json.encode((path, tuple(headings), text, ordinal))
    return hashlib.sha256(identity).hexdigest()[:32]


def note_blocks(note: Note, lines: Lines) -> list[Block]:
    """The blocks of `note`, whose lines are `lines`, after its front matter."""
    begin = max(note.body_offset, note.broken_offset)
    first = lines.at(begin) if begin < len(note.text) else len(lines)
    broken = [Block(TEXT, 0, first)] if note.broken_offset else []
    return broken + blocks(lines, first)


class _Chunker:
    def __init__(self, note: Note, count: Callable[[str], int], window: int) -> None:
        self.note = note
        self.count = count
        self.window = window - SPECIALS
        self.lines = Lines(note.text)
        self.measure = Measure(note.text, count)
        self.made: list[Chunk] = []
        self.equals: Counter[tuple[tuple[str, ...], str]] = Counter()

    def chunks(self) -> list[Chunk]:
        for section in _sections(note_blocks(self.note, self.lines), self.note.title):
            header, budget = self._header(section.headings)
            for span in self._spans(section.blocks, header, budget):
                self._make(section.headings, header, span)
        return self.made

    def _header(self, headings: tuple[str, ...]) -> tuple[str, int]:
        """The context before the text, in at most half of the window, and what is left of it."""
        day = "" if self.note.date_source == MTIME else self.note.date
        parts = [part for part in (self.note.title, *headings) if part]
        most = self.window // 2
        for header in _headers(parts, day):
            if len(header) <= most * CHARACTERS_A_PIECE and (cost := self.count(header)) <= most:
                return header, self.window - cost
        return "", self.window

    def _spans(self, content: Sequence[Block], header: str, budget: int) -> Iterator[Span]:
        whole = self.lines.start(content[0].first), self.lines.start(content[-1].last)
        trimmed = self.lines.trimmed(whole)
        if trimmed is None:
            return
        likely = trimmed[1] - trimmed[0] <= budget * LIKELY_CHARACTERS_A_PIECE
        if likely and self._fits(trimmed, header, budget):
            yield trimmed
            return
        cutter = Cutter(self.lines, self.measure, budget, header)
        for run in packed(cutter.units(content), budget):
            yield from self._checked(run, header, budget, cutter)

    def _fits(self, span: Span, header: str, budget: int) -> bool:
        if not self.measure.bounded(span, budget):
            return False
        return self.count(encoded(header, self.note.text[slice(*span)])) <= self.window

    def _checked(
        self, run: Sequence[Unit], header: str, budget: int, cutter: Cutter
    ) -> Iterator[Span]:
        """The span of `run`; several, should it be longer than its units promised."""
        span = self.lines.trimmed((run[0].start, run[-1].end))
        if span is None:
            return
        checked = len(run) == 1 and run[0].checked and run[0].cost <= budget
        if checked or span[1] - span[0] <= 1 or self._fits(span, header, budget):
            yield span
        elif len(run) > 1:
            middle = len(run) // 2
            yield from self._checked(run[:middle], header, budget, cutter)
            yield from self._checked(run[middle:], header, budget, cutter)
        else:
            smaller = max(1, min(run[0].cost, span[1] - span[0] - 1) * 2 // 3)
            for part in packed(cutter.cut(span, smaller), smaller):
                yield from self._checked(part, header, budget, cutter)

    def _make(self, headings: tuple[str, ...], header: str, span: Span) -> None:
        start, end = span
        text = self.note.text[start:end]
        ordinal = self.equals[headings, text]
        self.equals[headings, text] += 1
        chunk = Chunk(
            id=chunk_id(self.note.path, headings, text, ordinal),
            path=self.note.path,
            position=len(self.made),
            title=self.note.name,
            headings=headings,
            tags=self.note.tags,
            date=self.note.date,
            header=header,
            text=text,
            start_line=self.lines.at(start) + 1,
            end_line=self.lines.at(end - 1) + 1,
            start_offset=start,
            end_offset=end,
        )
        self.made.append(chunk)


def _headers(parts: Sequence[str], day: str) -> Iterator[str]:
    """The full header, then shorter ones."""
    yield _joined(parts, day)
    if len(parts) > 2:
        yield _joined((parts[0], _LEFT_OUT, parts[-1]), day)
    if len(parts) > 1:
        yield _joined(parts[-1:], day)
    innermost = parts[-1] if parts else ""
    while innermost := innermost[: len(innermost) // 2]:
        yield _joined((innermost.rstrip() + _LEFT_OUT,), day)
    yield day


def _joined(parts: Sequence[str], day: str) -> str:
    if any(mentions(part, day) for part in parts):
        day = ""
    return ", ".join(part for part in (_SEPARATOR.join(parts), day) if part)


def _sections(content: Sequence[Block], title: str) -> Iterator[_Section]:
    """Runs of blocks under one heading path.

    A heading with nothing below it but a deeper heading begins that heading's section.
    """
    path: list[tuple[int, str]] = []
    run: list[Block] = []
    has_text = False
    for block in content:
        if block.kind == HEADING:
            deeper = bool(path) and block.level > path[-1][0]
            if run and (has_text or not deeper):
                yield _Section(_headings(path, title), tuple(run))
                run, has_text = [], False
            while path and path[-1][0] >= block.level:
                path.pop()
            path.append((block.level, block.title))
        else:
            has_text = True
        run.append(block)
    if run:
        yield _Section(_headings(path, title), tuple(run))


def _headings(path: Sequence[tuple[int, str]], title: str) -> tuple[str, ...]:
    """The heading path without the note's title and without empty headings."""
    return tuple(heading for _, heading in path if heading and heading != title)
