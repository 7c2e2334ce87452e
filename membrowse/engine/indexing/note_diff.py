"""The indexed version of a note, compared with the file now."""

from __future__ import annotations

from collections.abc import Sequence

from membrowse.engine.querying.freshness import FreshnessOf
from membrowse.index.generation import Generation
from membrowse.notes.chunk import Chunk
from membrowse.notes.not_indexable import NotIndexable
from membrowse.notes.note import parse_note
from membrowse.notes.reader import FileContent, read_file
from membrowse.notes.text_diff import diff_lines
from membrowse.notes.text_segmentation import Lines
from membrowse.roots import Roots
from membrowse.settings import NotesSettings
from membrowse.wire.explanation import IndexedVersion
from membrowse.wire.notes import Freshness

NO_TEXT_CHANGED = "@@ only metadata, white space or text that is not indexed differs @@"


def indexed_version(
    roots: Roots, generation: Generation, path: str, settings: NotesSettings
) -> IndexedVersion:
    """The indexed version of the note at `path`, and the diff to the file if it has changed."""
    freshness = FreshnessOf(roots, generation.notes)(path)
    changed = freshness is Freshness.CHANGED
    return IndexedVersion(
        generation=generation.number,
        indexed_at=generation.notes[path].indexed_at,
        freshness=freshness,
        diff=indexed_against_file(roots, generation, path, settings) if changed else (),
    )


def indexed_against_file(
    roots: Roots, generation: Generation, path: str, settings: NotesSettings
) -> tuple[str, ...]:
    """The diff from a note's indexed text to its file; empty if equal or if the file cannot be
    read."""
    try:
        source = read_file(roots, path, settings)
    except (NotIndexable, FileNotFoundError):
        return ()
    return indexed_against(source, generation, path)


def indexed_against(source: FileContent, generation: Generation, path: str) -> tuple[str, ...]:
    """The same for a file that has been read."""
    if source.sha256 == generation.notes[path].sha256:
        return ()
    before = indexed_lines([generation.chunks[row] for row in generation.rows(path)])
    note = parse_note(source)
    after = _diffed_lines(note.text, note.text_offset)
    if before == after:
        return (NO_TEXT_CHANGED,)
    return diff_lines(before, after)


def indexed_lines(chunks: Sequence[Chunk]) -> list[str]:
    """The lines of a note, reassembled from its chunks, without trailing white space; lines outside
    all chunks (blank lines, metadata) are empty."""
    lines: list[str] = []
    reached = 0
    for chunk in chunks:
        first, *rest = _diffed_lines(chunk.text)
        if len(lines) >= chunk.start_line:  # the chunk starts in the middle of a line
            lines[-1] += " " * (chunk.start_offset - reached) + first
        else:
            lines += [""] * (chunk.start_line - len(lines) - 1)
            lines.append(first)
        lines += rest
        reached = chunk.end_offset
    return [line.rstrip() for line in lines]


def _diffed_lines(text: str, start: int = 0) -> list[str]:
    """The lines of `text` without trailing white space and trailing blank lines; lines before the
    offset `start` are empty."""
    found = Lines(text)
    spans = (found.line_span(number) for number in range(len(found)))
    lines = [text[max(first, start) : last].rstrip() for first, last in spans]
    while len(lines) > 1 and not lines[-1]:
        lines.pop()
    return lines or [""]
