"""BM25's formula, once, for single numbers and for arrays.

Robertson, Zaragoza: "The Probabilistic Relevance Framework: BM25 and Beyond" (2009); the idf with
one added under the logarithm, so that it is never negative, as in Lucene since version 4.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", float, NDArray[np.float64])


def idf(documents: int, df: int) -> float:
    """Inverse document frequency of a term that `df` of `documents` live chunks hold."""
    return math.log(1.0 + (documents - df + 0.5) / (df + 0.5))


def bm25(
    idf: float, tf: Number, length: Number, mean_length: float, *, k1: float, b: float
) -> Number:
    """What a term that stands `tf` times in a field of `length` terms adds to the score.

    `tf` and `length` are floats, or float64 arrays of one shape; so is the result. Where
    `mean_length` is 0 there is nothing to compare with, and length does not count.
    """
    relative = length / mean_length if mean_length else length * 0.0 + 1.0
    return idf * (tf * (k1 + 1.0)) / (tf + k1 * (1.0 - b + b * relative))
