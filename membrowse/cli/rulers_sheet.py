"""Texts under both rulers as a page."""

from __future__ import annotations

from collections.abc import Sequence

from membrowse.cli.sheet import Sheet, padded, widest
from membrowse.wire.tokens import AnalysedToken, TokenisedText, Tokens, WordPiece

_WORD = 20
"""Cells for a word at most."""
_UNKNOWN = "?"


def fill(sheet: Sheet, rulers: Tokens) -> None:
    """Write what the analyser and then the encoder make of every text."""
    for ruler in rulers.texts:
        sheet.heading(ruler.label, f"{len(ruler.text)} characters")
        _analyser(sheet, ruler.tokens)
        _encoder(sheet, ruler)


def _analyser(sheet: Sheet, words: Sequence[AnalysedToken]) -> None:
    count = "1 term" if len(words) == 1 else f"{len(words)} terms"
    sheet.row(f"  analyser · {count}", style="bold")
    columns = (
        [word.typed for word in words],
        ["" if word.folded == word.typed else word.folded for word in words],
        [word.term for word in words],
        [word.kind for word in words],
    )
    names = ("as typed", "folded", "term", "kind")
    widths = [widest((name, *cells), _WORD) for name, cells in zip(names, columns, strict=True)]
    if words:
        heads = "  ".join(padded(name, width) for name, width in zip(names, widths, strict=True))
        sheet.row(f"    {heads}     df", style="dim")
    for word, *cells in zip(words, *columns, strict=True):
        line = "  ".join(padded(cell, width) for cell, width in zip(cells, widths, strict=True))
        said = "  stop word" if word.stop_word else ""
        nowhere = "  nowhere in the folder" if not word.df and not said else ""
        sheet.row(f"    {line}  {word.df:>5}{said}{nowhere}")


def _encoder(sheet: Sheet, ruler: TokenisedText) -> None:
    if ruler.message:
        sheet.sentence(f"encoder · {ruler.message}")
        return
    unknown = f", {ruler.unknown:.0%} unknown (marked {_UNKNOWN})" if ruler.unknown else ""
    over = f", {ruler.count - ruler.window} too many" if ruler.count > ruler.window else ""
    sheet.row(
        f"  encoder · {ruler.count} of {ruler.window} word pieces{over}{unknown}", style="bold"
    )
    if ruler.header:
        sheet.sentence(f"context header: {ruler.header}", indent=4)
    sheet.sentence(" ".join(map(_piece, ruler.pieces)), indent=4)


def _piece(piece: WordPiece) -> str:
    return piece.piece if piece.known else f"{piece.piece}{_UNKNOWN}"
