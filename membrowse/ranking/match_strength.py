"""How well a folder matches a query, by figures that are comparable across queries.

Scores of a ranking are relative: the best chunk of an unanswerable question may get 1.00 as well.
So two absolute figures decide whether the best hits are weak:

- cosine: the best of the vector ranking;
- coverage: the share of the query's terms, weighted by idf, that one of the first five reranked
  chunks contains, the best of them.

The best of many chunks is nearer than the best of a few, whatever is asked: a query matches weakly
if cosine + ½ · coverage is below 0.35 for up to 30 chunks, 0.5 for 100 and 0.6 from 1,000 on.

Measured with the bundled encoder on 775 questions asked of the folder that answers them (LoCoMo,
Chroma's chunking set, the demo memory) and 1,050 asked of another folder: of the first, 3% are
called weak; of the second, 95% if they are about other matters, and 65% if both folders are
conversations of the same kind. In folders of 6 to 10 notes of the same sets, 3% of 1,381 questions
that they answer are, and 96% of 467 about other matters.

The cosine says nothing if the encoder does not know the query, and other encoders have another
scale. Coverage decides alone then (below 0.2: 2% and 49%, and 3% of 120 Chinese questions asked of
the folder that answers them), as the cosine does if the query has no terms (below 0.4: 5% and 85%).
"""

from __future__ import annotations

import numpy as np

from membrowse.ranking.ranked_query import RankedQuery
from membrowse.settings import EncoderSettings
from membrowse.wire.search import RERANKED, VECTOR, MatchStrength, RankingState

TOP = 5
"""Reranked chunks whose coverage counts."""
COVERAGE_SHARE = 0.5
WEAK_SUMS = {30: 0.35, 100: 0.5, 1000: 0.6}
"""Of cosine + `COVERAGE_SHARE` · coverage, by the number of chunks; linear in its logarithm."""
WEAK_COVERAGE = 0.2
WEAK_COSINE = 0.4
KNOWN = 0.5
"""Share of the query that the encoder must know."""
_MEASURED_ENCODER = EncoderSettings().model


def match_strength(ranked_query: RankedQuery, encoder: str) -> MatchStrength | None:
    """The figures of a reranked query; None if nothing can be judged (yet).

    Nothing can while vectors are missing, if no chunk is in scope, or if the query has no words.
    """
    if ranked_query.ranking(VECTOR).state is RankingState.INDEXING:
        return None
    if not ranked_query.ranking(RERANKED).total or not ranked_query.parsed.words:
        return None
    cosine, coverage = _cosine(ranked_query, encoder), _best_coverage(ranked_query)
    if cosine is None and coverage is None:
        return None
    weak = is_weak(cosine, coverage, ranked_query.ranking(RERANKED).total)
    return MatchStrength(weak=weak, cosine=cosine, coverage=coverage)


def is_weak(cosine: float | None, coverage: float | None, chunks: int) -> bool:
    """Whether these figures, at least one of which is known, are those of a weak match with the
    best of so many chunks."""
    if cosine is None:
        return coverage is not None and coverage < WEAK_COVERAGE
    if coverage is None:
        return cosine < WEAK_COSINE
    counts, sums = np.log([*WEAK_SUMS]), [*WEAK_SUMS.values()]
    least = float(np.interp(np.log(chunks), counts, sums))
    return cosine + COVERAGE_SHARE * coverage < least


def _cosine(ranked_query: RankedQuery, encoder: str) -> float | None:
    """The best cosine, -1 to 1; None without a vector ranking whose scale is known."""
    vector = ranked_query.ranking(VECTOR)
    known = encoder == _MEASURED_ENCODER and ranked_query.known_share >= KNOWN
    return float(vector.scores[vector.order[0]]) if known and vector.total else None


def _best_coverage(ranked_query: RankedQuery) -> float | None:
    """The best coverage of a first chunk, 0 to 1; None if the query has no terms."""
    postings = ranked_query.postings
    total = sum(postings.idf.values())
    if not total:
        return None
    rows = ranked_query.ranking(RERANKED).order[:TOP]
    covered = np.zeros(len(rows))
    for term, idf in postings.idf.items():
        covered += idf * postings.contained(term, rows)
    return float(covered.max()) / total
