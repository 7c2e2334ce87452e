"""Show one text as the analyser and the encoder read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from membrowse.encoding.encoder import EncoderInput
from membrowse.encoding.word_pieces import WordPieces
from membrowse.index.analyser import Token, TokenKind, analyse, fold_word, is_stop_word
from membrowse.index.protocols import KeywordIndex
from membrowse.notes.characters import fold
from membrowse.notes.chunk import Chunk
from membrowse.ranking.query_parser import MAX_QUERY_CHARACTERS
from membrowse.ranking.vector import known_share
from membrowse.wire.tokens import AnalysedToken, TokenisedText, WordPiece

QUERY = "query"


@dataclass(frozen=True, slots=True)
class TokenSources:
    """What tokenising a text requires."""

    reader: KeywordIndex
    pieces: WordPieces | None
    window: int
    """Word pieces that the encoder reads, including specials; 0 without an encoder."""
    message: str = ""
    """Why there is no encoder, or empty."""
    pause: Callable[[], None] = lambda: None
    """Called between lookups."""


def tokenise_query(text: str, sources: TokenSources) -> TokenisedText:
    """Tokenise a query, cut to the length that queries may have."""
    read = text[:MAX_QUERY_CHARACTERS]
    tokenised = _tokenise(QUERY, "", read, sources, query=True)
    if len(text) <= MAX_QUERY_CHARACTERS:
        return tokenised
    cut = f"only the first {MAX_QUERY_CHARACTERS:,} characters are used"
    message = f"{tokenised.message}; {cut}" if tokenised.message else cut
    return msgspec.structs.replace(tokenised, message=message)


def tokenise_chunk(chunk: Chunk, sources: TokenSources) -> TokenisedText:
    """Tokenise a chunk, including its context header."""
    label = f"{chunk.path}:{chunk.start_line}"
    return _tokenise(label, chunk.header, chunk.text, sources, query=False)


def _tokenise(
    label: str, header: str, text: str, sources: TokenSources, *, query: bool
) -> TokenisedText:
    analysis = _Analysis(text, sources)
    encoder_text = EncoderInput("", header, text).encoded_text
    pieces = sources.pieces.pieces(encoder_text) if sources.pieces is not None else []
    specials = sources.pieces.specials if sources.pieces is not None else 0
    return TokenisedText(
        label=label,
        header=header,
        text=text,
        tokens=tuple(map(analysis.record, analyse(text, query=query))),
        pieces=tuple(
            WordPiece(piece=piece.text, start=piece.start, end=piece.end, known=piece.known)
            for piece in pieces
        ),
        count=len(pieces) + specials,
        window=sources.window,
        unknown=1.0 - known_share(encoder_text, pieces),
        message=sources.message,
    )


class _Analysis:
    """Records the analyser's steps for the tokens of one text."""

    def __init__(self, text: str, sources: TokenSources) -> None:
        self._text = text
        self._sources = sources
        self._df: dict[str, int] = {}

    def record(self, token: Token) -> AnalysedToken:
        typed = self._text[token.start : token.end]
        is_word = token.kind in (TokenKind.WORD, TokenKind.NAME)
        folded = fold_word(typed) if is_word else fold(typed)
        return AnalysedToken(
            start=token.start,
            end=token.end,
            typed=typed,
            folded=folded,
            term=token.term,
            kind=token.kind.value,
            stop_word=is_stop_word(token, self._text),
            df=self._document_frequency(token.term),
        )

    def _document_frequency(self, term: str) -> int:
        known = self._df.get(term)
        if known is None:
            self._sources.pause()
            known = self._df[term] = self._sources.reader.df(term)
        return known
