"""The query as typed, and as the analyser and the encoder read it."""

from __future__ import annotations

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, cells, fit, hanging, joined, spread
from membrowse.text import shown
from membrowse.wire.search import Query

DOUBTFUL = 0.2
"""Share of unknown word pieces from which the vector ranking is doubtful."""


def asked_lines(text: str, width: int) -> list[Line]:
    """The query as typed, wrapped."""
    return hanging([Part(" / ", "key")], [Part(shown(text))], width)


def query_line(query: Query | None, width: int) -> Line:
    """Terms at the left, word pieces at the right if there is room."""
    if query is None:
        return fit([], width)
    terms, pieces = _terms_line(query), _word_pieces_line(query)
    if not _fits_beside(terms, pieces, width):
        return fit([Part("   "), *terms], width)
    return spread([Part("   "), *terms], [*pieces, Part(" ")], width)


def warnings_line(query: Query | None, width: int) -> Line:
    """Warnings about the query, and the share of unknown pieces if `query_line` omits it."""
    if query is None:
        return []
    groups: list[Line] = [[Part(shown(warning), "warn")] for warning in query.warnings]
    pieces = _word_pieces_line(query)
    if query.unknown >= DOUBTFUL and not _fits_beside(_terms_line(query), pieces, width):
        groups.append(pieces)
    if not joined(groups):
        return []
    return fit([Part(" ! ", "warn"), *joined(groups)], width)


def _fits_beside(terms: Line, pieces: Line, width: int) -> bool:
    return cells(terms) + cells(pieces) + 6 <= width


def _word_pieces_line(query: Query) -> Line:
    """Word pieces, and how many of them the encoder does not know."""
    if not query.pieces:
        return []
    count = Part(figures.counted(query.pieces, "word piece"), "dim")
    if query.unknown >= DOUBTFUL:
        return [count, Part(f", {figures.percent(query.unknown)} unknown", "warn")]
    return [count, Part(f", {round(query.unknown * query.pieces)} unknown", "dim")]


def _terms_line(query: Query) -> Line:
    """Each term with the number of chunks that contain it, and what was left out."""
    absent, none = ("dim", " …") if query.partial else ("absent", " 0 notes")
    groups: list[Line] = [
        [
            Part(shown(typed), "term" if df else absent),
            Part(f" {figures.number(df)}" if df else none, "dim"),
        ]
        for typed, df in _counts(query).items()
    ]
    groups += [
        [Part(shown(each.typed), "term"), Part(f" → {each.meaning}", "accent")]
        for each in query.dates
    ]
    if not query.terms and query.text.strip():
        groups.append([Part("no keyword terms", "warn")])
    without = [typed.removeprefix("-") for typed in query.required if typed.startswith("-")]
    must = [typed for typed in query.required if not typed.startswith("-")]
    if must:
        groups.append([Part(f"must: {shown(' '.join(must))}", "accent")])
    if without:
        groups.append([Part(f"without: {shown(' '.join(without))}", "accent")])
    if query.filters:
        groups.append([Part(f"only: {shown(' '.join(query.filters))}", "accent")])
    line = joined(groups)
    if query.dropped:
        line.append(Part(f"  stop words: {shown(', '.join(query.dropped))}", "dim"))
    return line


def _counts(query: Query) -> dict[str, int]:
    """The words of the query as typed, with the number of chunks that contain them.

    A word of several terms has the count of its most frequent one.
    """
    counts: dict[str, int] = {}
    for term in query.terms:
        typed = term.typed or term.term
        counts[typed] = max(term.df, counts.get(typed, 0))
    return counts
