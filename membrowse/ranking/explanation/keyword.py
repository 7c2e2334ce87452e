"""Explain the keyword score of one chunk, term by term and field by field."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from membrowse.index import bm25
from membrowse.index.keyword_reader import FIELDS
from membrowse.ranking.keyword import satisfying_rows
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.settings import KeywordSettings
from membrowse.wire.explanation import FieldMatch, KeywordExplanation, TermExplanation
from membrowse.wire.search import KEYWORD

MAX_POSITIONS = 100


def explain_keyword(
    ranked_query: RankedQuery, row: int, settings: KeywordSettings
) -> KeywordExplanation:
    """Return every contribution to the keyword score of the chunk at `row`.

    They sum to the score in the ranking (1e-6), in the order in which the ranking adds them.
    """
    ranking = ranked_query.ranking(KEYWORD)
    terms = [_Term(ranked_query, row, term, settings) for term in ranked_query.postings.df]
    score = sum(match.contribution for term in terms for match in term.matches)
    typed = ranked_query.parsed.typed
    explanations = [term.explained(typed.get(term.term, term.term), score) for term in terms]
    rank = ranking.rank_of(row)
    k1, b = constants(ranked_query, settings)
    matched = any(term.matches for term in terms)
    return KeywordExplanation(
        rank=rank,
        total=ranking.ranked,
        score=score,
        k1=k1,
        b=b,
        terms=tuple(sorted(explanations, key=lambda term: (not term.matches, -term.contribution))),
        dropped=ranked_query.query.dropped,
        complete=ranking.complete,
        excluded="" if rank else _excluded(ranked_query, row, matched),
    )


def constants(ranked_query: RankedQuery, settings: KeywordSettings) -> tuple[float, float]:
    """k1 and b: those set, or those that the store has weighted chunks with."""
    store = ranked_query.generation.best_chunks
    return (settings.k1, settings.b) if store is None else (store.k1, store.b)


class _Term:
    """One term of the query in one chunk."""

    def __init__(
        self, ranked_query: RankedQuery, row: int, term: str, settings: KeywordSettings
    ) -> None:
        postings = ranked_query.postings
        self.term = term
        self.df = postings.df[term]
        self.idf = postings.idf[term]
        self.matches = tuple(self._matches(ranked_query, row, settings))

    def _matches(
        self, ranked_query: RankedQuery, row: int, settings: KeywordSettings
    ) -> Iterator[FieldMatch]:
        reader = ranked_query.generation.keyword
        weights: dict[str, float] = msgspec.structs.asdict(settings.weights)
        for field in FIELDS:
            frequency = ranked_query.postings.frequency(self.term, field, row)
            if not frequency:
                continue
            weight, mean = weights.get(field, 0.0), reader.mean_length(field)
            length = reader.length(field, row)
            k1, b = constants(ranked_query, settings)
            score = bm25.bm25(self.idf, frequency, length, mean, k1=k1, b=b)
            positions = reader.positions(field, self.term, row)
            yield FieldMatch(
                field=field,
                weight=weight,
                frequency=int(frequency),
                length=length,
                mean_length=mean,
                positions=tuple(positions[:MAX_POSITIONS]),
                contribution=weight * score,
            )

    def explained(self, typed: str, score: float) -> TermExplanation:
        contribution = sum(match.contribution for match in self.matches)
        return TermExplanation(
            term=self.term,
            typed=typed,
            df=self.df,
            idf=self.idf,
            matches=self.matches,
            contribution=contribution,
            share=contribution / score if score else 0.0,
        )


def _excluded(ranked_query: RankedQuery, row: int, matched: bool) -> str:
    """Say why the chunk is excluded; empty if it only lacks the words."""
    parsed, chunk = ranked_query.parsed, ranked_query.chunks[row]
    failed = [each.typed for each in parsed.filters if not each.passes(chunk)]
    if failed:
        return f"its note does not pass {_join(failed)}"
    reader = ranked_query.generation.keyword
    for constraint in parsed.constraints:
        if not satisfying_rows(reader, [constraint])[row]:
            verb = "contains what is excluded by" if constraint.excluded else "does not satisfy"
            return f"it {verb} {constraint.typed}"
    return "it contains words of the query only in fields without weight" if matched else ""


def _join(typed: list[str]) -> str:
    return typed[0] if len(typed) == 1 else f"{', '.join(typed[:-1])} and {typed[-1]}"
