"""Chroma beside the exact vectors: up to date, persistent, repaired."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from membrowse.index import chroma_store
from membrowse.index.chroma_store import (
    SYNC_THRESHOLD,
    ChromaStore,
    fingerprint,
)
from membrowse.index.generation import Generation
from membrowse.index.index import Index
from tests.index import factories
from tests.index.conftest import Opener, logged_repairs
from tests.index.factories import change, encode_all, removal, vector
from tests.index.store_agreement import assert_stores_agree, chroma_ids

ROOT = Path(__file__).parents[2]


def filled(open_index: Opener, count: int) -> None:
    with closing(open_index()) as index:
        index.open_chroma()
        for first in range(0, count, 40):
            some = range(first, min(first + 40, count))
            index.apply([change(f"n{first:05}.md", *(f"text number {n}" for n in some))])
            encode_all(index)


@pytest.mark.parametrize(
    "count",
    [1, SYNC_THRESHOLD - 1, SYNC_THRESHOLD, SYNC_THRESHOLD + 1, 3 * SYNC_THRESHOLD + 7],
)
def test_neighbours_are_found_below_and_above_the_sync_threshold(
    open_index: Opener, directory: Path, count: int
) -> None:
    filled(open_index, count)
    if count > SYNC_THRESHOLD:
        written = [file for file in directory.rglob("data_level0.bin") if file.stat().st_size]
        assert written, "HNSW was never written to disk"
    index = open_index()
    assert_stores_agree(index)
    for n in {0, count // 2, count - 1}:
        nearest = index.approximate_nearest(vector(f"text number {n}"), 1)
        assert nearest is not None
        assert (
            index.generation.chunks[index.generation.row_of[nearest[0]]].text == f"text number {n}"
        )
    assert len(index.approximate_nearest(vector("anything"), count + 50) or ()) >= min(count, 10)


def test_changes_before_chroma_opens_are_caught_up(open_index: Opener) -> None:
    index = open_index()
    index.apply([change("a.md", *(f"text {n}" for n in range(700)))])
    encode_all(index)
    assert index.approximate_nearest(vector("text 1"), 1) is None
    index.open_chroma()
    assert_stores_agree(index)
    index.close()
    index = open_index()
    index.apply([change("a.md", *(f"text {n}" for n in range(690, 710))), change("b.md", "new")])
    encode_all(index)
    assert_stores_agree(index)


@pytest.mark.parametrize("count", [0, 1, 19, 20, 21])
def test_entries_are_read_in_parts(
    directory: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Chroma refuses to read more than 32,766 at once."""
    monkeypatch.setattr(chroma_store, "_READ_ENTRIES", 10)
    directory.mkdir()
    keys = {str(n): f"{n:064x}" for n in range(count)}
    for _ in range(2):
        with closing(ChromaStore(directory / "chroma")) as store:
            store.open()
            if not store.keys:
                store.put([*keys], [*keys.values()], np.ones((count, 2), np.float32))
            assert store.keys == {chunk: fingerprint(key) for chunk, key in keys.items()}
    assert [path.name for path in (directory / "chroma").iterdir() if path.is_dir()] == ["1"]


def test_a_check_right_after_opening_waits_until_chroma_is_up_to_date(open_index: Opener) -> None:
    index = open_index()
    index.apply([change("a.md", "one", "two")])
    encode_all(index)
    index.chroma.open()  # as another thread does before it fills the collection
    assert index.check() == []
    assert index.chroma.keys.keys() == index.generation.row_of.keys()


def test_it_follows_even_if_the_callback_fails(open_index: Opener) -> None:
    def fail(generation: Generation) -> None:
        raise RuntimeError("the listener is gone")

    index = open_index()
    index.open_chroma()
    index.apply([change("a.md", "one")])
    encode_all(index)
    with pytest.raises(RuntimeError, match="listener"):
        index.apply([change("a.md", "two")], published=fail)
    assert chroma_ids(index) <= set(index.generation.row_of)
    encode_all(index)
    assert_stores_agree(index)


def test_chunks_that_disappear_and_return(open_index: Opener) -> None:
    index = open_index()
    index.open_chroma()
    for _ in range(4):
        index.apply([change("a.md", "one", "two"), change("b.md", "three")])
        encode_all(index)
        assert_stores_agree(index)
        index.apply([removal("a.md")])
        assert_stores_agree(index)
    assert index.approximate_nearest(vector("three"), 5) == [index.generation.chunks[0].id]
    index.apply([removal("b.md")])
    assert index.approximate_nearest(vector("three"), 5) == []
    assert_stores_agree(index)


def entries_size(directory: Path) -> int:
    """Bytes on disk of HNSW's entries."""
    return sum(file.stat().st_size for file in (directory / "chroma").rglob("data_level0.bin"))


@pytest.mark.parametrize("reopened", [True, False])
def test_space_of_deleted_entries_is_reclaimed(
    open_index: Opener, directory: Path, monkeypatch: pytest.MonkeyPatch, reopened: bool
) -> None:
    monkeypatch.setattr(chroma_store, "_DEAD_ENTRIES", SYNC_THRESHOLD)
    index = open_index()
    index.open_chroma()
    index.compact_chroma()
    for version in range(5):
        index.apply([change("a.md", *(f"text {version} {n}" for n in range(SYNC_THRESHOLD)))])
        encode_all(index)
    before = entries_size(directory)
    if reopened:
        index.close()
        index = open_index()
        index.open_chroma()
    else:
        index.compact_chroma()
    assert entries_size(directory) <= before / 4
    assert_stores_agree(index)
    assert len(index.approximate_nearest(vector("text 4 7"), 10) or ()) == 10


