"""Vectors by content key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from membrowse import sqlite
from membrowse.encoding.encoder import EncodedText, EncoderInput
from membrowse.index.vector_store import VectorStore
from membrowse.index.vector_table import StoredVectors, quantised
from tests.index.factories import DIMENSION, encode, vector


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[VectorStore]:
    with closing(VectorStore(tmp_path / "v.sqlite", DIMENSION, grace=60.0, clock=clock)) as made:
        yield made


def encoded(*keys: str) -> list[EncodedText]:
    return encode([EncoderInput(key, "", f"text of {key}\nsecond line") for key in keys])


def assert_same(found: StoredVectors, expected: StoredVectors) -> None:
    assert np.array_equal(found.numbers, expected.numbers)
    assert found.scales == pytest.approx(expected.scales, rel=1e-6)


def test_vectors_are_read_back_exactly(store: VectorStore) -> None:
    made = encoded("a", "b")
    store.put(made, "float32")
    found = store.get({"a", "b", "c"})
    assert found.keys() == {"a", "b"}
    for one in made:
        assert_same(found[one.key], quantised(one.vector, one.passages))
        assert found[one.key].vector == pytest.approx(one.vector, abs=1e-5)
        assert found[one.key].passage_vectors == pytest.approx(one.passages, abs=1e-5)
    assert store.has(["a", "c"]) == {"a"}
    assert store.keys() == {"a", "b"}


def test_a_table_has_a_row_per_key_even_if_keys_repeat(store: VectorStore) -> None:
    store.put(encoded("a", "b"), "float32")
    table = store.table(["b", "x", "a", "b"])
    assert table.encoded.tolist() == [True, False, True, True]
    assert np.array_equal(table.vectors([0]), table.vectors([3]))
    assert table.vectors([2])[0] == pytest.approx(vector("text of a\nsecond line"), abs=1e-5)
    assert [len(table.passages(row)) for row in range(4)] == [2, 0, 2, 2]
    assert store.table([]).vectors([]).shape == (0, DIMENSION)


def test_vectors_of_another_dimension_are_ignored(store: VectorStore) -> None:
    store.put(encode([EncoderInput("a", "", "text")], dimension=8), "float32")
    assert store.get({"a"}) == {}
    assert not store.table(["a"]).encoded.any()


def test_the_precision_of_each_vector_is_known(store: VectorStore) -> None:
    store.put(encoded("a", "b"), "float32")
    store.put(encoded("b", "c"), "bfloat16")
    assert store.precisions() == {"float32", "bfloat16"}
    store._run(lambda each: each.execute("UPDATE vectors SET precision = 'flou' WHERE key = 'a'"))
    assert store.precisions() == {"bfloat16"}
    store.table(["b"])
    assert store.precisions() == {"bfloat16"}
    store.put(encoded("d"), "float32")
    assert store.precisions() == {"float32", "bfloat16"}


def test_unused_vectors_are_kept_up_to_a_bound(
    store: VectorStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("membrowse.index.vector_store.SPARE_VECTORS", 3)
    for n in range(12):
        clock.now += 1
        store.put(encoded(f"k{n:02}"), "float32")
    live = {"k00", "k01"}
    assert store.prune(live) == []  # all are young
    clock.now += 61
    assert sorted(store.prune(live)) == [f"k{n:02}" for n in range(2, 9)]
    assert store.keys() == live | {"k09", "k10", "k11"}
    clock.now += 61
    assert store.prune(live) == []


def test_what_a_wrong_clock_dated_is_deleted_like_the_rest(
    store: VectorStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("membrowse.index.vector_store.SPARE_VECTORS", 1)
    right = clock.now
    clock.now = right + 10 * 365 * 86_400
    store.put(encoded("ahead1", "ahead2"), "float32")
    store.prune(set())
    clock.now = right
    store.put(encoded("now"), "float32")
    clock.now += 61
    assert sorted(store.prune(set())) == ["ahead1", "ahead2"]
    assert store.keys() == {"now"}


def test_vectors_renewed_for_a_rebuild_are_kept(
    store: VectorStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("membrowse.index.vector_store.SPARE_VECTORS", 0)
    store.put(encoded("a", "b"), "float32")
    clock.now += 1000
    store.renew(["a"])
    assert store.prune(set()) == ["b"]


def test_damaged_vectors_are_deleted_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "v.sqlite"
    with closing(VectorStore(path, DIMENSION)) as store:
        store.put(encoded(*(f"k{n}" for n in range(200))), "float32")
    data = bytearray(path.read_bytes())
    data[9000:] = b"\x5a" * (len(data) - 9000)
    path.write_bytes(data)
    with closing(VectorStore(path, DIMENSION)) as store:
        table = store.table([f"k{n}" for n in range(200)])
        assert not table.encoded.any()
        assert "the stored vectors cannot be read" in caplog.text
        store.put(encoded("k1"), "float32")
        assert store.keys() == {"k1"}


def test_a_store_with_longer_keys_is_converted(tmp_path: Path) -> None:
    path, long, short = tmp_path / "vectors.sqlite", "a" * 64, "a" * 32
    made = encoded(long, "b" * 64)
    with closing(VectorStore(path, DIMENSION)) as store:
        store.put(made, "float32")
    with closing(sqlite.connect(path)) as connection:
        connection.execute("UPDATE vectors SET checksum = 1 WHERE key != ?", (long,))
    for _ in range(2):
        with closing(VectorStore(path, DIMENSION)) as store:
            assert store.keys() == {short}
            assert_same(store.get({short})[short], quantised(made[0].vector, made[0].passages))
