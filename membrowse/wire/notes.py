"""Notes and chunks as clients see them: the files of the folder and a chunk within its note."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from membrowse.wire.request import Request


class NoteState(StrEnum):
    """State of a file, compared with the index."""

    INDEXED = "indexed"
    NEW = "new"
    CHANGED = "changed"
    DELETED = "deleted"
    IGNORED = "ignored"
    SKIPPED = "skipped"
    FAILED = "failed"


NOT_INDEXED = (NoteState.FAILED, NoteState.SKIPPED, NoteState.IGNORED)
"""States of a file of which the index has nothing, or an older version that cannot be renewed."""


class Freshness(StrEnum):
    """State of a hit's note on disk, compared with the indexed version."""

    CURRENT = "current"
    CHANGED = "changed"
    DELETED = "deleted"
    UNREADABLE = "unreadable"
    """The file, or a folder above it, cannot be read, so its state is not known."""


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the folder, indexed or not."""

    path: str
    state: NoteState
    reason: str = ""
    """Why it is not indexed, or what went wrong, in full."""
    warnings: tuple[str, ...] = ()
    chunks: int = 0
    size: int = 0
    """Bytes."""
    modified_at: str = ""
    indexed_at: str = ""


class FilesRequest(Request[list[FileRecord]], frozen=True, kw_only=True):
    """List every file of the folder, by path."""


class ChunkView(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk within its note, as indexed, for the preview."""

    chunk: str
    """The current id: a successor's if the chunk asked for was edited away."""
    path: str
    title: str
    heading: str
    header: str
    """The context put before the text for encoding."""
    position: int
    """0-based index among the note's `count` chunks."""
    count: int
    start_line: int
    end_line: int
    date: str
    date_source: str
    """`front matter`, `file name`, `folders` or `mtime`."""
    indexed_at: str
    freshness: Freshness
    first_line: int
    """The line number of the first of `lines`."""
    lines: tuple[str, ...]
    """Lines of the note around the chunk, as indexed, without line ends."""
    marks: tuple[tuple[int, int, int], ...] = ()
    """Query words: (line number, start, end)."""
    warnings: tuple[str, ...] = ()


class ChunkRequest(Request[ChunkView], frozen=True, kw_only=True):
    """Show a chunk within its note."""

    chunk: str
    text: str = ""
    """A query whose words are to be marked."""
    syntax: str = "literal"


class NoteLines(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of a note as they are on disk."""

    path: str
    title: str
    date: str
    """The note's date as indexed, ISO."""
    freshness: Freshness
    """Compared with the index, whose line numbers hits have."""
    first_line: int
    """The line number of the first of `lines`."""
    total: int
    """Lines of the note."""
    lines: tuple[str, ...]
    """Without line ends; empty if the note ends before the first line asked for."""
    cut: bool = False
    """The limit of a reply ended it early: ask again from the next line."""


class NoteRequest(Request[NoteLines], frozen=True, kw_only=True):
    """Read lines of an indexed note."""

    path: str
    first_line: int = 1
    last_line: int | None = None
    """None: to the end."""
