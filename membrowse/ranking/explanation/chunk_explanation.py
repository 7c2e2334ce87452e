"""Explain one chunk under one query in all rankings."""

from __future__ import annotations

import time
from dataclasses import dataclass

import msgspec

from membrowse.ranking import search_response
from membrowse.ranking.elapsed import elapsed_ms
from membrowse.ranking.explanation import fused, keyword, reranked, vector
from membrowse.ranking.explanation.heat import heat
from membrowse.ranking.explanation.token_matches import ChunkTokenizer, TokensOf, interact
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.ranker import Nearest
from membrowse.settings import Settings
from membrowse.wire.explanation import Explanation, IndexedVersion
from membrowse.wire.search import RANKINGS


@dataclass(frozen=True, slots=True)
class ExplanationSources:
    """What explaining requires besides the ranked query."""

    settings: Settings
    """The settings of the ranked query."""
    tokens_of: TokensOf = lambda row: None
    tokenizer: ChunkTokenizer | None = None
    nearest: Nearest | None = None


def explain_chunk(
    ranked_query: RankedQuery, row: int, sources: ExplanationSources, indexed: IndexedVersion
) -> Explanation:
    """Explain the rank of the chunk at `row`, term by term; `indexed` is passed on."""
    started = time.perf_counter()
    settings, chunk = sources.settings, ranked_query.chunks[row]
    late = interact(ranked_query, row, settings.rerank, sources.tokens_of, sources.tokenizer)
    explanation = Explanation(
        query=ranked_query.parsed.text,
        hit=search_response.hit_at(ranked_query, row, lambda path: indexed.freshness),
        header=chunk.header,
        text=chunk.text,
        keyword=keyword.explain_keyword(ranked_query, row, settings.keyword),
        vector=vector.explain_vector(ranked_query, row, settings, sources.nearest),
        fused=fused.explain_fused(ranked_query, row, settings.fusion),
        reranked=reranked.explain_reranked(ranked_query, row, settings.rerank, late),
        heat=heat(chunk.text, late),
        took_ms={},
        indexed=indexed,
    )
    took_ms = _took(ranked_query) | {"explain": elapsed_ms(started)}
    return msgspec.structs.replace(explanation, took_ms=took_ms)


def _took(ranked_query: RankedQuery) -> dict[str, float]:
    rankings = ranked_query.rankings
    return {name: rankings[name].took_ms for name in RANKINGS if name in rankings}
