"""Split notes into chunks: consecutive whole blocks under one heading path that fit the encoder.

The encoder must never truncate a chunk silently, so each chunk is counted together with its header,
in the encoder's own word pieces, before it leaves this module.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from membrowse.notes.block_splitter import (
    CHARACTERS_PER_PIECE,
    LIKELY_CHARACTERS_PER_PIECE,
    BlockSplitter,
    CostMeasure,
    Unit,
)
from membrowse.notes.chunk import Chunk, encoder_input
from membrowse.notes.dates import find_date, mentions_date
from membrowse.notes.markdown_blocks import FRONT_MATTER, HEADING, Block, note_blocks
from membrowse.notes.not_indexable import NotIndexable
from membrowse.notes.note import MTIME, Note
from membrowse.notes.text_segmentation import Lines, Span
from membrowse.wire.notes import NoteState

CHUNKER = "2"
"""Version of the chunker, part of an index's recipe: raise it when chunks change."""

_SPECIALS = 2
"""Special tokens that the encoder adds to every text."""
_MIN_WINDOW = 16
_NAMED_CHARACTERS = 16_000
"""A shorter note without a title has its file name in every header. Otherwise only the first chunk
has it: the name of a log says little about each of its hundreds of chunks (measured: MRR .807)."""
_SEPARATOR = " › "
_ELLIPSIS = "…"
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class _Section:
    """A heading path with its headings and the blocks below them."""

    headings: tuple[str, ...]
    blocks: tuple[Block, ...]


def chunk_note(
    note: Note, count: Callable[[str], int], window: int = 256, *, limit: int | None = None
) -> list[Chunk]:
    """Return the chunks of `note` in order; together they contain all its non-blank text.

    `count` returns the word pieces of a text without special tokens. For every chunk,
    `count(header + "\\n" + text) + 2 <= window` (unless a single character costs more than half of
    a tiny window). Raises `NotIndexable` as soon as more than `limit` chunks are certain, and
    `ValueError` if `window` is below 16.
    """
    if window < _MIN_WINDOW:
        raise ValueError(f"a window of {window} word pieces is too small for any text")
    return _Chunker(note, count, window, limit).run()


def _chunk_id(path: str, headings: Sequence[str], text: str, ordinal: int) -> str:
    """Hash path, heading path, text and the ordinal among the note's chunks with equal values."""
    identity = msgspec.json.encode((path, tuple(headings), text, ordinal))
    return hashlib.sha256(identity).hexdigest()[:32]


