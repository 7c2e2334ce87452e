"""One text as the analyser and the encoder see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from membrowse.encoding.encoder import EncoderInput
from membrowse.index.analyser import Token, TokenKind, analyse, fold_word
from membrowse.index.characters import fold
from membrowse.index.stop_words import STOP_WORDS
from membrowse.ranking.query_parser import LONGEST
from membrowse.ranking.vector import known_share
from membrowse.wire.tokens import AnalysedToken, TokenisedText, WordPiece

if TYPE_CHECKING:
    from membrowse.encoding.word_pieces import WordPieces
    from membrowse.index.keyword_reader import KeywordReader
    from membrowse.notes.chunk import Chunk

QUERY = "query"


@dataclass(frozen=True, slots=True)
class EncoderTokens:
    """What texts are measured with."""

    reader: KeywordReader
    pieces: WordPieces | None
    window: int
    """Word pieces that the encoder reads, specials included; 0 where there is none."""
    message: str = ""
    """Why there is no encoder."""
    pause: Callable[[], None] = lambda: None


def of_query(text: str, scale: EncoderTokens) -> TokenisedText:
    """A query, or any text that is looked for: its beginning, as far as queries are read."""
    looked_at = text[:LONGEST]
    ruler = _measured(QUERY, "", looked_at, scale, query=True)
    if len(text) <= LONGEST:
        return ruler
    cut = f"only the first {LONGEST:,} characters are used"
    said = f"{ruler.message}; {cut}" if ruler.message else cut
    return msgspec.structs.replace(ruler, message=said)


def of_chunk(chunk: Chunk, scale: EncoderTokens) -> TokenisedText:
    """A chunk, with the header that is put before it for encoding."""
    label = f"{chunk.path}:{chunk.start_line}"
    return _measured(label, chunk.header, chunk.text, scale, query=False)


def _measured(
    label: str, header: str, text: str, scale: EncoderTokens, *, query: bool
) -> TokenisedText:
    words = _Words(text, scale).told(analyse(text, query=query))
    read = EncoderInput("", header, text).encoded_text
    pieces = scale.pieces.pieces(read) if scale.pieces is not None else []
    specials = scale.pieces.specials if scale.pieces is not None else 0
    return TokenisedText(
        label=label,
        header=header,
        text=text,
        tokens=tuple(words),
        pieces=tuple(
            WordPiece(piece=piece.text, start=piece.start, end=piece.end, known=piece.known)
            for piece in pieces
        ),
        count=len(pieces) + specials,
        window=scale.window,
        unknown=1.0 - known_share(read, pieces),
        message=scale.message,
    )


class _Words:
    """Tells the steps of the analyser for the tokens of one text."""

    def __init__(self, text: str, scale: EncoderTokens) -> None:
        self._text = text
        self._scale = scale
        self._df: dict[str, int] = {}

    def told(self, tokens: list[Token]) -> list[AnalysedToken]:
        return [self._word(token) for token in tokens]

    def _word(self, token: Token) -> AnalysedToken:
        typed = self._text[token.start : token.end]
        is_word = token.kind is TokenKind.WORD
        folded = fold_word(typed) if is_word else fold(typed)
        return AnalysedToken(
            start=token.start,
            end=token.end,
            typed=typed,
            folded=folded,
            term=token.term,
            kind=token.kind.value,
            stop_word=is_word and folded in STOP_WORDS,
            df=self._frequency(token.term),
        )

    def _frequency(self, term: str) -> int:
        known = self._df.get(term)
        if known is None:
            self._scale.pause()
            known = self._df[term] = self._scale.reader.df(term)
        return known
