"""One generation of the index: an immutable, consistent view of everything a reader needs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from membrowse.index.chunk_table import KEY_BYTES, ChunkRows, ChunkTable, ContentKeys
from membrowse.index.keyword_reader import KeywordReader
from membrowse.index.protocols import BestChunks, KeywordIndex
from membrowse.index.vector_table import Mask, StoredVectors, VectorTable
from membrowse.notes.characters import is_folded
from membrowse.notes.chunk import Chunk


@dataclass(frozen=True, slots=True)
class IndexedNote:
    """A note as it was indexed."""

    path: str
    name: str
    """For display: the title, else the file name without extension."""
    title: str
    date: str
    """ISO date."""
    date_source: str
    """`front matter`, `file name`, `folders` or `mtime`."""
    size: int
    """Bytes."""
    mtime_ns: int
    sha256: str
    """Hash of the file's bytes, hex."""
    indexed_at: str
    """ISO 8601 in UTC."""
    warnings: tuple[str, ...]
    chunks: int
    """Number of chunks."""
    ctime_ns: int = 0
    inode: int = 0


@dataclass(frozen=True, eq=False)
class Generation:
    """A consistent view of the whole index. Rows number the chunks in canonical order."""

    number: int
    notes: Mapping[str, IndexedNote]
    """By path."""
    chunks: ChunkTable
    """By path, then position: the canonical order, which breaks all ties."""
    keyword: KeywordIndex
    vectors: VectorTable
    best_chunks: BestChunks | None = None
    """The store, if it answers only what is best; `vectors` then has only `encoded`."""

    @property
    def keys(self) -> Sequence[str]:
        """Content keys by row."""
        return ContentKeys(self.chunks)

    @property
    def row_of(self) -> Mapping[str, int]:
        """Chunk id to row."""
        return ChunkRows(self.chunks)

    @property
    def encoded(self) -> Mask:
        """[rows] bool: whether the chunk has vectors."""
        return self.vectors.encoded

    def vectors_of(self, row: int) -> StoredVectors | None:
        """The vectors of the chunk at `row`; None if it is not encoded."""
        if not self.encoded[row]:
            return None
        if self.best_chunks is not None:
            return self.best_chunks.vectors([row]).get(row)
        return self.vectors.stored(row)

    def rows(self, path: str) -> range:
        """The rows of the note at `path`; empty for an unknown path."""
        return self.chunks.rows(path)


@dataclass(frozen=True, eq=False)
class EmbeddedGeneration(Generation):
    """A generation whose postings and vectors are all within reach."""

    keyword: KeywordReader


def content_key(chunk: Chunk, encoder_key: str) -> str:
    """Return the key of a chunk's vectors: a hash of header, text and encoder (hex).

    The encoder folds text; where that changes it, so does the key, since earlier versions did not.
    Raises `UnicodeEncodeError` for text that is not Unicode (lone surrogates).
    """
    parts = [encoder_key, chunk.header, chunk.text]
    if not (is_folded(chunk.header) and is_folded(chunk.text)):
        parts.append("folded")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[: 2 * KEY_BYTES]