class _Chunker:
    def __init__(
        self, note: Note, count: Callable[[str], int], window: int, limit: int | None
    ) -> None:
        self.note = note
        self.limit = limit
        self.count = count
        self.window = window - _SPECIALS
        self.lines = Lines(note.text)
        self.measure = CostMeasure(note.text, count)
        self.title = named_title(note.title, note.file_words)
        self.named_throughout = not note.title and len(note.text) <= _NAMED_CHARACTERS
        self.chunks: list[Chunk] = []
        self.ordinals: Counter[tuple[tuple[str, ...], str]] = Counter()

    def run(self) -> list[Chunk]:
        sections = self._sections()
        self._check_limit(len(sections))  # each has a chunk
        for section in sections:
            header, budget = self._header(section.headings)
            for span in self._spans(section.blocks, header, budget):
                self._add_chunk(section.headings, header, span)
                if len(self.chunks) == 1 and not self.named_throughout:
                    self.title = self.note.title
                    header, _ = self._header(section.headings)
        return self.chunks

    def _check_limit(self, chunks: int) -> None:
        if self.limit is not None and chunks > self.limit:
            reason = f"more than {self.limit:,} chunks: split it into several notes"
            raise NotIndexable(NoteState.FAILED, reason)

    def _sections(self) -> list[_Section]:
        """The note's sections; front matter joins the first one if the chunk holds both."""
        blocks = note_blocks(self.note, self.lines)
        front = blocks[:1] if blocks and blocks[0].kind == FRONT_MATTER else []
        sections = list(_sections(blocks[len(front) :], self.note.title))
        if not front:
            return sections
        if sections:
            joined = _Section(sections[0].headings, (*front, *sections[0].blocks))
            header, budget = self._header(joined.headings)
            if self._fits(self._span(joined.blocks), header, budget):
                return [joined, *sections[1:]]
        return [_Section((), tuple(front)), *sections]

    def _span(self, blocks: Sequence[Block]) -> Span:
        return self.lines.start(blocks[0].start), self.lines.start(blocks[-1].end)

    def _header(self, headings: tuple[str, ...]) -> tuple[str, int]:
        """Return the context header, at most half of the window, and the pieces left for text."""
        day = "" if self.note.date_source == MTIME else self.note.date
        titles = [title for title in (self.title, *headings) if title]
        limit = self.window // 2
        for header in _headers(titles, day):
            fits = len(header) <= limit * CHARACTERS_PER_PIECE
            if fits and (cost := self.count(header)) <= limit:
                return header, self.window - cost
        return "", self.window

    def _spans(self, blocks: Sequence[Block], header: str, budget: int) -> Iterator[Span]:
        trimmed = self.lines.trim(self._span(blocks))
        if trimmed is None:
            return
        likely = trimmed[1] - trimmed[0] <= budget * LIKELY_CHARACTERS_PER_PIECE
        if likely and self._fits(trimmed, header, budget):
            yield trimmed
            return
        splitter = BlockSplitter(self.lines, self.measure, budget, header)
        for units in _pack_units(splitter.units(blocks), budget):
            yield from self._checked(units, header, budget, splitter)

    def _fits(self, span: Span, header: str, budget: int) -> bool:
        if not self.measure.length_fits(span, budget):
            return False
        return self.count(encoder_input(header, self.note.text[slice(*span)])) <= self.window

    def _checked(
        self, units: Sequence[Unit], header: str, budget: int, splitter: BlockSplitter
    ) -> Iterator[Span]:
        """Yield the span of `units`, split further if it costs more than their sum."""
        span = self.lines.trim((units[0].start, units[-1].end))
        if span is None:
            return
        known_to_fit = len(units) == 1 and units[0].counted_with_header and units[0].cost <= budget
        if known_to_fit or span[1] - span[0] <= 1 or self._fits(span, header, budget):
            yield span
        elif len(units) > 1:
            middle = len(units) // 2
            yield from self._checked(units[:middle], header, budget, splitter)
            yield from self._checked(units[middle:], header, budget, splitter)
        else:
            smaller = max(1, min(units[0].cost, span[1] - span[0] - 1) * 2 // 3)
            for smaller_run in _pack_units(splitter.split(span, smaller), smaller):
                yield from self._checked(smaller_run, header, budget, splitter)

    def _add_chunk(self, headings: tuple[str, ...], header: str, span: Span) -> None:
        start, end = span
        text = self.note.text[start:end]
        ordinal = self.ordinals[headings, text]
        self.ordinals[headings, text] += 1
        chunk = Chunk(
            id=_chunk_id(self.note.path, headings, text, ordinal),
            path=self.note.path,
            position=len(self.chunks),
            title=self.note.name,
            headings=headings,
            tags=self.note.tags,
            date=self.note.date,
            header=header,
            text=text,
            start_line=self.lines.line_at(start) + 1,
            end_line=self.lines.line_at(end - 1) + 1,
            start_offset=self.note.file_offset(start),
            end_offset=self.note.file_offset(end),
        )
        self.chunks.append(chunk)
        self._check_limit(len(self.chunks))


def named_title(title: str, file_words: str) -> str:
    """Return the title with the words of the file name that it lacks, dates aside, in brackets."""
    if not title:
        return file_words
    known = _words(title)
    missing = [
        word
        for word in file_words.split()
        if not known.issuperset(_words(word)) and not find_date(word)
    ]
    return f"{title} ({' '.join(missing)})" if missing else title


def _words(text: str) -> set[str]:
    return {word.lstrip("0") for word in _WORDS.findall(text.casefold())}


def _pack_units(units: Iterable[Unit], budget: int) -> list[list[Unit]]:
    """Group consecutive units into runs that cost at most `budget`, as few as possible.

    Every run is filled from top to bottom (smaller runs measured worse), so an edit moves no text
    between the runs above it.
    """
    runs: list[list[Unit]] = []
    run: list[Unit] = []
    cost = 0
    for unit in units:
        if run and cost + unit.cost > budget:
            runs.append(run)
            run, cost = [], 0
        run.append(unit)
        cost += unit.cost
    if run:
        runs.append(run)
    return runs


def _headers(titles: Sequence[str], day: str) -> Iterator[str]:
    """Yield the full header, then shorter and shorter ones."""
    yield _join(titles, day)
    if len(titles) > 2:
        yield _join((titles[0], _ELLIPSIS, titles[-1]), day)
    if len(titles) > 1:
        yield _join(titles[-1:], day)
    innermost = titles[-1] if titles else ""
    while innermost := innermost[: len(innermost) // 2]:
        yield _join((innermost.rstrip() + _ELLIPSIS,), day)
    yield day


def _join(titles: Sequence[str], day: str) -> str:
    if any(mentions_date(title, day) for title in titles):
        day = ""
    return ", ".join(part for part in (_SEPARATOR.join(titles), day) if part)


def _sections(blocks: Sequence[Block], title: str) -> Iterator[_Section]:
    """Yield runs of blocks under one heading path.

    A heading followed directly by a deeper one starts the deeper heading's section.
    """
    path: list[tuple[int, str]] = []
    run: list[Block] = []
    has_text = False
    for block in blocks:
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
    """Return the heading path without the note's title and without empty headings."""
    return tuple(heading for _, heading in path if heading and heading != title)
