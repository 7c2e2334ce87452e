"""The order of chunks by score."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from membrowse.ranking.chunk_ranking import rank_by_score
from membrowse.wire.search import RankingState


@settings(max_examples=200)
@given(
    scores=st.lists(st.sampled_from([-1.0, 0.0, 0.25, 0.5]) | st.floats(-1, 1), max_size=60),
    data=st.data(),
)
def test_equal_scores_keep_the_canonical_order(scores: list[float], data: st.DataObject) -> None:
    mask = data.draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores)))
    ranking = rank_by_score(np.array(scores), np.array(mask, np.bool_), RankingState.READY)
    rows = [row for row, ranked in enumerate(mask) if ranked]
    assert ranking.order.tolist() == sorted(rows, key=lambda row: (-scores[row], row))
    assert [ranking.rank_of(row) for row in ranking.order] == list(range(1, len(rows) + 1))
