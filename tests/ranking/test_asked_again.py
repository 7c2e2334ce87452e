"""A query asked again with what was worked out before ranks as if it were asked for the first
time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from membrowse.encoding.resident import ResidentEncoder
from membrowse.index.index import Index
from membrowse.ranking.evaluation import Evaluation, Maxima
from membrowse.ranking.pipeline import Ranker
from membrowse.recall import RERANKED
from membrowse.settings import Settings, overridden

QUERIES = ("where does staging listen for ssh now?", "when do we restore a backup", "服务器的备份")
VARIANTS = tuple(
    overridden(
        Settings(),
        {"rerank.pool": pool, "rerank.stop_word_weight": stop, "rerank.idf": idf},
    )
    for pool, stop, idf in itertools.product((3, 50), (0.0, 0.3, 1.0), (True, False))
)


def asked(
    index: Index,
    encoder: ResidentEncoder,
    text: str,
    settings: Settings,
    maxima: dict[bool, Maxima],
) -> Evaluation:
    ranker = Ranker(settings)
    evaluation = ranker.analyse(index.generation, text, "literal")
    evaluation.maxima = maxima
    ranker.keyword(evaluation)
    ranker.vector(evaluation, encoder)
    ranker.fuse(evaluation)
    ranker.gather(evaluation, index.tokens)
    ranker.rerank(evaluation, index.tokens, encoder)
    return evaluation


@pytest.mark.parametrize("text", QUERIES)
def test_similarities_that_are_brought_along_change_no_bit(
    index: Index, encoder: ResidentEncoder, text: str
) -> None:
    maxima: dict[bool, Maxima] = {}
    for settings in VARIANTS:
        anew = asked(index, encoder, text, settings, {}).rankings[RERANKED]
        again = asked(index, encoder, text, settings, maxima).rankings[RERANKED]
        assert np.array_equal(again.scores, anew.scores)
        assert np.array_equal(again.order, anew.order)
        assert (again.state, again.cached) == (anew.state, anew.cached)
    last = asked(index, encoder, text, VARIANTS[-1], maxima)
    assert last.tokens == {}


def test_a_ranker_by_other_settings_ranks_like_one_of_its_own(
    index: Index, encoder: ResidentEncoder
) -> None:
    first = Ranker(Settings())
    for settings in VARIANTS:
        for text in QUERIES:
            evaluation = asked(index, encoder, text, Settings(), {})
            ranker = first.by(settings)
            ranker.rerank(evaluation, index.tokens, encoder)
            own = asked(index, encoder, text, settings, {})
            assert np.array_equal(
                evaluation.rankings[RERANKED].scores, own.rankings[RERANKED].scores
            )
