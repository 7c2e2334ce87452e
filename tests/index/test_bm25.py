"""The BM25 formula."""

from __future__ import annotations

import math

import numpy as np
import pytest

from membrowse.index.bm25 import bm25, idf


def test_idf_is_never_negative_and_falls_with_df() -> None:
    values = [idf(1000, df) for df in range(1, 1001)]
    assert all(a > b > 0 for a, b in zip(values, values[1:], strict=False))
    assert idf(1000, 10) == pytest.approx(math.log(1 + 990.5 / 10.5))


def test_a_single_number_scores_like_an_array() -> None:
    tf = np.array([1.0, 2.0, 7.0])
    length = np.array([3.0, 30.0, 300.0])
    scores = bm25(2.0, tf, length, 30.0, k1=1.2, b=0.75)
    for one, n, words in zip(scores, tf, length, strict=True):
        assert bm25(2.0, float(n), float(words), 30.0, k1=1.2, b=0.75) == one
    assert scores[1] == pytest.approx(2.0 * 2.0 * 2.2 / (2.0 + 1.2))


def test_without_length_normalisation_length_does_not_count() -> None:
    assert bm25(1.0, 2.0, 10.0, 30.0, k1=1.2, b=0.0) == bm25(1.0, 2.0, 99.0, 30.0, k1=1.2, b=0.0)
    assert bm25(1.0, 1.0, 0.0, 0.0, k1=1.2, b=0.75) == pytest.approx(1.0)
