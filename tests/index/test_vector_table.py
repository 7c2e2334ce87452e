"""Rearranging the vectors of one generation into the next one's."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from membrowse.index.generation import StoredVectors, VectorTable, no_vectors, rearranged

Passages = list[list[int] | None]
"""For each row the numbers of its passages; None where it is not encoded."""

_rows = st.lists(st.none() | st.lists(st.integers(1, 99), min_size=1, max_size=3), max_size=8)


def vectors(passages: list[int]) -> StoredVectors:
    return StoredVectors(
        np.full(2, float(passages[0]), np.float32),
        np.array([[number, -number] for number in passages], np.float32),
    )


def table(rows: Passages) -> VectorTable:
    added = {row: vectors(passages) for row, passages in enumerate(rows) if passages is not None}
    return rearranged(no_vectors(len(rows), 2), np.arange(len(rows)), added)


def content(of: VectorTable) -> Passages:
    found: Passages = []
    for row, encoded in enumerate(of.encoded.tolist()):
        mine: NDArray[np.float32] = of.passages[of.starts[row] : of.starts[row + 1]]
        numbers = [int(number) for number in mine[:, 0]]
        if encoded:
            assert of.matrix[row].tolist() == [numbers[0], numbers[0]]
            assert [int(number) for number in -mine[:, 1]] == numbers
        else:
            assert not of.matrix[row].any()
            assert numbers == []
        assert (of.passage_rows == row).sum() == len(numbers)
        found.append(numbers if encoded else None)
    return found


@settings(max_examples=400, deadline=None)
@given(old=_rows, data=st.data())
def test_every_row_has_the_vectors_of_its_source_or_its_own(
    old: Passages, data: st.DataObject
) -> None:
    before = table(old)
    assert content(before) == old
    source = data.draw(st.lists(st.integers(-1, len(old) - 1), max_size=10))
    rows = st.integers(0, max(len(source) - 1, 0))
    own = st.lists(st.integers(100, 199), min_size=1, max_size=3)
    added = data.draw(st.dictionaries(rows, own)) if source else {}
    after = rearranged(
        before,
        np.array(source, np.int64),
        {row: vectors(passages) for row, passages in added.items()},
    )
    assert content(after) == [
        added.get(row, old[came] if came >= 0 else None) for row, came in enumerate(source)
    ]
    assert after.matrix.flags.c_contiguous
    assert content(before) == old


def test_nothing_is_copied_where_nothing_changes() -> None:
    before = table([[1, 2], None])
    assert rearranged(before, np.arange(2), {}) is before
