"""Token vectors: budget, eviction, concurrent reading."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from membrowse.encoding.encoder import EncodedText
from membrowse.index.token_store import TokenStore

TOKENS, DIMENSION = 50, 64
SIZE = TOKENS * (DIMENSION + 4)
"""Bytes of one text."""


def encoded(*numbers: int, tokens: int = TOKENS) -> list[EncodedText]:
    return [_one(number, tokens) for number in numbers]


def _one(number: int, tokens: int) -> EncodedText:
    draw = np.random.default_rng(number)
    return EncodedText(
        key=f"k{number:04}",
        vector=np.zeros(DIMENSION, np.float32),
        passages=np.zeros((1, DIMENSION), np.float32),
        tokens=draw.integers(-127, 128, (tokens, DIMENSION), dtype=np.int8),
        scales=draw.random(tokens, dtype=np.float32),
    )


def keys(*numbers: int) -> list[str]:
    return [f"k{number:04}" for number in numbers]


def test_vectors_are_read_back_exactly(tmp_path: Path) -> None:
    made = [*encoded(1, 2), *encoded(3, tokens=0)]
    with closing(TokenStore(tmp_path / "t.sqlite", 10**9)) as store:
        store.put(made)
    with closing(TokenStore(tmp_path / "t.sqlite", 10**9)) as store:
        found = store.get(keys(1, 2, 3, 4))
        assert found.keys() == set(keys(1, 2, 3))
        for one in made[:2]:
            assert np.array_equal(found[one.key].tokens, one.tokens)
            assert np.array_equal(found[one.key].scales, one.scales)
        assert found["k0003"].tokens.shape[0] == 0
        assert store.has(keys(2, 9)) == set(keys(2))
        assert (store.count, store.bytes) == (3, 2 * SIZE)


def test_putting_again_replaces(tmp_path: Path) -> None:
    with closing(TokenStore(tmp_path / "t.sqlite", 10**9)) as store:
        store.put([*encoded(1), *encoded(1)])
        store.put(encoded(1, tokens=7))
        assert (store.count, store.bytes) == (1, 7 * (DIMENSION + 4))
        assert store.get(keys(1))["k0001"].tokens.shape == (7, DIMENSION)


def test_the_least_recently_used_are_evicted_first(tmp_path: Path) -> None:
    with closing(TokenStore(tmp_path / "t.sqlite", 100 * SIZE)) as store:
        store.put(encoded(*range(100)))
        assert store.count == 100
        store.get(keys(0, 1, 2))
        store.put(encoded(*range(100, 110)))
        assert store.bytes <= 100 * SIZE
        assert store.has(keys(0, 1, 2)) == set(keys(0, 1, 2))
        assert store.has(keys(*range(3, 13))) == set()
        assert store.has(keys(*range(100, 110))) == set(keys(*range(100, 110)))


def test_without_eviction_the_first_stay_and_there_is_room_for_a_query(tmp_path: Path) -> None:
    with closing(TokenStore(tmp_path / "t.sqlite", 1000 * SIZE)) as store:
        for first in range(0, 2000, 100):
            store.put(encoded(*range(first, first + 100)), evict=False)
        assert store.has(keys(*range(900))) == set(keys(*range(900)))
        assert store.count == 900
        store.put(encoded(*range(5000, 5050)))
        assert store.count == 950


def test_uses_persist_across_restarts(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    with closing(TokenStore(path, 10 * SIZE)) as store:
        store.put(encoded(*range(10)))
        store.get(keys(0))
    with closing(TokenStore(path, 10 * SIZE)) as store:
        store.put(encoded(10))
        assert store.has(keys(0)) == set(keys(0))


def test_the_file_shrinks_after_eviction(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    with closing(TokenStore(path, 10**9)) as store:
        store.put(encoded(*range(600)))
        full = store.size()
        assert full > 600 * SIZE
        assert full < 600 * SIZE * 2.5  # including the write-ahead log
    with closing(TokenStore(path, 60 * SIZE)) as store:
        assert store.count <= 60
        assert store.size() < full / 5
        store.delete(keys(*range(600)))
        assert store.count == 0


def test_a_budget_of_zero_keeps_nothing(tmp_path: Path) -> None:
    with closing(TokenStore(tmp_path / "t.sqlite", 0)) as store:
        store.put(encoded(1, 2))
        assert store.get(keys(1, 2)) == {}
        assert (store.count, store.bytes) == (0, 0)


def test_threads_read_during_writes_and_evictions(tmp_path: Path) -> None:
    wrong: list[str] = []
    done = threading.Event()

    def read(store: TokenStore) -> None:
        while not done.is_set():
            for key, found in store.get(keys(*range(0, 300, 7))).items():
                expected = _one(int(key[1:]), TOKENS)
                if not np.array_equal(found.tokens, expected.tokens):
                    wrong.append(key)

    with closing(TokenStore(tmp_path / "t.sqlite", 120 * SIZE)) as store:
        threads = [threading.Thread(target=read, args=(store,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for first in range(0, 300, 10):
                store.put(encoded(*range(first, first + 10)))
        finally:
            done.set()
            for thread in threads:
                thread.join()
    assert wrong == []


def test_a_closed_store_raises(tmp_path: Path) -> None:
    store = TokenStore(tmp_path / "t.sqlite", 10**9)
    store.close()
    with pytest.raises(sqlite3.ProgrammingError):
        store.get(keys(1))


def test_damaged_token_vectors_are_deleted_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "t.sqlite"
    path.write_bytes(b"this is no database at all" * 1000)
    with closing(TokenStore(path, 10**9)) as store:
        assert "the stored token vectors cannot be read" in caplog.text
        store.put(encoded(1))
        assert store.count == 1


def test_what_is_put_soon_is_read_at_once_and_written_when_the_store_closes(tmp_path: Path) -> None:
    path, reader = tmp_path / "t.sqlite", sqlite3.connect(tmp_path / "t.sqlite")
    with closing(reader), closing(TokenStore(path, 10**9)) as store:
        reader.execute("BEGIN IMMEDIATE")  # nobody else can write
        store.put_soon(encoded(1, 2))
        found = store.get(keys(1, 2, 3))
        assert found.keys() == set(keys(1, 2))
        assert np.array_equal(found["k0001"].tokens, encoded(1)[0].tokens)
        assert store.count == 0
        reader.rollback()
    with closing(TokenStore(path, 10**9)) as store:
        assert store.keys() == set(keys(1, 2))


def test_what_is_put_soon_is_purged_like_the_rest(tmp_path: Path) -> None:
    with closing(TokenStore(tmp_path / "t.sqlite", 10**9)) as store:
        store.put_soon(encoded(*range(300)))
        store.purge(keys(7))
        assert store.get(keys(*range(300))).keys() == set(keys(7))


def test_what_cannot_be_put_soon_is_lost_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with closing(TokenStore(tmp_path / "t.sqlite", 10**9)) as store:
        with monkeypatch.context() as disk:
            disk.setattr(store, "put", full)
            store.put_soon(encoded(1))
            store.settle()
        assert "could not be stored" in caplog.text
        assert store.get(keys(1)) == {}
        store.put_soon(encoded(1))
        assert store.has(keys(1)) == set(keys(1))


def test_a_store_with_longer_keys_is_converted(tmp_path: Path) -> None:
    path, (made,) = tmp_path / "t.sqlite", encoded(1)
    with closing(TokenStore(path, 10**9)) as store:
        store.put([replace(made, key=letter * 64) for letter in "ab"])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE entries SET checksum = 1 WHERE key LIKE 'b%'")
    for _ in range(2):
        with closing(TokenStore(path, 10**9)) as store:
            assert np.array_equal(store.get(["a" * 32])["a" * 32].tokens, made.tokens)
            assert store.get(["b" * 32]) == {}
