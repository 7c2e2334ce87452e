"""The keyword score of one chunk, term by term and field by field."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from membrowse.index import bm25
from membrowse.index.keyword_reader import FIELDS
from membrowse.ranking.explanation.chunk_rank import rank_of
from membrowse.ranking.keyword import satisfying
from membrowse.ranking.query_parser import ParsedQuery
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.stages import finished
from membrowse.settings import KeywordSettings
from membrowse.wire.explanation import FieldMatch, KeywordExplanation, TermExplanation
from membrowse.wire.search import KEYWORD

MOST_POSITIONS = 100


def explained(ranked_query: RankedQuery, row: int, settings: KeywordSettings) -> KeywordExplanation:
    """Every contribution to the keyword score of the chunk at `row`; they sum to the score that the
    ranking shows (1e-6), in the order in which the ranking adds them up."""
    ranking = finished(ranked_query, KEYWORD)
    terms = [_Term(ranked_query, row, term, settings) for term in ranked_query.terms().by_term]
    score = sum(match.contribution for term in terms for match in term.matches)
    typed = written_as(ranked_query.parsed)
    told = [term.explained(typed.get(term.term, term.term), score) for term in terms]
    rank = rank_of(ranking, row)
    held = any(term.matches for term in terms)
    return KeywordExplanation(
        rank=rank,
        total=ranking.total,
        score=score,
        k1=settings.k1,
        b=settings.b,
        terms=tuple(sorted(told, key=lambda term: (not term.matches, -term.contribution))),
        dropped=ranked_query.query.dropped,
        excluded="" if rank else _excluded(ranked_query, row, held),
    )


def written_as(parsed: ParsedQuery) -> dict[str, str]:
    """Each term of the query to the word it was typed as."""
    spans = zip(parsed.terms.terms, parsed.terms.spans, strict=True)
    return {term: parsed.words[start:end] for term, (start, end) in spans}


class _Term:
    """One term of the query in one chunk."""

    def __init__(
        self, ranked_query: RankedQuery, row: int, term: str, settings: KeywordSettings
    ) -> None:
        postings = ranked_query.terms()
        self.term = term
        self.df = postings.df[term]
        self.idf = postings.idf[term]
        self.matches = tuple(self._matches(ranked_query, row, settings))

    def _matches(
        self, ranked_query: RankedQuery, row: int, settings: KeywordSettings
    ) -> Iterator[FieldMatch]:
        reader = ranked_query.at().keyword
        weights: dict[str, float] = msgspec.structs.asdict(settings.weights)
        for field in FIELDS:
            frequency = ranked_query.terms().frequency(self.term, field, row)
            if not frequency:
                continue
            weight, mean = weights.get(field, 0.0), reader.mean_length(field)
            length = float(reader.lengths(field)[row])
            worth = bm25.bm25(self.idf, frequency, length, mean, k1=settings.k1, b=settings.b)
            positions = reader.positions(field, self.term, row)
            yield FieldMatch(
                field=field,
                weight=weight,
                frequency=int(frequency),
                length=length,
                mean_length=mean,
                positions=tuple(positions[:MOST_POSITIONS]),
                contribution=weight * worth,
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


def _excluded(ranked_query: RankedQuery, row: int, held: bool) -> str:
    """Why the chunk is left out, whatever words it holds; empty where it only lacks them."""
    parsed, chunk = ranked_query.parsed, ranked_query.chunks[row]
    failed = [each.typed for each in parsed.filters if not each.passes(chunk)]
    if failed:
        return f"its note does not pass {_listed(failed)}"
    reader = ranked_query.at().keyword
    for constraint in parsed.constraints:
        if not satisfying(reader, [constraint])[row]:
            verb = "holds what is excluded by" if constraint.excluded else "does not satisfy"
            return f"it {verb} {constraint.typed}"
    return "it holds words of the query only in fields without weight" if held else ""


def _listed(typed: list[str]) -> str:
    return typed[0] if len(typed) == 1 else f"{', '.join(typed[:-1])} and {typed[-1]}"
