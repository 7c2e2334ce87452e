"""MaxSim of a query's and a chunk's token vectors, weighted by the query's words.

Late interaction (Khattab and Zaharia, "ColBERT", SIGIR 2020), here with token vectors of the same
encoder that made the sentence vectors. The chunk's side is what is stored: int8 with a scale for
each token, its header included, specials dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from membrowse.index.analyser import Token, TokenKind, analyse, fold_word
from membrowse.index.stop_words import STOP_WORDS

if TYPE_CHECKING:
    from membrowse.encoding.encoder import EncodedQuery

Float32 = NDArray[np.float32]


class HasTokenVectors(Protocol):
    """A chunk's token vectors, from the store or fresh from the encoder."""

    @property
    def tokens(self) -> NDArray[np.int8]:
        """[t, d]"""

    @property
    def scales(self) -> Float32:
        """[t]: `tokens * scales[:, None]` are unit vectors."""


def query_weights(
    query: EncodedQuery, stop_word_weight: float, idf: Callable[[str], float] | None = None
) -> Float32:
    """What each piece of the query counts, [t].

    Nothing where it is punctuation or unknown to the encoder; else 1, or `stop_word_weight` in a
    stop word, times the root of the `idf` of the term that the piece's word is analysed to. Each of
    the n pieces of a word counts 1/√n of that: a name is not several words for being spelt out.
    Both roots were found by measuring, between counting fully and not at all.
    """
    words = [token for token in analyse(query.text) if token.kind is not TokenKind.WHOLE]
    place = 0
    pieces_of: dict[int, list[int]] = {}
    for number, piece in enumerate(query.pieces):
        while place < len(words) - 1 and words[place].end <= piece.start:
            place += 1
        written = query.text[piece.start : piece.end]
        if piece.known and any(character.isalnum() for character in written):
            pieces_of.setdefault(place, []).append(number)
    weights = np.zeros(len(query.pieces), dtype=np.float32)
    for place, pieces in pieces_of.items():
        word = words[place] if words else None
        weight = _word_weight(query.text, word, stop_word_weight, idf)
        weights[pieces] = weight / math.sqrt(len(pieces))
    return weights


def _word_weight(
    text: str,
    word: Token | None,
    stop_word_weight: float,
    idf: Callable[[str], float] | None,
) -> float:
    if word is None:
        return 1.0
    is_stop_word = fold_word(text[word.start : word.end]) in STOP_WORDS
    return (stop_word_weight if is_stop_word else 1.0) * (math.sqrt(idf(word.term)) if idf else 1.0)


def max_similarity(query: Float32, weights: Float32, chunk: HasTokenVectors) -> float:
    """MaxSim of query tokens [t, d] (unit rows) and one chunk's, as a weighted mean, -1 … 1.

    Sum over query tokens of weight · max over the chunk's tokens of their cosine, divided by the
    sum of weights. One product for each chunk, so that no neighbour in a pool can change its bits.
    """
    return weighted(maxima(query, chunk), weights)


def maxima(query: Float32, chunk: HasTokenVectors) -> Float32:
    """For each query token [t, d] the greatest cosine of any of the chunk's tokens, [t]; zeros for
    a chunk without tokens."""
    if not len(chunk.tokens):
        return np.zeros(len(query), dtype=np.float32)
    similarity = (chunk.tokens.astype(np.float32) @ query.T) * chunk.scales[:, None]
    greatest: Float32 = similarity.max(axis=0)
    return greatest


def weighted(greatest: Float32, weights: Float32) -> float:
    """The mean of `greatest` [t] by `weights` [t]; 0 where nothing counts."""
    total = float(weights.sum())
    if total <= 0:
        return 0.0
    return float(greatest.astype(np.float64) @ weights.astype(np.float64)) / total


def counted(query: EncodedQuery, weights: Float32) -> tuple[Float32, Float32]:
    """The tokens of `query` that count at all [c, d], and their weights [c]."""
    some = weights > 0
    return np.ascontiguousarray(query.tokens[some]), weights[some]
