"""The vectors of generations: shared blocks, exact products, and nothing unused kept for long."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membrowse.encoding.pooling import normalise_rows
from membrowse.index import vector_table
from membrowse.index.vector_table import (
    StoredVectors,
    VectorTable,
    empty_vector_table,
    quantised,
    rearrange,
)

Rows = list[list[int] | None]
"""For each row the numbers in its vector and in each passage; None if it is not encoded."""

_rows = st.lists(st.none() | st.lists(st.integers(1, 99), min_size=2, max_size=4), max_size=8)


def vectors(numbers: list[int]) -> StoredVectors:
    passages = np.array([[number, -number] for number in numbers[1:]], np.float32)
    return quantised(np.full(2, float(numbers[0]), np.float32), passages)


def table(rows: Rows) -> VectorTable:
    added = {row: vectors(numbers) for row, numbers in enumerate(rows) if numbers is not None}
    return rearrange(empty_vector_table(len(rows), 2), np.arange(len(rows)), added)


def content(of: VectorTable) -> Rows:
    rows: Rows = []
    for row, encoded in enumerate(of.encoded.tolist()):
        (first, second), passages = of.vectors([row])[0].tolist(), of.passages(row)
        assert first == second
        first = round(first)
        assert passages[:, 0].tolist() == (-passages[:, 1]).tolist()
        if not encoded:
            assert (first, len(passages)) == (0, 0)
        numbers = np.rint(passages[:, 0]).astype(int).tolist()
        rows.append([first, *numbers] if encoded else None)
    return rows


@settings(max_examples=400)
@given(old=_rows, data=st.data())
def test_every_row_has_the_vectors_of_its_source_or_added_ones(
    old: Rows, data: st.DataObject
) -> None:
    before = table(old)
    assert content(before) == old
    source = data.draw(st.lists(st.integers(-1, len(old) - 1), max_size=10))
    rows = st.integers(0, max(len(source) - 1, 0))
    own = st.lists(st.integers(100, 199), min_size=2, max_size=4)
    added = data.draw(st.dictionaries(rows, own)) if source else {}
    after = rearrange(
        before,
        np.array(source, np.int64),
        {row: vectors(numbers) for row, numbers in added.items()},
    )
    assert content(after) == [
        added.get(row, old[origin] if origin >= 0 else None) for row, origin in enumerate(source)
    ]
    assert content(before) == old


def test_nothing_is_copied_if_nothing_changes() -> None:
    before = table([[1, 2], None])
    assert rearrange(before, np.arange(2), {}) is before


def random_vectors(dice: np.random.Generator, dimension: int) -> StoredVectors:
    passages = normalise_rows(dice.standard_normal((dice.integers(1, 9), dimension), np.float32))
    return quantised(normalise_rows(dice.standard_normal(dimension, np.float32)), passages)


@settings(max_examples=40)
@given(rows=st.integers(0, 2500), seed=st.integers(0, 1000), dimension=st.sampled_from([3, 16, 50]))
def test_products_equal_brute_force_and_never_depend_on_the_place(
    rows: int, seed: int, dimension: int
) -> None:
    dice = np.random.default_rng(seed)
    stored = [random_vectors(dice, dimension) for _ in range(rows)]
    table = rearrange(empty_vector_table(rows, dimension), np.arange(rows), dict(enumerate(stored)))
    query = normalise_rows(dice.standard_normal(dimension, np.float32))
    floats = [each.numbers * each.scales[:, None].astype(np.float64) for each in stored]
    exact = np.array([each[0] @ query for each in floats])
    best = np.array([(each[1:] @ query).max() for each in floats])
    assert table.cosines(query) == pytest.approx(exact, abs=1e-6)
    assert table.best_passages(query) == pytest.approx(best, abs=1e-6)

    elsewhere = dice.permutation(rows)
    moved = rearrange(
        empty_vector_table(rows, dimension),
        np.arange(rows),
        {row: stored[origin] for row, origin in enumerate(elsewhere.tolist())},
    )
    assert np.array_equal(moved.cosines(query), table.cosines(query)[elsewhere])
    assert np.array_equal(moved.best_passages(query), table.best_passages(query)[elsewhere])


def test_blocks_of_unused_entries_are_written_again() -> None:
    dice = np.random.default_rng(7)
    kept = [random_vectors(dice, 4) for _ in range(3)]
    edited = rearrange(empty_vector_table(4, 4), np.arange(4), dict(enumerate(kept)))
    most = 0
    for _ in range(20 * vector_table.BLOCK_ENTRIES):
        edited = rearrange(edited, np.arange(4), {3: random_vectors(dice, 4)})
        most = max(most, len(edited.blocks))
    assert most <= 6
    for row, each in enumerate(kept):
        assert np.array_equal(edited.stored(row).numbers, each.numbers)
