"""Exact vector scores of all chunks: cosine to the chunk and to its best passage.

A question is usually answered by one line of a chunk, which the chunk's own vector blurs. So a
chunk scores (1 - passage weight) · cosine(chunk) + passage weight · max over passages of cosine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from membrowse.encoding.encoder import Piece
from membrowse.index.analyser import analyse, is_stop_word
from membrowse.index.vector_table import Mask, Matrix, VectorTable
from membrowse.ranking.chunk_ranking import Rows, Scores

_TOLERANCE = 1e-5
"""Smaller differences of distances are ties: libraries sum in different orders, and what HNSW got
from an earlier version was not rounded to 16 bits."""
_CODE = re.compile(r"\b(?=[^\W_]*\d[^\W_]*\d)[^\W_]{7,100}\b")
_CODE_PIECES = 3


def vector_scores(vectors: VectorTable, query: Matrix, passage_weight: float) -> Scores:
    """Return scores [rows] for `query` ([d], unit length); 0 if a chunk is not encoded."""
    scores = np.zeros(len(vectors.entries))
    if passage_weight < 1.0:
        scores += (1.0 - passage_weight) * vectors.cosines(query).astype(np.float64)
    if passage_weight > 0.0:
        scores += passage_weight * vectors.best_passages(query).astype(np.float64)
    return scores


def missed_rows(cosines: Matrix, encoded: Mask, returned: Sequence[int], asked: int) -> Rows:
    """Return the rows that HNSW should have `returned` but did not.

    These are among the `asked` nearest by their own vector, whose `cosines` [rows] to the query are
    given, and nearer than the worst of the `returned`.
    """
    distances = 1.0 - cosines
    distances[~encoded] = np.inf
    farthest = np.partition(distances, asked - 1)[asked - 1]
    near = np.flatnonzero(distances <= farthest)
    nearest = near[np.argsort(distances[near], kind="stable")][:asked]
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
