"""Passages get the vectors of their own tokens, never of the header or of a neighbour."""

from __future__ import annotations

import numpy as np

from membrowse.encoding.encoder import EncoderInput, Float32, Piece
from membrowse.encoding.pooling import normalise_rows, passage_vectors, pool_text
from membrowse.encoding.word_pieces import Tokenised
from tests.encoding.quantisation import dequantise

EYE = np.eye(4, dtype=np.float32)
FILL = "." * 80
"""Makes a line long enough to be a passage."""
SENTENCE = normalise_rows(np.ones(4, np.float32))


def tokenised(text: str, *words: str) -> Tokenised:
    """`text` as if each of `words` were a piece, between two specials."""
    starts = [text.index(word) for word in words]
    pieces = tuple(
        Piece(word, start, start + len(word), True)
        for word, start in zip(words, starts, strict=True)
    )
    return Tokenised(np.arange(len(words) + 2), slice(1, len(words) + 1), pieces, False)


def framed(*rows: Float32) -> Float32:
    special = np.full(4, 9.0, np.float32)
    return np.array([special, *rows, special])


def test_a_passage_is_the_mean_of_its_unnormalised_tokens() -> None:
    chunk = EncoderInput("k", "Top", f"one two {FILL}\nthree {FILL}")
    text = tokenised(chunk.encoded_text, "Top", "one", "two", "three")
    rows = framed(EYE[3] * 5, EYE[0] * 3, EYE[1], EYE[2])
    result = pool_text(chunk, text, rows, SENTENCE, "mean")
    np.testing.assert_allclose(
        result.passages, normalise_rows(np.array([[3, 1, 0, 0], [0, 0, 1, 0.0]]))
    )
    np.testing.assert_allclose(result.vector, SENTENCE)


def test_every_token_is_kept_for_late_interaction() -> None:
    chunk = EncoderInput("k", "Top", "one")
    text = tokenised(chunk.encoded_text, "Top", "one")
    result = pool_text(chunk, text, framed(EYE[3] * 5, EYE[0] * 3), SENTENCE, "mean")
    kept = dequantise(result.tokens, result.scales)
    half = np.full(4, 0.5, np.float32)
    np.testing.assert_allclose(kept, [half, EYE[3], EYE[0], half], atol=0.01)


def test_a_passage_without_tokens_has_the_chunks_vector() -> None:
    vectors = passage_vectors([(0, 3), (4, 9)], np.array([1, 2]), EYE[:2], SENTENCE)
    np.testing.assert_allclose(vectors, [normalise_rows(EYE[0] + EYE[1]), SENTENCE])


def test_a_piece_with_leading_white_space_belongs_to_its_own_line() -> None:
    chunk = EncoderInput("k", "", f"one {FILL}\ntwo {FILL}")
    text = tokenised(chunk.text, "one", "\ntwo")
    result = pool_text(chunk, text, framed(EYE[0], EYE[1]), SENTENCE, "mean")
    np.testing.assert_allclose(result.passages, EYE[:2])


def test_a_text_without_passages_has_one_passage_vector() -> None:
    chunk = EncoderInput("k", "", "")
    result = pool_text(chunk, tokenised(""), framed(), SENTENCE, "mean")
    np.testing.assert_allclose(result.passages, SENTENCE[None])


def test_sentence_vectors_are_normalised() -> None:
    chunk = EncoderInput("k", "", "one")
    result = pool_text(chunk, tokenised("one", "one"), framed(EYE[0]), SENTENCE * 7, "mean")
    np.testing.assert_allclose(result.vector, SENTENCE, atol=1e-6)
