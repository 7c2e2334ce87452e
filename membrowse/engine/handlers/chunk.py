"""Shows a chunk within its note, as indexed, assembled from the chunks around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from membrowse.engine.components import Components
from membrowse.engine.priority import Pause
from membrowse.engine.querying.freshness import FreshnessOf
from membrowse.index.analyser import analyse
from membrowse.index.generation import Generation
from membrowse.notes.chunk import Chunk
from membrowse.notes.text_segmentation import Lines
from membrowse.ranking.query_parser import ParsedQuery, parse_query
from membrowse.wire.notes import ChunkRequest, ChunkView, Freshness

CONTEXT_CHUNKS = 4
"""Chunks of the note shown before and after the requested one."""

Marker = Callable[[str], Sequence[tuple[int, int]]]
"""Line → spans (start, end) of query words."""


def chunk(components: Components, request: ChunkRequest, _pause: Pause) -> ChunkView:
    """The chunk, or its successor, within its note. Raises `Unknown` if it is gone."""
    generation = components.index.generation
    row = components.targets.live_row(generation.row_of, request.chunk)
    freshness = FreshnessOf(components.roots, generation.notes)(generation.chunks[row].path)
    reader = components.configuration.ranker.date_reader(generation)
    marker = _word_marker(parse_query(request.text, request.syntax, reader))
    return _chunk_view(generation, row, freshness, marker)


def _word_marker(query: ParsedQuery) -> Marker:
    """A marker of the words that match `query`."""
    terms = frozenset(query.terms.terms)

    def mark(line: str) -> Sequence[tuple[int, int]]:
        if not terms:
            return ()
        return [(token.start, token.end) for token in analyse(line) if token.term in terms]

    return mark


def _chunk_view(generation: Generation, row: int, freshness: Freshness, mark: Marker) -> ChunkView:
    """The chunk of `row` with its context; lines outside all chunks are blank."""
    chunk = generation.chunks[row]
    note = generation.notes[chunk.path]
    around = _neighbours(generation, row, note.chunks)
    lines = chunk_lines(around)
    first = around[0].start_line
    return ChunkView(
        chunk=chunk.id,
        path=chunk.path,
        title=chunk.title,
        heading=chunk.heading,
        header=chunk.header,
        position=chunk.position,
        count=note.chunks,
        start_line=chunk.start_line,
        end_line=chunk.end_line,
        date=note.date,
        date_source=note.date_source,
        indexed_at=note.indexed_at,
        freshness=freshness,
        first_line=first,
        lines=tuple(lines),
        marks=tuple(
            (first + number, start, end)
            for number, line in enumerate(lines)
            for start, end in mark(line)
        ),
        warnings=note.warnings,
    )


def _neighbours(generation: Generation, row: int, count: int) -> Sequence[Chunk]:
    position = generation.chunks[row].position
    before = min(position, CONTEXT_CHUNKS)
    after = min(count - 1 - position, CONTEXT_CHUNKS)
    return generation.chunks[row - before : row + after + 1]


def chunk_lines(chunks: Sequence[Chunk]) -> list[str]:
    """The lines from the start of the first chunk to the end of the last.

    Two chunks may share a line; those of a store may overlap, and then the later one counts.
    """
    first, done = chunks[0].start_line, 0
    lines = [""] * (max(chunk.end_line for chunk in chunks) - first + 1)
    for chunk in chunks:
        text = Lines(chunk.text)
        for number in range(len(text)):
            start, end = text.line_span(number)
            line, part = chunk.start_line - first + number, chunk.text[start:end].rstrip("\r\n")
            lines[line] = part if chunk.start_offset < done else lines[line] + part
        done = chunk.end_offset
    return lines
