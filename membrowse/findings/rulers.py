"""How the machinery sees a text: the analyser's tokens, the encoder's word pieces."""

from __future__ import annotations

import msgspec


class AnalysedWord(msgspec.Struct, frozen=True, kw_only=True):
    """One token of the analyser, step by step."""

    start: int
    end: int
    typed: str
    folded: str
    """Unicode-normalised, case and accents folded."""
    term: str
    """As indexed: stemmed, or a bigram, or an identifier's part."""
    kind: str
    """`word`, `part`, `whole`, `bigram` …, as the analyser names it."""
    stop_word: bool
    """Left out of a query, unless nothing else remains."""
    df: int
    """Live chunks that hold the term in any field."""


class RulerPiece(msgspec.Struct, frozen=True, kw_only=True):
    piece: str
    """As in the vocabulary."""
    start: int
    end: int
    """Characters of header + line break + text, or of the text alone where there is no header."""
    known: bool


class Ruler(msgspec.Struct, frozen=True, kw_only=True):
    """One text under both rulers."""

    label: str
    """`query`, or the chunk's `path:line`."""
    header: str
    """The context header put before a chunk's text for encoding; empty for a query."""
    text: str
    words: tuple[AnalysedWord, ...]
    pieces: tuple[RulerPiece, ...]
    count: int
    """Pieces including the encoder's specials; at most `window` are read."""
    window: int
    unknown: float
    """Share of pieces, punctuation aside, that are unknown."""
    message: str = ""
    """Why there are no pieces (no model), or empty."""


class Rulers(msgspec.Struct, frozen=True, kw_only=True):
    rulers: tuple[Ruler, ...]
    """Of the query, then of the chunk."""
