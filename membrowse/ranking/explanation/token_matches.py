"""Late interaction between a query and one chunk, token by token, with places in the text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from membrowse.encoding.encoder import EncoderInput
from membrowse.ranking.late_interaction import HasTokenVectors, query_weights
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.settings import RerankSettings
from membrowse.wire.explanation import TokenMatch

if TYPE_CHECKING:
    from membrowse.encoding.encoder import EncodedQuery
    from membrowse.encoding.word_pieces import WordPieces
    from membrowse.notes.chunk import Chunk

TokensOf = Callable[[int], HasTokenVectors | None]
"""The token vectors of the chunk at a row: stored, or encoded for this; None where it cannot be."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A token of a chunk as encoded."""

    token: str
    start: int
    end: int
    """Characters of the header or of the text; an empty span where it is a special of the
    encoder's (or of its prompt)."""
    in_header: bool


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """What turns a chunk into the tokens whose vectors are stored."""

    pieces: WordPieces
    document_prompt: str = ""

    def placed(self, chunk: Chunk) -> list[Placed]:
        """The tokens of the chunk, specials included, in the order of its token vectors."""
        item = EncoderInput("", chunk.header, chunk.text)
        tokenised = self.pieces.tokenise(item.encoded_text, self.document_prompt)
        offset = item.text_offset
        found = [Placed(self.pieces.name(token), 0, 0, False) for token in tokenised.ids.tolist()]
        found[tokenised.inner] = [
            Placed(piece.text, piece.start, piece.end, True)
            if piece.start < len(chunk.header)
            else Placed(piece.text, piece.start - offset, piece.end - offset, False)
            for piece in tokenised.pieces
        ]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Interaction:
    """All similarities of a query's t pieces and a chunk's n tokens."""

    query: EncodedQuery
    weights: NDArray[np.float64]
    """[t]: what each piece counts; they sum to 1, or are all 0."""
    similarity: NDArray[np.float32]
    """[n, t]"""
    places: list[Placed]
    """Of the n tokens; empty where they cannot be told."""

    def matches(self) -> tuple[TokenMatch, ...]:
        """One a piece; the shares sum to MaxSim."""
        if not len(self.similarity):
            return ()
        best = self.similarity.argmax(axis=0).tolist()
        total = sum(self._contribution(number, token) for number, token in enumerate(best))
        return tuple(self._match(number, token, total) for number, token in enumerate(best))

    def _contribution(self, number: int, token: int) -> float:
        return float(self.weights[number]) * float(self.similarity[token, number])

    def _match(self, number: int, token: int, total: float) -> TokenMatch:
        piece = self.query.pieces[number]
        place = self.places[token] if self.places else Placed("", 0, 0, False)
        contribution = self._contribution(number, token)
        return TokenMatch(
            piece=piece.text,
            word=self.query.text[piece.start : piece.end],
            known=piece.known,
            weight=float(self.weights[number]),
            token=place.token,
            in_header=place.in_header,
            start=place.start,
            end=place.end,
            similarity=float(self.similarity[token, number]),
            contribution=contribution,
            relative=contribution / total if total else 0.0,
        )


def interaction(
    ranked_query: RankedQuery,
    row: int,
    settings: RerankSettings,
    tokens_of: TokensOf,
    tokenizer: Tokenizer | None,
) -> Interaction | None:
    """The query against the chunk at `row`; None where either has no token vectors."""
    query = ranked_query.encoded
    chunk = tokens_of(row) if query is not None and ranked_query.at().encoded[row] else None
    if query is None or chunk is None:
        return None
    idf = ranked_query.terms().any_idf({}) if settings.idf else None
    weights = query_weights(query, settings.stop_word_weight, idf).astype(np.float64)
    total = weights.sum()
    vectors = chunk.tokens.astype(np.float32)
    similarity = (vectors @ query.tokens.T) * chunk.scales[:, None]
    places = tokenizer.placed(ranked_query.chunks[row]) if tokenizer is not None else []
    return Interaction(
        query=query,
        weights=weights / total if total > 0 else np.zeros_like(weights),
        similarity=similarity,
        places=places if len(places) == len(similarity) else [],
    )
