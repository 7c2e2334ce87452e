"""One generation of the index: everything a reader needs, immutable, of one moment."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from membrowse.index.keyword_reader import KeywordReader
from membrowse.notes.chunk import Chunk

Matrix = NDArray[np.float32]
Rows = NDArray[np.int32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class IndexedNote:
    """A note as it was indexed."""

    path: str
    name: str
    """For display: the title, else the file's stem."""
    title: str
    date: str
    """ISO date."""
    date_source: str
    """`front matter`, `file name` or `mtime`."""
    size: int
    mtime_ns: int
    sha256: str
    """Of the file's bytes, hex."""
    indexed_at: str
    warnings: tuple[str, ...]
    chunks: int


@dataclass(frozen=True, eq=False)
class VectorTable:
    """The vectors of a generation's chunks, by row; d dimensions, p passages in all."""

    matrix: Matrix
    """[rows, d], C-contiguous, unit rows; zero where a chunk is not encoded."""
    encoded: Mask
    """[rows]"""
    passages: Matrix
    """[p, d], C-contiguous, unit rows; a chunk's passages follow each other, chunks by row."""
    starts: NDArray[np.int64]
    """[rows + 1]: the passages of row r are `passages[starts[r]:starts[r + 1]]`."""

    @cached_property
    def passage_rows(self) -> Rows:
        """[p]: the row of each passage, ascending."""
        return np.repeat(np.arange(len(self.encoded), dtype=np.int32), np.diff(self.starts))


@dataclass(frozen=True, eq=False)
class Generation:
    """A consistent view of the whole index. Rows number the chunks in canonical order."""

    number: int
    notes: Mapping[str, IndexedNote]
    chunks: Sequence[Chunk]
    """By path, then position: the order that breaks ties everywhere."""
    keys: Sequence[str]
    """Content keys, by row."""
    row_of: Mapping[str, int]
    """Chunk id to row."""
    keyword: KeywordReader
    vectors: VectorTable

    @property
    def matrix(self) -> Matrix:
        """[rows, d] float32, C-contiguous: sentence vectors; zero where not encoded."""
        return self.vectors.matrix

    @property
    def encoded(self) -> Mask:
        """[rows] bool: whether the chunk has vectors."""
        return self.vectors.encoded

    @property
    def passage_matrix(self) -> Matrix:
        """[p, d] float32, C-contiguous: passage vectors, chunks by row."""
        return self.vectors.passages

    @property
    def passage_rows(self) -> Rows:
        """[p] int32, ascending: the row of each passage. Rows not encoded have none."""
        return self.vectors.passage_rows

    @property
    def passage_starts(self) -> NDArray[np.int64]:
        """[rows + 1] int64: row r's passages are `passage_matrix[starts[r]:starts[r + 1]]`."""
        return self.vectors.starts

    def rows(self, path: str) -> range:
        """The rows of the note at `path`; empty for an unknown path."""
        first = bisect_left(self.chunks, path, key=_path)
        count = self.notes[path].chunks if path in self.notes else 0
        return range(first, first + count)


@dataclass(frozen=True, eq=False, slots=True)
class StoredVectors:
    """The vectors of one content key, as the matrices take them."""

    vector: Matrix
    """[d]"""
    passages: Matrix
    """[p, d]"""


def no_vectors(rows: int, dimension: int) -> VectorTable:
    """A table in which nothing is encoded."""
    return VectorTable(
        np.zeros((rows, dimension), np.float32),
        np.zeros(rows, np.bool_),
        np.zeros((0, dimension), np.float32),
        np.zeros(rows + 1, np.int64),
    )


def rearranged(
    table: VectorTable, source: NDArray[np.int64], added: Mapping[int, StoredVectors]
) -> VectorTable:
    """A table whose row r is row `source[r]` of `table` (none where -1), or `added[r]`.

    One copy of each matrix; `table` itself where nothing would change.
    """
    old_rows = len(table.encoded)
    if not added and np.array_equal(source, np.arange(old_rows)):
        return table
    source = source.copy()
    fresh = np.fromiter(added, np.int64, len(added))
    source[fresh] = -1
    kept = source >= 0
    counts = np.zeros(len(source), np.int64)
    counts[kept] = np.diff(table.starts)[source[kept]]
    counts[fresh] = [len(vectors.passages) for vectors in added.values()]
    encoded = np.zeros(len(source), np.bool_)
    encoded[kept] = table.encoded[source[kept]]
    encoded[fresh] = True
    starts = np.concatenate(([0], np.cumsum(counts)))
    result = VectorTable(
        np.empty((len(source), table.matrix.shape[1]), np.float32),
        encoded,
        np.empty((int(starts[-1]), table.passages.shape[1]), np.float32),
        starts,
    )
    result.matrix[~encoded] = 0.0
    for first, last, old in _runs(source):
        result.matrix[first:last] = table.matrix[old : old + last - first]
        begin, end = table.starts[old], table.starts[old + last - first]
        result.passages[starts[first] : starts[last]] = table.passages[begin:end]
    for row, vectors in added.items():
        result.matrix[row] = vectors.vector
        result.passages[starts[row] : starts[row + 1]] = vectors.passages
    return result


def _runs(source: NDArray[np.int64]) -> Iterable[tuple[int, int, int]]:
    """Stretches of rows that were neighbours before: first row, row after the last, old first."""
    if not len(source):
        return
    breaks = np.flatnonzero((np.diff(source) != 1) | (source[:-1] < 0)) + 1
    firsts = np.concatenate(([0], breaks))
    lasts = np.concatenate((breaks, [len(source)]))
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        old = int(source[first])
        if old >= 0:
            yield first, last, old


def _path(chunk: Chunk) -> str:
    return chunk.path
