"""A text under both rulers: the encoder's word pieces, the analyser's tokens step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from rich.cells import cell_len

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, bar_parts, clip, fit
from membrowse.presentation.wrapping import wrapped
from membrowse.text import shown
from membrowse.wire.tokens import AnalysedToken, TokenisedText, WordPiece

MOST_PIECES = 3000
"""Word pieces that are shown; how many follow is said."""

LONGEST = 400
"""Characters of one piece that are shown."""

_KIND, _CHUNKS = 9, 9


class RulerLines(Sequence[Line]):
    """The lines of one ruler. Those of the table, one a token, are made when they are asked for."""

    def __init__(self, ruler: TokenisedText, width: int) -> None:
        self._words = ruler.tokens
        self._column = max(6, min(24, (width - _KIND - _CHUNKS - 16) // 3))
        self._width = width
        self._top = [*_head(ruler, width), *_pieces(ruler, width), [], self._names()]

    def __len__(self) -> int:
        return len(self._top) + max(1, len(self._words))

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
        if not self._words:
            return [Part("   the analyser makes no token of this text", "dim")]
        return self._word(self._words[at - len(self._top)])

    def _names(self) -> Line:
        """` ANALYSER  folded  term  kind  chunks`."""
        columns = [Part(" ANALYSER".ljust(self._column + 3), "strong")]
        columns += [Part(name.ljust(self._column), "dim") for name in ("folded", "term")]
        kind, chunks = Part("kind".ljust(_KIND), "dim"), Part("chunks".rjust(_CHUNKS), "dim")
        return fit([*columns, kind, chunks], self._width)

    def _word(self, word: AnalysedToken) -> Line:
        term = "absent" if word.stop_word else "term" if word.df else "warn"
        count = "nowhere" if not word.df else figures.number(word.df)
        note = "  stop word" if word.stop_word else ""
        line = [
            Part("   "),
            self._cell(word.typed, ""),
            self._cell(word.folded, "faint" if word.folded == word.typed else ""),
            self._cell(word.term, term),
            Part(clip(shown(word.kind), _KIND - 1).ljust(_KIND), "dim"),
            Part(count.rjust(_CHUNKS), "" if word.df else "warn"),
            Part(note, "dim"),
        ]
        return fit(line, self._width)

    def _cell(self, text: str, style: str) -> Part:
        (part,) = fit([Part(clip(shown(text[:LONGEST]), self._column - 1))], self._column - 1)[:1]
        padded = fit([part], self._column)
        return Part("".join(piece.text for piece in padded), style)


def _head(ruler: TokenisedText, width: int) -> list[Line]:
    """What is measured, and the context header that is put before it."""
    label = shown(ruler.label)
    query = label == "query"
    text = "" if query else shown(" ".join(ruler.text[:2000].split()))
    name = label.upper() if query else label
    lines: list[Line] = [fit([Part(f" {name}", "strong"), Part(f"  {text}", "dim")], width)]
    if ruler.header:
        lines += _indented([Part("header  ", "dim"), Part(shown(ruler.header[:2000]))], width)
    return lines


def _pieces(ruler: TokenisedText, width: int) -> list[Line]:
    """The count against the window, then the pieces as cells."""
    lines: list[Line] = [[]]
    if ruler.message:
        return [*lines, *_indented([Part(shown(ruler.message), "warn")], width)]
    over = ruler.count > ruler.window
    bar = bar_parts(ruler.count / ruler.window if ruler.window else 0.0, 20 if width < 100 else 30)
    counts = f"{figures.number(ruler.count)} of {figures.number(ruler.window)} word pieces"
    unknown = f"{ruler.unknown:.0%} unknown" if ruler.unknown else "none unknown"
    lines.append(
        fit(
            [
                Part(" ENCODER   ", "strong"),
                *bar,
                Part(f"  {counts}", "warn" if over else ""),
                Part(" · ", "dim"),
                Part(unknown, "warn" if ruler.unknown else "dim"),
            ],
            width,
        )
    )
    source = f"{ruler.header}\n{ruler.text}" if ruler.header else ruler.text
    if over:
        read = f"! only the first {figures.number(ruler.window)} are read, the rest is not"
        lines += _indented([Part(read, "warn")], width)
    cells_ = [_piece(piece, source, len(ruler.header)) for piece in ruler.pieces[:MOST_PIECES]]
    left = len(ruler.pieces) - MOST_PIECES
    if left > 0:
        cells_.append(Part(f"… {figures.number(left)} more pieces", "faint"))
    return [*lines, *_rows(cells_, width)]


def _rows(pieces: list[Part], width: int) -> list[Line]:
    """The pieces side by side with a thin rule after each, in as many rows as they need."""
    rows: list[Line] = []
    room = 0
    for piece in pieces:
        piece = piece._replace(text=clip(piece.text, width - 6))
        size = cell_len(piece.text) + 2
        if size > room:
            rows.append([Part("   ")])
            room = width - 4
        rows[-1] += [piece, Part("│ ", "faint")]
        room -= size
    return rows


def _piece(piece: WordPiece, source: str, header: int) -> Part:
    """`port`, a continuation `##s`, or what is unknown in brackets of its own."""
    if not piece.known:
        typed = source[piece.start : min(piece.end, piece.start + LONGEST)]
        return Part(f"⟦{shown(typed)}⟧", "warn")
    text = shown(piece.piece[:LONGEST])
    if piece.end <= header:
        return Part(text, "faint")
    return Part(text, "accent" if piece.piece.startswith("##") else "")


def _indented(line: Line, width: int) -> list[Line]:
    return [[Part("   "), *row] for row in wrapped(line, max(8, width - 4))]
