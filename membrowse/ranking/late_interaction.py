"""MaxSim of a query's and a chunk's token vectors, weighted by the query's words.

Late interaction (Khattab and Zaharia, "ColBERT", SIGIR 2020) with token vectors of the encoder that
also makes the sentence vectors. The chunk's side is stored as int8 with a scale per token,
including its header.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from membrowse.encoding.encoder import EncodedQuery, Float32
from membrowse.index.analyser import Token, TokenKind, analyse, is_stop_word


class HasTokenVectors(Protocol):
    """A chunk's token vectors, stored or newly encoded."""

    @property
    def tokens(self) -> NDArray[np.int8]:
        """[t, d]"""

    @property
    def scales(self) -> Float32:
        """[t]: `tokens * scales[:, None]` are unit vectors."""


def query_weights(
    query: EncodedQuery, stop_word_weight: float, idf: Callable[[str], float] | None = None
) -> Float32:
    """Return the weight of each piece of the query, [t].

    Punctuation and unknown pieces have weight 0. Any other piece has weight 1, or
    `stop_word_weight` in a stop word, times the square root of the `idf` of its word's term,
    divided by √n for a word of n pieces, so that a name does not count several times for being
    split. Both roots were found by measurement.
    """
    words = [token for token in analyse(query.text) if token.kind is not TokenKind.WHOLE]
    word_index = 0
    pieces_of: dict[int, list[int]] = {}
    for number, piece in enumerate(query.pieces):
        while word_index < len(words) - 1 and words[word_index].end <= piece.start:
            word_index += 1
        text = query.text[piece.start : piece.end]
        if piece.known and any(character.isalnum() for character in text):
            pieces_of.setdefault(word_index, []).append(number)
    weights = np.zeros(len(query.pieces), dtype=np.float32)
    for word_index, pieces in pieces_of.items():
        word = words[word_index] if words else None
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
    weight = stop_word_weight if is_stop_word(word, text) else 1.0
    return weight * (math.sqrt(idf(word.term)) if idf else 1.0)


def maxima(query: Float32, chunk: HasTokenVectors) -> Float32:
    """For each query token [t, d], return its greatest cosine to any of the chunk's tokens, [t].

    Zeros for a chunk without tokens. One product per chunk, so the result does not depend on the
    rest of the pool.
    """
    if not len(chunk.tokens):
        return np.zeros(len(query), dtype=np.float32)
    similarity = (chunk.tokens.astype(np.float32) @ query.T) * chunk.scales[:, None]
    greatest: Float32 = similarity.max(axis=0)
    return greatest


def weighted_mean(greatest: Float32, weights: Float32) -> float:
    """Return the mean of `greatest` [t] by `weights` [t]; 0 if all weights are 0."""
    total = float(weights.sum())
    if total <= 0:
        return 0.0
    return float(greatest.astype(np.float64) @ weights.astype(np.float64)) / total


def weighted_tokens(query: EncodedQuery, weights: Float32) -> tuple[Float32, Float32]:
    """Return the tokens of `query` with a weight [c, d], and their weights [c]."""
    weighted = weights > 0
    return np.ascontiguousarray(query.tokens[weighted]), weights[weighted]
