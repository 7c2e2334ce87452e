"""Properties of every fusion method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from membrowse.ranking.chunk_ranking import ChunkRanking, Scores, rank_by_score
from membrowse.ranking.fusion import convex, minmax, minmax_value, reciprocal_rank
from membrowse.wire.search import RankingState

SCORES = st.lists(st.integers(0, 8).map(float), min_size=1, max_size=30).map(np.array)
PAIRS = SCORES.flatmap(
    lambda first: st.tuples(
        st.just(first),
        st.lists(st.integers(0, 8).map(float), min_size=len(first), max_size=len(first)).map(
            np.array
        ),
    )
)
WEIGHTS = st.floats(0, 1)


def order(scores: Scores) -> ChunkRanking:
    return rank_by_score(scores, np.ones(len(scores), dtype=np.bool_), RankingState.READY)


def by_convex(keyword: Scores, vector: Scores, weight: float) -> Scores:
    everything = np.ones(len(keyword), dtype=np.bool_)
    return convex(minmax(keyword, everything), minmax(vector, everything), weight)


def by_rrf(keyword: Scores, vector: Scores, weight: float) -> Scores:
    return reciprocal_rank(order(keyword).ranks, order(vector).ranks, weight, 60)


METHODS = pytest.mark.parametrize("fused", [by_convex, by_rrf])
Fused = Callable[[Scores, Scores, float], Scores]


@METHODS
@given(pair=PAIRS)
def test_weight_0_and_1_leave_a_single_ranking(fused: Fused, pair: tuple[Scores, Scores]) -> None:
    keyword, vector = pair
    assert order(fused(keyword, vector, 0.0)).order.tolist() == order(keyword).order.tolist()
    assert order(fused(keyword, vector, 1.0)).order.tolist() == order(vector).order.tolist()


@METHODS
@given(pair=PAIRS, weight=WEIGHTS)
def test_scores_are_bounded(fused: Fused, pair: tuple[Scores, Scores], weight: float) -> None:
    scores = fused(*pair, weight)
    assert (scores >= 0).all()
    assert (scores <= 1 + 1e-12).all()


@METHODS
@given(pair=PAIRS, weight=WEIGHTS, row=st.integers(0, 29))
def test_a_better_score_never_lowers_a_rank(
    fused: Fused, pair: tuple[Scores, Scores], weight: float, row: int
) -> None:
    keyword, vector = pair
    row %= len(keyword)
    better = keyword.copy()
    better[row] = keyword.max() + 1
    before = fused(minmax_all(keyword), vector, weight)
    after = fused(minmax_all(better), vector, weight)
    beaten_before = before[row] > before + 1e-9
    beaten_after = after[row] > after - 1e-9
    assert (~beaten_before | beaten_after).all()


def minmax_all(scores: Scores) -> Scores:
    return minmax(scores, np.ones(len(scores), dtype=np.bool_))


@given(pair=PAIRS, weight=WEIGHTS, seed=st.integers(0, 99))
def test_the_order_of_rows_does_not_matter_to_convex(
    pair: tuple[Scores, Scores], weight: float, seed: int
) -> None:
    keyword, vector = pair
    shuffled = np.random.default_rng(seed).permutation(len(keyword))
    expected = by_convex(keyword, vector, weight)[shuffled]
    assert np.array_equal(by_convex(keyword[shuffled], vector[shuffled], weight), expected)


@given(SCORES)
def test_ranks_are_a_permutation_and_ties_keep_the_canonical_order(scores: Scores) -> None:
    found = order(scores)
    assert sorted(found.order.tolist()) == list(range(len(scores)))
    assert found.ranks[found.order].tolist() == list(range(1, len(scores) + 1))
    for better, worse in zip(found.order, found.order[1:], strict=False):
        assert (-scores[better], better) < (-scores[worse], worse)


def test_equal_scores_become_zero() -> None:
    assert minmax(np.array([3.0, 3.0]), np.array([True, True])).tolist() == [1.0, 1.0]
    assert minmax(np.array([3.0, 9.0]), np.array([True, False])).tolist() == [1.0, 0.0]
    assert minmax(np.array([0.0, 0.0]), np.array([True, True])).tolist() == [0.0, 0.0]
    assert minmax(np.array([-0.1]), np.array([True])).tolist() == [0.0]
    assert [minmax_value(score, 3.0, 3.0) for score in (3.0, 0.0)] == [1.0, 0.0]
    assert minmax(np.array([3.0, 5.0]), np.array([False, False])).tolist() == [0.0, 0.0]


def test_scores_outside_the_mask_become_zero() -> None:
    mask = np.array([True, True, False])
    assert minmax(np.array([2.0, 4.0, 9.0]), mask).tolist() == [0.0, 1.0, 0.0]
