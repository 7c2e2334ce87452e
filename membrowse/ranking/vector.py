"""Exact vector scores of all chunks: cosine to the chunk and to its best passage.

A question is usually answered by one line of a chunk, which the chunk's own vector blurs. So a
chunk scores (1 - passage weight) · cosine(chunk) + passage weight · max over passages of cosine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from membrowse.encoding.encoder import Piece
from membrowse.index.analyser import analyse, is_stop_word
from membrowse.index.generation import Generation
from membrowse.ranking.chunk_ranking import Rows, Scores

_TOLERANCE = 1e-6
"""Smaller differences of distances are ties: two libraries sum in different orders."""
_PARTS = min(os.cpu_count() or 1, 4)
_LARGE_BYTES = 16 << 20
"""Matrices from this size are multiplied in `_PARTS` threads: 150 MB take 6 ms, not 12."""
_CODE = re.compile(r"\b(?=[^\W_]*\d[^\W_]*\d)[^\W_]{7,100}\b")
_CODE_PIECES = 3
_executor = ThreadPoolExecutor(max(1, _PARTS - 1), thread_name_prefix="product")


def vector_scores(
    generation: Generation, query: NDArray[np.float32], passage_weight: float
) -> Scores:
    """Return scores [rows] for `query` ([d], unit length); 0 if a chunk is not encoded."""
    scores = np.zeros(len(generation.encoded))
    if passage_weight < 1.0:
        scores += generation.matrix @ query
    if passage_weight > 0.0 and len(generation.passage_matrix):
        rows = np.flatnonzero(np.diff(generation.passage_starts))
        starts = generation.passage_starts[rows]
        products = _dot_products(generation.passage_matrix, query)
        best = np.maximum.reduceat(products, starts).astype(np.float64)
        scores[rows] = (1.0 - passage_weight) * scores[rows] + passage_weight * best
    scores[~generation.encoded] = 0.0
    return scores


def _dot_products(matrix: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `matrix` [p, d] @ `query` [d]; a large matrix is multiplied in concurrent parts."""
    if matrix.nbytes < _LARGE_BYTES or _PARTS == 1:
        return matrix @ query
    first, *rest = np.array_split(matrix, _PARTS)
    futures = [_executor.submit(np.matmul, part, query) for part in rest]
    return np.concatenate([first @ query, *(future.result() for future in futures)])


def missed_rows(
    generation: Generation, query: NDArray[np.float32], returned: Sequence[int], asked: int
) -> Rows:
    """Return the rows that HNSW should have `returned` but did not.

    These are among the `asked` nearest by their own vector, and nearer to `query` than the worst of
    the `returned`.
    """
    distances = 1.0 - generation.matrix @ query
    distances[~generation.encoded] = np.inf
    nearest = np.argsort(distances, kind="stable")[:asked]
    full = len(returned) >= asked
    limit = distances[list(returned)].max() - _TOLERANCE if full else np.inf
    missed = nearest[(distances[nearest] < limit) & ~np.isin(nearest, returned)]
    return missed.astype(np.int32)


def known_share(text: str, pieces: Sequence[Piece], dates: Sequence[tuple[int, int]] = ()) -> float:
    """Return the share of the query's pieces, without punctuation, that the encoder knows.

    `pieces` are those of `text`, `dates` the spans of dates that notes have. These count as
    unknown, as does a long number or code in several pieces: to an encoder, all are much alike.
    Stop words count only beside no other word. 1 if it is only punctuation.
    """
    codes = _code_offsets(text, pieces, dates)
    stop_words = {
        start
        for token in analyse(text)
        if is_stop_word(token, text)
        for start in range(token.start, token.end)
    } - codes
    words = [
        (piece.known and piece.start not in codes, piece.start in stop_words)
        for piece in pieces
        if not piece.known or any(map(str.isalnum, text[piece.start : piece.end]))
    ]
    content = [known for known, is_stop in words if not is_stop] or [known for known, _ in words]
    return sum(content) / len(content) if content else 1.0


def _code_offsets(
    text: str, pieces: Sequence[Piece], dates: Sequence[tuple[int, int]]
) -> frozenset[int]:
    """Return the offsets of the pieces of `dates`, numbers and codes (`9783161484100`)."""
    starts = {piece.start for piece in pieces for start, end in dates if start <= piece.start < end}
    for match in _CODE.finditer(text):
        inside = {piece.start for piece in pieces if match.start() <= piece.start < match.end()}
        starts |= inside if len(inside) >= _CODE_PIECES else set()
    return frozenset(starts)


class EqualRows:
    """Rows of equal content, whose scores must be equal to the last bit.

    A matrix-vector product may differ in its last bits by a row's position in the matrix, so each
    row gets the score of the first row with the same content key.
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

    def equalise(self, scores: Scores) -> None:
        """Give every row the score of the first equal row, in place."""
        scores[self._rows] = scores[self._firsts]
