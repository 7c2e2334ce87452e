"""The inverse of the quantisation of token vectors."""

from __future__ import annotations

import numpy as np

from membrowse.encoding.encoder import Float32, Int8


def dequantise(tokens: Int8, scales: Float32) -> Float32:
    """Return quantised token vectors [t, d] with `scales` [t] as float32 [t, d]."""
    return tokens.astype(np.float32) * scales[:, None]
