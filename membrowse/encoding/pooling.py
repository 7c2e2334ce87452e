"""Turn contextual token embeddings into the vectors that are stored, for all encoders alike."""

from __future__ import annotations

import numpy as np

from membrowse.encoding.encoder import (
    EncodedQuery,
    EncodedText,
    EncoderInput,
    Float32,
    Int8,
    Piece,
)
from membrowse.encoding.model_config import MEAN
from membrowse.encoding.word_pieces import Tokenised
from membrowse.notes.passages import passages

_INT8_MAX = 127.0


def pool_text(
    item: EncoderInput, tokenised: Tokenised, embeddings: Float32, sentence: Float32, pooling: str
) -> EncodedText:
    """Return all vectors of a chunk from one forward pass.

    `tokenised` is `item.encoded_text`; `embeddings` [n, d'] are its contextual token embeddings,
    including specials; `sentence` [d] is the sentence embedding made by `pooling` (as in
    `ModelConfig.pooling`). Token vectors of header and specials are kept, since they improve late
    interaction.
    """
    vector = normalise_rows(sentence)
    spans = passages(item.text)
    if pooling == MEAN and spans:
        last_characters = _last_characters(item, tokenised.pieces)
        text_embeddings = embeddings[tokenised.inner]
        vectors = passage_vectors(spans, last_characters, text_embeddings, vector)
    else:
        vectors = np.repeat(vector[None], max(len(spans), 1), axis=0)
    tokens, scales = quantise(normalise_rows(embeddings))
    return EncodedText(item.key, vector, vectors, tokens, scales)


def pool_query(
    text: str, tokenised: Tokenised, embeddings: Float32, sentence: Float32
) -> EncodedQuery:
    """Return the vectors of a query; arguments as for `pool_text`."""
    pieces = tokenised.pieces
    unknown = sum(not piece.known for piece in pieces)
    return EncodedQuery(
        text=text,
        vector=normalise_rows(sentence),
        tokens=normalise_rows(embeddings[tokenised.inner]),
        pieces=pieces,
        unknown=unknown / len(pieces) if pieces else 0.0,
        cut=tokenised.cut,
    )


def passage_vectors(
    spans: list[tuple[int, int]],
    last_characters: np.ndarray[tuple[int], np.dtype[np.int64]],
    embeddings: Float32,
    fallback: Float32,
) -> Float32:
    """Return unit vectors [p, d] of passages, each the mean of its tokens' embeddings [t, d].

    The embeddings come from the last layer, before normalisation, so a token contributes to a
    passage as it does to the sentence embedding of a mean-pooled model. A token belongs to the
    passage whose span (start, end) contains its last character [t]. A passage without tokens gets
    the vector `fallback` [d].
    """
    bounds = np.array(spans, dtype=np.int64)
    belongs = (bounds[:, :1] <= last_characters) & (last_characters < bounds[:, 1:])
    sums = belongs.astype(np.float32) @ embeddings
    vectors = normalise_rows(sums)
    vectors[~belongs.any(axis=1)] = fallback
    return vectors


def normalise_rows(rows: Float32) -> Float32:
    """Scale rows to length one (L2), float32 of the same shape; a zero row stays zero."""
    lengths = np.sqrt(np.einsum("...d,...d->...", rows, rows))[..., None]
    result: Float32 = (rows / np.maximum(lengths, 1e-12)).astype(np.float32, copy=False)
    return result


def quantise(tokens: Float32) -> tuple[Int8, Float32]:
    """Quantise token vectors [t, d] to int8 [t, d] with one float32 scale per token [t].

    The largest component of a token becomes ±127; a component is off by at most half its token's
    scale.
    """
    largest = np.abs(tokens).max(axis=1, initial=0.0)
    scales = np.where(largest > 0, largest / _INT8_MAX, 1.0).astype(np.float32)
    return np.rint(tokens / scales[:, None]).astype(np.int8), scales


def _last_characters(
    item: EncoderInput, pieces: tuple[Piece, ...]
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the offset in `item.text` of each piece's last character; negative in the header."""
    ends = np.fromiter((piece.end for piece in pieces), np.int64, len(pieces))
    return ends - (1 + item.text_offset)