def damage(directory: Path, name: str, how: str) -> None:
    files = list((directory / "chroma").rglob(name))
    assert files
    for file in files:
        size = file.stat().st_size
        if how == "garbled":
            file.write_bytes(random.Random(size).randbytes(size))
        elif how == "truncated":
            os.truncate(file, size // 3)
        else:
            file.unlink()


def assert_nearest_found(index: Index) -> None:
    assert_stores_agree(index)
    nearest = index.approximate_nearest(vector("text number 30"), 1)
    assert nearest is not None
    assert index.generation.chunks[index.generation.row_of[nearest[0]]].text == "text number 30"


@pytest.mark.parametrize("how", ["garbled", "truncated", "missing"])
@pytest.mark.parametrize(
    "name", ["chroma.sqlite3", "data_level0.bin", "link_lists.bin", "index_metadata.pickle"]
)
def test_damaged_files_are_recreated_from_the_vectors(
    open_index: Opener,
    directory: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    how: str,
) -> None:
    filled(open_index, 2 * SYNC_THRESHOLD + 20)
    damage(directory, name, how)
    index = open_index()
    index.open_chroma()
    assert any("Chroma" in warning for warning in logged_repairs(caplog))
    assert_nearest_found(index)


def test_files_that_crash_a_process_do_so_once(
    open_index: Opener, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled(open_index, 2 * SYNC_THRESHOLD + 20)
    dying = "from tests.index import test_chroma_store; test_chroma_store.die_while_opening()"
    done = subprocess.run([sys.executable, "-c", dying, directory], check=False, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    damage(directory, "data_level0.bin", "garbled")
    index = open_index()
    index.open_chroma()
    assert "a process died while it had them open" in caplog.text
    assert_nearest_found(index)


def die_while_opening() -> None:
    def die(self: ChromaStore, collection: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    ChromaStore._probe = die  # type: ignore[method-assign]
    factories.opened(Path(sys.argv[1])).open_chroma()


def flip_unseen(file: Path) -> None:
    """Flip a bit as a failing disk does: the file's size and times stay."""
    status = file.stat()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("noticed_by", ["check", "close"])
def test_a_bit_that_flips_while_it_is_open_is_found_and_mended(
    open_index: Opener, directory: Path, caplog: pytest.LogCaptureFixture, noticed_by: str
) -> None:
    filled(open_index, 2 * SYNC_THRESHOLD + 20)
    index = open_index()
    assert index.check() == []
    (file,) = (directory / "chroma").rglob("data_level0.bin")
    flip_unseen(file)
    if noticed_by == "check":
        (found,) = index.check()
        assert (found.store, found.kind) == ("chroma", "damaged")
        assert index.check() == []
    else:
        index.close()
        index = open_index()
        index.open_chroma()
        assert any("Chroma" in warning for warning in logged_repairs(caplog))
    assert_nearest_found(index)


def test_an_entry_with_another_vector_is_found_and_mended(open_index: Opener) -> None:
    filled(open_index, 60)
    index = open_index()
    index.open_chroma()
    chunk = index.generation.chunks[7].id
    index.chroma._open_collection.update(ids=[chunk], embeddings=[vector("other").tolist()])
    (found,) = index.check()
    assert (found.store, found.kind, found.count) == ("chroma", "damaged", 1)
    assert index.check() == []
    assert_nearest_found(index)


def test_a_rebuild_starts_with_an_empty_collection(open_index: Opener) -> None:
    index = open_index()
    index.open_chroma()
    index.apply([change("a.md", "one", "two")])
    encode_all(index)
    index.clear(factories.RECIPE)
    assert chroma_ids(index) == set()
    index.apply([change("a.md", "one")])
    assert_stores_agree(index)
    assert index.generation.encoded.all()


def test_closing_releases_all_files(open_index: Opener, directory: Path) -> None:
    filled(open_index, SYNC_THRESHOLD + 5)
    gc.collect()
    open_files = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            open_files.append(str(entry.readlink()))
        except OSError:
            continue
    assert [path for path in open_files if str(directory) in path] == []


def test_the_other_stores_are_checked_if_chroma_cannot_be_opened(
    open_index: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = open_index()
    index.apply([change("a.md", "one")])

    def fail() -> None:
        raise OSError("no room")

    monkeypatch.setattr(index.chroma, "open", fail)
    (found,) = index.check()
    assert found.store == "chroma" and "no room" in found.kind


class Panic(BaseException):
    """Like a panic of Chroma's Rust code."""


@pytest.mark.parametrize("failure", [RuntimeError, Panic])
@pytest.mark.parametrize("call", ["upsert", "query"])
def test_the_index_works_while_chroma_fails(
    open_index: Opener, monkeypatch: pytest.MonkeyPatch, failure: type[BaseException], call: str
) -> None:
    index = open_index()
    index.open_chroma()
    index.apply([change("a.md", "one")])
    encode_all(index)

    def fail(**_: object) -> None:
        raise failure("the disk image is malformed")

    monkeypatch.setattr(index.chroma._open_collection, call, fail)
    index.apply([change("b.md", "two")])
    encode_all(index)
    assert index.generation.encoded.all()
    assert index.approximate_nearest(vector("one"), 1) is None
    assert "malformed" in index.chroma.problem
    assert index.check() == []
    assert index.approximate_nearest(vector("one"), 1)
    assert_stores_agree(index)
