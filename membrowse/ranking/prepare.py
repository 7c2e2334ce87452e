"""Prepare a ranked query: parse it, look up its terms, and set the scope."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from membrowse.ranking.keyword import Postings
from membrowse.ranking.query_parser import ParsedQuery, parse
from membrowse.ranking.ranked_query import Mask, RankedQuery
from membrowse.ranking.snippets import Snippets
from membrowse.ranking.stages import milliseconds
from membrowse.wire.search import Query, Term

if TYPE_CHECKING:
    from membrowse.index.generation import Generation


def prepare(generation: Generation, text: str, syntax: str) -> RankedQuery:
    """Understand the query; its terms are looked up, and its scope is set by its filters."""
    started = time.perf_counter()
    parsed = parse(text, syntax)
    postings = Postings(generation.keyword, parsed.terms.terms)
    lookup_ms = milliseconds(started)
    return RankedQuery(
        generation=generation,
        number=generation.number,
        chunks=generation.chunks,
        notes=generation.notes,
        row_of=generation.row_of,
        parsed=parsed,
        query=_described(parsed, postings),
        scope=_scope(generation, parsed),
        in_body=postings.in_body(),
        snippets=Snippets(postings.idf),
        postings=postings,
        lookup_ms=lookup_ms,
    )


def _scope(generation: Generation, parsed: ParsedQuery) -> Mask:
    """The rows whose note passes every filter."""
    if not parsed.filters:
        return np.ones(len(generation.chunks), dtype=np.bool_)
    verdicts: dict[str, bool] = {}
    for chunk in generation.chunks:
        if chunk.path not in verdicts:
            verdicts[chunk.path] = all(each.passes(chunk) for each in parsed.filters)
    return np.array([verdicts[chunk.path] for chunk in generation.chunks], dtype=np.bool_)


def _described(parsed: ParsedQuery, postings: Postings) -> Query:
    return Query(
        text=parsed.text,
        syntax=parsed.syntax,
        terms=tuple(Term(term=term, df=df) for term, df in postings.df.items()),
        dropped=parsed.terms.dropped,
        required=tuple(each.typed for each in parsed.constraints),
        filters=tuple(each.typed for each in parsed.filters),
        encoded=parsed.words,
        warnings=parsed.warnings,
    )
