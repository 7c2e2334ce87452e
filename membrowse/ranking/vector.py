"""Exact vector scores of all chunks: cosine to the chunk and to its best passage.

A question is usually answered by one line of a chunk, which the chunk's own vector blurs; so a
chunk scores (1 - passage weight) · cosine(chunk) + passage weight · max over passages of cosine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from membrowse.ranking.ranked_query import Rows, Scores

if TYPE_CHECKING:
    from membrowse.encoding.encoder import Piece
    from membrowse.index.generation import Generation

_SAME = 1e-6
"""Distances that differ by less are equal: two libraries add up in different orders."""
_PARTS = min(os.cpu_count() or 1, 4)
_LARGE_BYTES = 16 << 20
"""A matrix from this size on is worth a thread for each of `_PARTS`: 150 MB take 6 ms, not 12."""
_others = ThreadPoolExecutor(max(1, _PARTS - 1), thread_name_prefix="product")


def cosines(generation: Generation, query: NDArray[np.float32], passage_weight: float) -> Scores:
    """Scores [rows] of `query` ([d], unit length); 0 where a chunk is not encoded."""
    scores = np.zeros(len(generation.encoded))
    if passage_weight < 1.0:
        scores += generation.matrix @ query
    if passage_weight > 0.0 and len(generation.passage_matrix):
        rows = np.flatnonzero(np.diff(generation.passage_starts))
        starts = generation.passage_starts[rows]
        products = _products(generation.passage_matrix, query)
        best = np.maximum.reduceat(products, starts).astype(np.float64)
        scores[rows] = (1.0 - passage_weight) * scores[rows] + passage_weight * best
    scores[~generation.encoded] = 0.0
    return scores


def _products(matrix: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """`matrix` [p, d] times `query` [d]; a large one in parts beside each other, each as always."""
    if matrix.nbytes < _LARGE_BYTES or _PARTS == 1:
        return matrix @ query
    first, *rest = np.array_split(matrix, _PARTS)
    beside = [_others.submit(np.matmul, part, query) for part in rest]
    return np.concatenate([first @ query, *(part.result() for part in beside)])


def missed(
    generation: Generation, query: NDArray[np.float32], returned: Sequence[int], asked: int
) -> Rows:
    """The rows that are nearer to `query` by their own vector than the worst of the `returned`,
    and among the `asked` nearest, but were not returned.
    """
    distances = 1.0 - generation.matrix @ query
    distances[~generation.encoded] = np.inf
    nearest = np.argsort(distances, kind="stable")[:asked]
    full = len(returned) >= asked
    limit = distances[list(returned)].max() - _SAME if full else np.inf
    lost = nearest[(distances[nearest] < limit) & ~np.isin(nearest, returned)]
    return lost.astype(np.int32)


def known_share(text: str, pieces: Sequence[Piece]) -> float:
    """Share of the query's pieces, punctuation aside, that the encoder knows: what it may decide.

    `pieces` are those of `text`. 1 where there is nothing but punctuation.
    """
    words = [
        piece.known
        for piece in pieces
        if not piece.known or any(map(str.isalnum, text[piece.start : piece.end]))
    ]
    return sum(words) / len(words) if words else 1.0


class Twins:
    """Rows of equal content, which must score equal to the last bit.

    A product of a matrix and a vector may differ in its last bits by a row's place in the matrix;
    so each row takes the score of the first row with the same content key.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        first: dict[str, int] = {}
        rows: list[int] = []
        firsts: list[int] = []
        for row, key in enumerate(keys):
            earlier = first.setdefault(key, row)
            if earlier != row:
                rows.append(row)
                firsts.append(earlier)
        self._rows: Rows = np.array(rows, dtype=np.int32)
        self._firsts: Rows = np.array(firsts, dtype=np.int32)

    def level(self, scores: Scores) -> None:
        """Give every row its first twin's score, in place."""
        scores[self._rows] = scores[self._firsts]
