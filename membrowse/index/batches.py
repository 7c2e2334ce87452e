"""Sequences in parts that are not too large for one step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")


def batched(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """Yield slices of `size` items; the last may be shorter."""
    for first in range(0, len(items), size):
        yield items[first : first + size]
