"""From contextual token embeddings to the vectors that are kept: one code for both encoders."""

from __future__ import annotations

import numpy as np

from membrowse.encoding.model_config import MEAN
from membrowse.encoding.vectors import (
    EncodedQuery,
    EncodedText,
    EncoderInput,
    Float32,
    Piece,
    normalise_rows,
    quantise,
)
from membrowse.encoding.word_pieces import Tokenised
from membrowse.notes.passages import passages


def encoded(
    item: EncoderInput, tokenised: Tokenised, embeddings: Float32, sentence: Float32, pooling: str
) -> EncodedText:
    """All vectors of a chunk from one forward pass.

    `tokenised` is `item.encoded_text`; `embeddings` [n, d'] are its contextual token embeddings,
    specials included; `sentence` [d] is the sentence embedding, made by `pooling` (as in
    `Configuration.pooling`). Token vectors of header and specials are kept: they help late
    interaction.
    """
    inner = embeddings[tokenised.inner]
    vector = normalise_rows(sentence)
    spans = passages(item.text)
    if pooling == MEAN and spans:
        vectors = passage_vectors(spans, _last_characters(item, tokenised.pieces), inner, vector)
    else:
        vectors = np.repeat(vector[None], max(len(spans), 1), axis=0)
    tokens, scales = quantise(normalise_rows(embeddings))
    return EncodedText(item.key, vector, vectors, tokens, scales)


def _last_characters(
    item: EncoderInput, pieces: tuple[Piece, ...]
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where in `item.text` each piece ends; negative for those of the header."""
    ends = np.fromiter((piece.end for piece in pieces), np.int64, len(pieces))
    return ends - (1 + item.text_offset)


def passage_vectors(
    spans: list[tuple[int, int]],
    last_characters: np.ndarray[tuple[int], np.dtype[np.int64]],
    embeddings: Float32,
    otherwise: Float32,
) -> Float32:
    """Unit vectors [p, d] of a text's passages: each the mean of its tokens' embeddings [t, d].

    The embeddings are those of the last layer, before any normalisation, so that a token counts
    for a passage what it counts for the sentence embedding of a model pooled by its mean. A token
    belongs to the passage whose span (start, end) holds its last character [t]. A passage
    without tokens has the vector `otherwise` [d].
    """
    bounds = np.array(spans, dtype=np.int64)
    belongs = (bounds[:, :1] <= last_characters) & (last_characters < bounds[:, 1:])
    sums = belongs.astype(np.float32) @ embeddings
    vectors = normalise_rows(sums)
    vectors[~belongs.any(axis=1)] = otherwise
    return vectors


def encoded_query(
    text: str, tokenised: Tokenised, embeddings: Float32, sentence: Float32
) -> EncodedQuery:
    """The vectors of a query; arguments as for `encoded`."""
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
