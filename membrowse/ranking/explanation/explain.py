"""One query, one chunk: all rankings explained, in one record."""

from __future__ import annotations

import time
from dataclasses import dataclass

from membrowse.ranking import search_response
from membrowse.ranking.explanation import fused, keyword, reranked, vector
from membrowse.ranking.explanation.heat import heat
from membrowse.ranking.explanation.token_matches import Tokenizer, TokensOf, interaction
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.ranker import Nearest
from membrowse.ranking.stages import milliseconds
from membrowse.settings import Settings
from membrowse.wire.explanation import Explanation, IndexedVersion
from membrowse.wire.notes import Freshness
from membrowse.wire.search import RANKINGS


@dataclass(frozen=True, slots=True)
class Sources:
    """What explaining asks beside the ranked_query."""

    settings: Settings
    """Those that the ranked_query was made by."""
    tokens_of: TokensOf = lambda row: None
    tokenizer: Tokenizer | None = None
    nearest: Nearest | None = None


def explanation(
    ranked_query: RankedQuery, row: int, sources: Sources, freshened: IndexedVersion
) -> Explanation:
    """Why the chunk at `row` stands where it stands; `freshened` is passed on."""
    started = time.perf_counter()
    settings, chunk = sources.settings, ranked_query.chunks[row]
    late = interaction(ranked_query, row, settings.rerank, sources.tokens_of, sources.tokenizer)
    by_keyword = keyword.explained(ranked_query, row, settings.keyword)
    by_vector = vector.explained(ranked_query, row, settings, sources.nearest)
    by_both = fused.explained(ranked_query, row, settings.fusion)
    by_reranker = reranked.explained(ranked_query, row, settings.rerank, late)
    warmth = heat(chunk.text, late)
    freshness = freshened.freshness
    return Explanation(
        query=ranked_query.parsed.text,
        hit=search_response.hit(ranked_query, row, lambda path: freshness),
        header=chunk.header,
        text=chunk.text,
        keyword=by_keyword,
        vector=by_vector,
        fused=by_both,
        reranked=by_reranker,
        heat=warmth,
        took_ms=_took(ranked_query) | {"explain": milliseconds(started)},
        indexed=freshened,
    )


def freshly(ranked_query: RankedQuery, row: int, freshness: Freshness) -> IndexedVersion:
    """As indexed, without a look at what changed."""
    note = ranked_query.notes[ranked_query.chunks[row].path]
    return IndexedVersion(
        generation=ranked_query.number, indexed_at=note.indexed_at, freshness=freshness
    )


def _took(ranked_query: RankedQuery) -> dict[str, float]:
    rankings = ranked_query.rankings
    return {name: rankings[name].took_ms for name in RANKINGS if name in rankings}
