"""Rearranging the vectors of one generation into those of the next."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from membrowse.index.vector_table import StoredVectors, VectorTable, empty_vector_table, rearrange

Rows = list[list[int] | None]
"""For each row the numbers in its vector and in each passage; None if it is not encoded."""

_rows = st.lists(st.none() | st.lists(st.integers(1, 99), min_size=1, max_size=4), max_size=8)


def vectors(numbers: list[int]) -> StoredVectors:
    passages = np.array([[number, -number] for number in numbers[1:]], np.float32)
    return StoredVectors(np.full(2, float(numbers[0]), np.float32), passages.reshape(-1, 2))


def table(rows: Rows) -> VectorTable:
    added = {row: vectors(numbers) for row, numbers in enumerate(rows) if numbers is not None}
    return rearrange(empty_vector_table(len(rows), 2), np.arange(len(rows)), added)


def content(of: VectorTable) -> Rows:
    rows: Rows = []
    for row, encoded in enumerate(of.encoded.tolist()):
        passages: NDArray[np.float32] = of.passages[of.starts[row] : of.starts[row + 1]]
        first, second = of.matrix[row].tolist()
        assert first == second
        assert passages[:, 0].tolist() == (-passages[:, 1]).tolist()
        if not encoded:
            assert (first, len(passages)) == (0, 0)
        rows.append([int(first), *passages[:, 0].astype(int).tolist()] if encoded else None)
    return rows


@settings(max_examples=400, deadline=None)
@given(old=_rows, data=st.data())
def test_every_row_has_the_vectors_of_its_source_or_added_ones(
    old: Rows, data: st.DataObject
) -> None:
    before = table(old)
    assert content(before) == old
    source = data.draw(st.lists(st.integers(-1, len(old) - 1), max_size=10))
    rows = st.integers(0, max(len(source) - 1, 0))
    own = st.lists(st.integers(100, 199), min_size=1, max_size=4)
    added = data.draw(st.dictionaries(rows, own)) if source else {}
    after = rearrange(
        before,
        np.array(source, np.int64),
        {row: vectors(numbers) for row, numbers in added.items()},
    )
    assert content(after) == [
        added.get(row, old[origin] if origin >= 0 else None) for row, origin in enumerate(source)
    ]
    assert after.matrix.flags.c_contiguous
    assert content(before) == old


def test_a_row_inserted_before_the_first_moves_the_others() -> None:
    before = table([[5], [6, 60]])
    after = rearrange(before, np.array([-1, 0, 1], np.int64), {0: vectors([7, 70, 71])})
    assert content(after) == [[7, 70, 71], [5], [6, 60]]


def test_nothing_is_copied_if_nothing_changes() -> None:
    before = table([[1, 2], None])
    assert rearrange(before, np.arange(2), {}) is before
