"""How the analyser and the encoder read a text."""

from __future__ import annotations

import msgspec

from membrowse.wire.request import Request


class AnalysedToken(msgspec.Struct, frozen=True, kw_only=True):
    """One token of the analyser, step by step."""

    start: int
    end: int
    typed: str
    folded: str
    """Unicode-normalised, case and accents folded."""
    term: str
    """As indexed: stemmed, or a bigram, or part of an identifier."""
    kind: str
    """`word`, `part`, `whole`, `pair` …, as the analyser names it."""
    stop_word: bool
    """Left out of a query unless nothing else remains."""
    df: int
    """Document frequency: live chunks that contain the term in any field."""


class WordPiece(msgspec.Struct, frozen=True, kw_only=True):
    """One word piece of the encoder's tokenizer."""

    piece: str
    """As in the vocabulary."""
    start: int
    end: int
    """Offsets into header + line break + text, or into the text alone if there is no header."""
    known: bool


class TokenisedText(msgspec.Struct, frozen=True, kw_only=True):
    """One text, as the analyser and the encoder read it."""

    label: str
    """`query`, or the chunk's `path:line`."""
    header: str
    """The context header put before a chunk's text for encoding; empty for a query."""
    text: str
    tokens: tuple[AnalysedToken, ...] = msgspec.field(name="words")
    pieces: tuple[WordPiece, ...]
    count: int
    """Word pieces including special tokens; at most `window` are read."""
    window: int
    unknown: float
    """Share of pieces (without punctuation) that are unknown, 0 to 1."""
    message: str = ""
    """Why there are no pieces (no model), or empty."""


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """The query's text, then the chunk's."""

    texts: tuple[TokenisedText, ...] = msgspec.field(name="rulers")


class TokensRequest(Request[Tokens], frozen=True, kw_only=True):
    """Tokenise a text, a chunk, or both."""

    text: str = ""
    """A query, or any text."""
    chunk: str = ""
    """A chunk's id."""
