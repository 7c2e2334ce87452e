"""Late interaction between a query and one chunk, token by token, with offsets in the text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from membrowse.encoding.encoder import EncodedQuery, EncoderInput
from membrowse.encoding.word_pieces import WordPieces
from membrowse.notes.chunk import Chunk
from membrowse.ranking.late_interaction import HasTokenVectors, query_weights
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.settings import RerankSettings
from membrowse.wire.explanation import TokenMatch

TokensOf = Callable[[int], HasTokenVectors | None]
"""The token vectors of the chunk at a row, stored or newly encoded; None if unavailable."""


@dataclass(frozen=True, slots=True)
class ChunkToken:
    """A token of an encoded chunk."""

    token: str
    start: int
    end: int
    """Characters of the header or of the text; an empty span for a special or a prompt token."""
    in_header: bool


@dataclass(frozen=True, slots=True)
class ChunkTokenizer:
    """Splits a chunk into the tokens whose vectors are stored."""

    pieces: WordPieces
    document_prompt: str = ""

    def tokens(self, chunk: Chunk) -> list[ChunkToken]:
        """Return the tokens of the chunk, including specials, in the order of its token vectors."""
        item = EncoderInput("", chunk.header, chunk.text)
        tokenised = self.pieces.tokenise(item.encoded_text, self.document_prompt)
        offset = item.text_offset
        tokens = [
            ChunkToken(self.pieces.name(token), 0, 0, False) for token in tokenised.ids.tolist()
        ]
        tokens[tokenised.inner] = [
            ChunkToken(piece.text, piece.start, piece.end, True)
            if piece.start < len(chunk.header)
            else ChunkToken(piece.text, piece.start - offset, piece.end - offset, False)
            for piece in tokenised.pieces
        ]
        return tokens


@dataclass(frozen=True, slots=True, eq=False)
class Interaction:
    """All similarities of a query's t pieces and a chunk's n tokens."""

    query: EncodedQuery
    weights: NDArray[np.float64]
    """[t]: the weight of each piece; they sum to 1, or are all 0."""
    similarity: NDArray[np.float32]
    """[n, t]"""
    tokens: list[ChunkToken]
    """The n tokens; empty if unknown."""

    def matches(self) -> tuple[TokenMatch, ...]:
        """Return one match per piece; the contributions sum to MaxSim."""
        if not len(self.similarity):
            return ()
        best = self.similarity.argmax(axis=0).tolist()
        total = sum(self._contribution(piece, token) for piece, token in enumerate(best))
        return tuple(self._match(piece, token, total) for piece, token in enumerate(best))

    def _contribution(self, piece: int, token: int) -> float:
        return float(self.weights[piece]) * float(self.similarity[token, piece])

    def _match(self, piece_number: int, token_number: int, total: float) -> TokenMatch:
        piece = self.query.pieces[piece_number]
        token = self.tokens[token_number] if self.tokens else ChunkToken("", 0, 0, False)
        contribution = self._contribution(piece_number, token_number)
        return TokenMatch(
            piece=piece.text,
            word=self.query.text[piece.start : piece.end],
            known=piece.known,
            weight=float(self.weights[piece_number]),
            token=token.token,
            in_header=token.in_header,
            start=token.start,
            end=token.end,
            similarity=float(self.similarity[token_number, piece_number]),
            contribution=contribution,
            relative=contribution / total if total else 0.0,
        )


def interact(
    ranked_query: RankedQuery,
    row: int,
    settings: RerankSettings,
    tokens_of: TokensOf,
    tokenizer: ChunkTokenizer | None,
) -> Interaction | None:
    """Match the query with the chunk at `row`; None if either has no token vectors."""
    query = ranked_query.encoded
    if query is None or not len(query.tokens) or not ranked_query.generation.encoded[row]:
        return None
    chunk = tokens_of(row)
    if chunk is None:
        return None
    idf = ranked_query.postings.idf_lookup({}) if settings.idf else None
    weights = query_weights(query, settings.stop_word_weight, idf).astype(np.float64)
    total = weights.sum()
    vectors = chunk.tokens.astype(np.float32)
    similarity = (vectors @ query.tokens.T) * chunk.scales[:, None]
    tokens = tokenizer.tokens(ranked_query.chunks[row]) if tokenizer is not None else []
    return Interaction(
        query=query,
        weights=weights / total if total > 0 else np.zeros_like(weights),
        similarity=similarity,
        tokens=tokens if len(tokens) == len(similarity) else [],
    )
