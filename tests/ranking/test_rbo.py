"""Rank-biased overlap: bounds, symmetry and definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membrowse.ranking.rbo import rank_biased_overlap

rankings = st.lists(st.integers(0, 30), max_size=25, unique=True)
shares = st.floats(0.05, 0.99)


@given(rankings, shares)
def test_a_ranking_is_identical_to_itself(ranking: list[int], p: float) -> None:
    assert rank_biased_overlap(ranking, ranking, p) == pytest.approx(1.0)


@given(rankings, rankings, shares)
def test_rankings_without_a_common_member_are_disjoint(
    one: list[int], other: list[int], p: float
) -> None:
    apart = [member + 100 for member in other]
    assert rank_biased_overlap(one, apart, p) == (1.0 if not one and not other else 0.0)


@given(rankings, rankings, shares)
def test_it_is_symmetric_and_bounded(one: list[int], other: list[int], p: float) -> None:
    found = rank_biased_overlap(one, other, p)
    assert 0.0 <= found <= 1.0
    assert rank_biased_overlap(other, one, p) == pytest.approx(found)


@given(st.permutations(range(8)))
def test_rankings_of_equal_length_follow_the_definition(other: list[int]) -> None:
    one, p, k = list(range(8)), 0.8, 8
    agreed = [len({*one[:d]} & {*other[:d]}) / d for d in range(1, k + 1)]
    expected = agreed[-1] * p**k + (1 - p) / p * sum(
        agreement * p**d for d, agreement in enumerate(agreed, start=1)
    )
    assert rank_biased_overlap(one, other, p) == pytest.approx(expected)


def test_a_swap_at_the_top_costs_more_than_one_below() -> None:
    ranking = list("abcdefgh")
    assert (
        rank_biased_overlap(ranking, list("bacdefgh"))
        < rank_biased_overlap(ranking, list("abcdefhg"))
        < 1.0
    )


def test_a_longer_ranking_with_the_same_prefix_is_identical() -> None:
    assert rank_biased_overlap("abc", "abcdef") == pytest.approx(1.0)
