"""Vectors keep to their chunks when rows come, go and move."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from membrowse.index.generation import StoredVectors, VectorTable, no_vectors, rearranged

DIMENSION = 3


def vectors(mark: int, passages: int) -> StoredVectors:
    return StoredVectors(
        np.full(DIMENSION, mark, np.float32), np.full((passages, DIMENSION), mark, np.float32)
    )


def table(marks: dict[int, int], rows: int) -> VectorTable:
    """Row r has vectors full of `marks[r]`, and as many passages as (mark mod 4)."""
    added = {row: vectors(mark, mark % 4) for row, mark in marks.items()}
    return rearranged(no_vectors(0, DIMENSION), np.full(rows, -1, np.int64), added)


def marks_of(made: VectorTable) -> list[tuple[float, ...]]:
    """Each row's vector and passages, flat."""
    return [
        (
            float(made.encoded[row]),
            *made.matrix[row].tolist(),
            *made.passages[made.starts[row] : made.starts[row + 1]].ravel().tolist(),
        )
        for row in range(len(made.encoded))
    ]


@given(
    old=st.lists(st.integers(1, 99) | st.none(), max_size=8),
    picks=st.lists(st.integers(-1, 9), max_size=10),
    fresh=st.dictionaries(st.integers(0, 9), st.integers(100, 199), max_size=4),
)
def test_every_row_has_the_vectors_of_its_source(
    old: list[int | None], picks: list[int], fresh: dict[int, int]
) -> None:
    before = table({row: mark for row, mark in enumerate(old) if mark is not None}, len(old))
    source = [pick if pick < len(old) else -1 for pick in picks]
    added = {row: mark for row, mark in fresh.items() if row < len(source)}
    after = rearranged(
        before,
        np.array(source, np.int64),
        {row: vectors(mark, mark % 4) for row, mark in added.items()},
    )
    expected = [added.get(row, old[pick] if pick >= 0 else None) for row, pick in enumerate(source)]
    wanted = table(
        {row: mark for row, mark in enumerate(expected) if mark is not None}, len(source)
    )
    assert marks_of(after) == marks_of(wanted)


def test_a_row_that_comes_before_the_first_moves_the_others() -> None:
    before = table({0: 5, 1: 6}, 2)
    after = rearranged(before, np.array([-1, 0, 1], np.int64), {0: vectors(7, 3)})
    assert marks_of(after) == marks_of(table({0: 7, 1: 5, 2: 6}, 3))
