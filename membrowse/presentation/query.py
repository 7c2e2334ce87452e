"""What the analyser and the encoder made of the query, in a line."""

from __future__ import annotations

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, cells, fit, joined, spread
from membrowse.text import shown
from membrowse.wire.search import Query

DOUBTFUL = 0.2
"""Share of unknown pieces from which the encoder's answer is doubtful."""


def encoder_note(query: Query) -> Line:
    """Word pieces and how many of them the encoder does not know."""
    if not query.pieces:
        return []
    unknown = round(query.unknown * query.pieces)
    style = "warn" if query.unknown >= DOUBTFUL else "dim"
    note = f", {unknown} unknown" if query.unknown < DOUBTFUL else f", {query.unknown:.0%} unknown"
    return [Part(figures.counted(query.pieces, "word piece"), "dim"), Part(note, style)]


def terms_note(query: Query) -> Line:
    """The terms with the number of chunks that hold each, and what was left out."""
    groups: list[Line] = [
        [
            Part(shown(term.term), "term" if term.df else "absent"),
            Part(f" {figures.number(term.df)}" if term.df else " nowhere", "dim"),
        ]
        for term in query.terms
    ]
    if not query.terms and query.text.strip():
        groups.append([Part("no keyword terms", "warn")])
    if query.required:
        groups.append([Part(f"must: {shown(' '.join(query.required))}", "accent")])
    if query.filters:
        groups.append([Part(f"only: {shown(' '.join(query.filters))}", "accent")])
    line = joined(groups)
    if query.dropped:
        line.append(Part(f"  stop words: {shown(', '.join(query.dropped))}", "dim"))
    return line


def notes_line(query: Query | None, width: int) -> Line:
    """The line under the query; empty while nothing was asked."""
    if query is None:
        return fit([], width)
    indent = Part("   ")
    terms, encoder = terms_note(query), encoder_note(query)
    if cells(terms) + cells(encoder) + 6 > width:
        return fit([indent, *terms], width)
    return spread([indent, *terms], [*encoder, Part(" ")], width)


def warnings_line(query: Query | None, width: int) -> Line:
    """Warnings about the query, and the encoder's note where it did not fit above."""
    if query is None:
        return []
    groups: list[Line] = [[Part(shown(warning), "warn")] for warning in query.warnings]
    encoder = encoder_note(query)
    if (
        encoder
        and cells(terms_note(query)) + cells(encoder) + 6 > width
        and query.unknown >= DOUBTFUL
    ):
        groups.append(encoder)
    if not groups:
        return []
    return fit([Part(" ! ", "warn"), *joined(groups)], width)
