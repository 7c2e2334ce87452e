"""The BM25 formula, for single numbers and for arrays.

Robertson, Zaragoza: "The Probabilistic Relevance Framework: BM25 and Beyond" (2009). As in Lucene
since version 4, one is added under the logarithm of the idf, so it is never negative.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", float, NDArray[np.float64])


def idf(documents: int, df: int) -> float:
    """Inverse document frequency of a term that occurs in `df` of `documents` live chunks."""
    return math.log(1.0 + (documents - df + 0.5) / (df + 0.5))


def bm25(
    idf: float, tf: Number, length: Number, mean_length: float, *, k1: float, b: float
) -> Number:
    """Score of a term that occurs `tf` times in a field of `length` terms.

    `tf` and `length` are floats, or float64 arrays of one shape; so is the result. If `mean_length`
    is 0, length does not count.
    """
    relative = length / mean_length if mean_length else length * 0.0 + 1.0
    return idf * (tf * (k1 + 1.0)) / (tf + k1 * (1.0 - b + b * relative))
