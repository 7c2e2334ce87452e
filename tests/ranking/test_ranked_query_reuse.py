"""A query that reuses earlier results ranks as if it were new."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from membrowse.encoding.cross_encoder import CrossEncoder
from membrowse.encoding.encoder import EncoderInput, Float32
from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.index import Index
from membrowse.ranking.ranked_query import Maxima, RankedQuery
from membrowse.ranking.ranker import Ranker
from membrowse.settings import RerankMethod, RerankSettings, Settings, overridden
from membrowse.wire.overrides import Overrides
from membrowse.wire.search import RERANKED

QUERIES = ("where does staging listen for ssh now?", "when do we restore a backup", "服务器的备份")
VARIANTS = tuple(
    overridden(
        Settings(),
        {"rerank.pool": pool, "rerank.stop_word_weight": stop, "rerank.idf": idf},
    )
    for pool, stop, idf in itertools.product((3, 50), (0.0, 0.3, 1.0), (True, False))
)


def ranked(
    index: Index,
    encoder: ResidentEncoder,
    text: str,
    settings: Settings,
    maxima: dict[bool, Maxima],
) -> RankedQuery:
    ranker = Ranker(settings)
    ranked_query = ranker.prepare(index.generation, text, "literal")
    ranked_query.maxima = maxima
    ranker.keyword(ranked_query)
    ranker.vector(ranked_query, encoder)
    ranker.fuse(ranked_query)
    ranker.gather(ranked_query, index.tokens)
    ranker.rerank(ranked_query, index.tokens, encoder)
    return ranked_query


@pytest.mark.parametrize("text", QUERIES)
def test_reused_similarities_change_no_bit(
    index: Index, encoder: ResidentEncoder, text: str
) -> None:
    maxima: dict[bool, Maxima] = {}
    for settings in VARIANTS:
        fresh = ranked(index, encoder, text, settings, {}).rankings[RERANKED]
        reused = ranked(index, encoder, text, settings, maxima).rankings[RERANKED]
        assert np.array_equal(reused.scores, fresh.scores)
        assert np.array_equal(reused.order, fresh.order)
        assert (reused.state, reused.cached) == (fresh.state, fresh.cached)
    last = ranked(index, encoder, text, VARIANTS[-1], maxima)
    assert last.token_vectors == {}


def test_a_derived_ranker_ranks_like_a_new_one(index: Index, encoder: ResidentEncoder) -> None:
    first = Ranker(Settings())
    for settings in VARIANTS:
        for text in QUERIES:
            ranked_query = ranked(index, encoder, text, Settings(), {})
            ranker = first.with_settings(settings)
            ranker.rerank(ranked_query, index.tokens, encoder)
            own = ranked(index, encoder, text, settings, {})
            assert np.array_equal(
                ranked_query.rankings[RERANKED].scores, own.rankings[RERANKED].scores
            )


class CountingCrossEncoder(CrossEncoder):
    """Scores texts by length, and counts them."""

    scored = 0

    def score(self, query: str, texts: Sequence[str]) -> Float32:
        self.scored += len(texts)
        return np.array([len(text) for text in texts], np.float32)


def test_a_cross_encoder_scores_a_chunk_once_for_all_settings(
    index: Index, encoder: ResidentEncoder
) -> None:
    cross = CountingCrossEncoder(Path("nowhere"))
    rerank = RerankSettings(method=RerankMethod.CROSS_ENCODER, model="nowhere", pool=5)
    settings = Settings(rerank=rerank)
    ranked_query = ranked(index, encoder, QUERIES[0], settings, {})
    first = Ranker(settings)
    tried: tuple[Overrides, ...] = (
        {},
        {"rerank.blend": 0.2},
        {"fusion.weight": 0.9},
        {"rerank.pool": 8},
    )
    for changes in tried:
        other = replace(ranked_query, rankings=dict(ranked_query.rankings))
        ranker = first.with_settings(overridden(settings, changes))
        ranker.fuse(other)
        ranker.rerank(other, index.tokens, encoder, cross)
        blend = other.rankings[RERANKED].blend
        assert blend is not None and blend.scored.all()
        chunks = [index.generation.chunks[row] for row in blend.pool.tolist()]
        texts = [EncoderInput("", chunk.header, chunk.text).encoded_text for chunk in chunks]
        assert blend.raw.tolist() == [len(text) for text in texts]
    assert cross.scored == len(ranked_query.cross_scores) < 5 + 5 + 5 + 8
