"""The vectors of one generation's chunks, by row, and how they move to the next generation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from membrowse.encoding.encoder import EncodedText

Matrix = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class VectorTable:
    """Sentence and passage vectors by row; d dimensions, p passages in all."""

    matrix: Matrix
    """[rows, d], C-contiguous, unit rows; zero if the chunk is not encoded."""
    encoded: Mask
    """[rows]: whether the chunk has vectors."""
    passages: Matrix
    """[p, d], C-contiguous, unit rows; the passages of a chunk are adjacent, chunks by row."""
    starts: NDArray[np.int64]
    """[rows + 1]: the passages of row r are `passages[starts[r]:starts[r + 1]]`."""


@dataclass(frozen=True, eq=False, slots=True)
class StoredVectors:
    """The vectors of one content key."""

    vector: Matrix
    """[d]"""
    passages: Matrix
    """[p, d]"""


def vectors_by_key(encoded: Iterable[EncodedText]) -> dict[str, StoredVectors]:
    """Sentence and passage vectors of `encoded` by content key, C-contiguous float32."""
    return {
        text.key: StoredVectors(
            np.ascontiguousarray(text.vector, np.float32),
            np.ascontiguousarray(text.passages, np.float32),
        )
        for text in encoded
    }


def empty_vector_table(rows: int, dimension: int) -> VectorTable:
    """A table in which no row is encoded."""
    return VectorTable(
        np.zeros((rows, dimension), np.float32),
        np.zeros(rows, np.bool_),
        np.zeros((0, dimension), np.float32),
        np.zeros(rows + 1, np.int64),
    )


def rearrange(
    table: VectorTable, source: NDArray[np.int64], added: Mapping[int, StoredVectors]
) -> VectorTable:
    """Return a table whose row r is `added[r]`, else row `source[r]` of `table` (none if -1).

    Copies each matrix once; returns `table` itself if nothing would change.
    """
    old_rows = len(table.encoded)
    if not added and np.array_equal(source, np.arange(old_rows)):
        return table
    source = source.copy()
    added_rows = np.fromiter(added, np.int64, len(added))
    source[added_rows] = -1
    kept = source >= 0
    counts = np.zeros(len(source), np.int64)
    counts[kept] = np.diff(table.starts)[source[kept]]
    counts[added_rows] = [len(vectors.passages) for vectors in added.values()]
    encoded = np.zeros(len(source), np.bool_)
    encoded[kept] = table.encoded[source[kept]]
    encoded[added_rows] = True
    starts = np.concatenate(([0], np.cumsum(counts)))
    result = VectorTable(
        np.empty((len(source), table.matrix.shape[1]), np.float32),
        encoded,
        np.empty((int(starts[-1]), table.passages.shape[1]), np.float32),
        starts,
    )
    result.matrix[~encoded] = 0.0
    for first, end, old in _runs(source):
        old_end = old + end - first
        result.matrix[first:end] = table.matrix[old:old_end]
        result.passages[starts[first] : starts[end]] = table.passages[
            table.starts[old] : table.starts[old_end]
        ]
    for row, vectors in added.items():
        result.matrix[row] = vectors.vector
        result.passages[starts[row] : starts[row + 1]] = vectors.passages
    return result


def _runs(source: NDArray[np.int64]) -> Iterable[tuple[int, int, int]]:
    """Yield (first row, end row, first old row) of adjacent rows that were adjacent before."""
    if not len(source):
        return
    breaks = np.flatnonzero((np.diff(source) != 1) | (source[:-1] < 0)) + 1
    firsts = np.concatenate(([0], breaks))
    ends = np.concatenate((breaks, [len(source)]))
    for first, end in zip(firsts.tolist(), ends.tolist(), strict=True):
        old = int(source[first])
        if old >= 0:
            yield first, end, old
