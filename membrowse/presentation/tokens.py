"""A text as the encoder reads it (word pieces) and as the analyser does (tokens, step by step)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from rich.cells import cell_len

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, bar_parts, clip, fit, wrapped
from membrowse.text import shown
from membrowse.wire.tokens import AnalysedToken, TokenisedText, Tokens, WordPiece

MOST_PIECES = 3000
"""Word pieces that are shown; the others are counted."""
LONGEST = 400
"""Characters of one piece that are shown."""
_BEGINNING = 2000
"""Characters of a text or a header that are shown."""
_KIND, _CHUNKS = 9, 9


def tokens_page(tokens: Tokens, width: int) -> list[Line]:
    """All texts, one below another."""
    lines: list[Line] = []
    for text in tokens.texts:
        lines += [*([[]] if lines else []), *TokenLines(text, width)]
    return lines


class TokenLines(Sequence[Line]):
    """The lines of one text. A line of the analyser's table is made when it is asked for."""

    def __init__(self, text: TokenisedText, width: int) -> None:
        self._tokens = text.tokens
        self._column = max(6, min(24, (width - _KIND - _CHUNKS - 16) // 3))
        self._width = width
        self._top = [*_text_heading(text, width), *_encoder(text, width), [], self._analyser()]

    def __len__(self) -> int:
        return len(self._top) + max(1, len(self._tokens))

    @overload
    def __getitem__(self, at: int) -> Line: ...
    @overload
    def __getitem__(self, at: slice) -> list[Line]: ...
    def __getitem__(self, at: int | slice) -> Line | list[Line]:
        if isinstance(at, slice):
            return [self[index] for index in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        at %= len(self)
        if at < len(self._top):
            return self._top[at]
        if not self._tokens:
            return [Part("   the analyser finds no token in this text", "dim")]
        return self._token(self._tokens[at - len(self._top)])

    def _analyser(self) -> Line:
        """The names of the table's columns."""
        columns = [Part(" ANALYSER".ljust(self._column + 3), "strong")]
        columns += [Part(name.ljust(self._column), "dim") for name in ("folded", "term")]
        kind, chunks = Part("kind".ljust(_KIND), "dim"), Part("chunks".rjust(_CHUNKS), "dim")
        return fit([*columns, kind, chunks], self._width)

    def _token(self, token: AnalysedToken) -> Line:
        term = "absent" if token.stop_word else "term" if token.df else "warn"
        count = figures.number(token.df) if token.df else "0 notes"
        line = [
            Part("   "),
            self._cell(token.typed, ""),
            self._cell(token.folded, "faint" if token.folded == token.typed else ""),
            self._cell(token.term, term),
            Part(clip(shown(token.kind), _KIND - 1).ljust(_KIND), "dim"),
            Part(count.rjust(_CHUNKS), "" if token.df else "warn"),
            Part("  stop word" if token.stop_word else "", "dim"),
        ]
        return fit(line, self._width)

    def _cell(self, text: str, style: str) -> Part:
        clipped = clip(shown(text[:LONGEST]), self._column - 1)
        return Part("".join(part.text for part in fit([Part(clipped)], self._column)), style)


def _text_heading(text: TokenisedText, width: int) -> list[Line]:
    """The query, or which chunk, its text, and the context header put before it."""
    label = shown(text.label)
    query = label == "query"
    beginning = "" if query else shown(" ".join(text.text[:_BEGINNING].split()))
    name = Part(f" {label.upper() if query else label}", "strong")
    lines: list[Line] = [fit([name, Part(f"  {beginning}", "dim")], width)]
    if text.header:
        lines += _indented([Part("header  ", "dim"), Part(shown(text.header[:_BEGINNING]))], width)
    return lines


def _encoder(text: TokenisedText, width: int) -> list[Line]:
    """The count against the window, then the word pieces."""
    if text.message:
        return [[], *_indented([Part(shown(text.message), "warn")], width)]
    over = text.count > text.window
    bar = bar_parts(text.count / text.window if text.window else 0.0, 20 if width < 100 else 30)
    window = figures.number(text.window)
    unknown = f"{figures.percent(text.unknown)} unknown" if text.unknown else "none unknown"
    line = [
        Part(" ENCODER   ", "strong"),
        *bar,
        Part(f"  {figures.number(text.count)} of {window} word pieces", "warn" if over else ""),
        Part(" · ", "dim"),
        Part(unknown, "warn" if text.unknown else "dim"),
    ]
    lines: list[Line] = [[], fit(line, width)]
    if over:
        lines += _indented([Part(f"! only the first {window} are read", "warn")], width)
    source = f"{text.header}\n{text.text}" if text.header else text.text
    pieces = [_piece(piece, source, len(text.header)) for piece in text.pieces[:MOST_PIECES]]
    left = len(text.pieces) - MOST_PIECES
    if left > 0:
        pieces.append(Part(f"… {figures.number(left)} more pieces", "faint"))
    return [*lines, *_side_by_side(pieces, width)]


def _side_by_side(pieces: list[Part], width: int) -> list[Line]:
    """The pieces with a thin rule after each, in as many lines as they need."""
    lines: list[Line] = []
    room = 0
    for piece in pieces:
        piece = piece._replace(text=clip(piece.text, width - 6))
        size = cell_len(piece.text) + 2
        if size > room:
            lines.append([Part("   ")])
            room = width - 4
        lines[-1] += [piece, Part("│ ", "faint")]
        room -= size
    return lines


def _piece(piece: WordPiece, source: str, header: int) -> Part:
    """`port`, a continuation `##s`, or in brackets the characters of an unknown piece."""
    if not piece.known:
        typed = source[piece.start : min(piece.end, piece.start + LONGEST)]
        return Part(f"⟦{shown(typed)}⟧", "warn")
    text = shown(piece.piece[:LONGEST])
    if piece.end <= header:
        return Part(text, "faint")
    return Part(text, "accent" if piece.piece.startswith("##") else "")


def _indented(line: Line, width: int) -> list[Line]:
    return [[Part("   "), *row] for row in wrapped(line, max(8, width - 4))]
