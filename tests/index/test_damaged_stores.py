"""Damaged files: a damaged manifest is reported, derived stores are rebuilt."""

from __future__ import annotations

import errno
import os
import random
import stat
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from whoosh.filedb.filestore import FileStorage
from whoosh.index import TOC

from membrowse import sqlite
from membrowse.index.index import Index
from membrowse.index.index_directory import discard
from membrowse.index.keyword_store import PrivateStorage
from membrowse.index.manifest import IndexCorrupt
from tests.index import factories
from tests.index.conftest import Opener, logged_repairs
from tests.index.factories import change, encode_all
from tests.index.store_agreement import assert_stores_agree

UNCLOSED = "ignore:unclosed file:ResourceWarning"
"""Whoosh leaves files to the garbage collector when it fails."""


def filled(directory: Path) -> None:
    with closing(factories.opened(directory)) as index:
        for n in range(6):
            index.apply([change(f"n{n}.md", *(f"text {n} {m} common" for m in range(30)))])
        encode_all(index)


@pytest.mark.parametrize("damage", ["no database", "garbled pages"])
def test_a_damaged_manifest_names_the_remedy(directory: Path, damage: str) -> None:
    filled(directory)
    manifest = directory / "manifest.sqlite"
    data = bytearray(manifest.read_bytes())
    if damage == "no database":
        data = bytearray(b"not a database" * 5000)
    else:
        data[8192:] = os.urandom(len(data) - 8192)
    manifest.write_bytes(data)
    with pytest.raises(IndexCorrupt, match=r"manifest.*rebuild the index") as caught:
        factories.opened(directory)
    assert str(manifest) in str(caught.value)
    discard(directory)
    with closing(factories.opened(directory)) as index:
        assert index.generation.number == 0
        texts = [f"text 1 {m} common" for m in range(30)]
        assert index.apply([change("n1.md", *texts)]).encoded.all(), "vectors were kept"
        assert_stores_agree(index)


def test_a_manifest_whose_facts_are_damaged_is_closed(directory: Path) -> None:
    filled(directory)
    with closing(sqlite.connect(directory / "manifest.sqlite")) as connection:
        connection.execute("DELETE FROM meta WHERE name = 'recipe'")
    with pytest.raises(IndexCorrupt, match="facts") as caught:
        factories.opened(directory)
    opened = {Path(file.path).parent for file in psutil.Process().open_files()}
    assert directory not in opened, caught.value


def test_a_purge_deletes_damaged_history_too(directory: Path) -> None:
    with closing(factories.opened(directory)) as index:
        for name in ("a.md", "b.md", "c.md"):
            index.apply([change(name, "fox")])
    with closing(sqlite.connect(directory / "manifest.sqlite")) as connection:
        connection.execute("UPDATE journal SET entry = x'00' WHERE path = 'a.md'")
    with closing(factories.opened(directory)) as index:
        assert index.purge(lambda entry: entry.path == "b.md") == 1
        assert [entry.path for entry in index.journal()] == ["c.md"]


@pytest.mark.filterwarnings(UNCLOSED)
@pytest.mark.parametrize("damage", ["garbled", "truncated", "empty"])
@pytest.mark.parametrize("pattern", ["*.seg", "*.toc"])
def test_a_damaged_keyword_index_is_rewritten(
    open_index: Opener,
    directory: Path,
    caplog: pytest.LogCaptureFixture,
    pattern: str,
    damage: str,
) -> None:
    filled(directory)
    for file in (directory / "keyword").glob(pattern):
        size = file.stat().st_size
        if damage == "garbled":
            file.write_bytes(os.urandom(size))
        else:
            os.truncate(file, size // 2 if damage == "truncated" else 0)
    index = open_index()
    assert logged_repairs(caplog)
    assert len(index.generation.keyword.postings("body", "common")[0]) == 180
    assert_stores_agree(index)


def test_a_keyword_index_that_cannot_be_read_now_is_kept(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(directory)
    before = set(_files(directory / "keyword"))

    def out_of_descriptors(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(PrivateStorage, "check_contents", out_of_descriptors)
    with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
        factories.opened(directory)
    assert set(_files(directory / "keyword")) == before


def test_a_missing_keyword_index_is_rewritten(open_index: Opener, directory: Path) -> None:
    filled(directory)
    for file in (directory / "keyword").iterdir():
        file.unlink()
    index = open_index()
    assert len(index.generation.keyword.postings("body", "common")[0]) == 180
    assert_stores_agree(index)


@pytest.mark.filterwarnings(UNCLOSED)
@pytest.mark.parametrize("part", [".pst", ".trm"])
def test_a_garbled_segment_is_rewritten_when_segments_merge(
    open_index: Opener, directory: Path, caplog: pytest.LogCaptureFixture, part: str
) -> None:
    filled(directory)
    index = open_index()
    garble_within_segments(directory / "keyword", part)
    for n in range(20):
        index.apply([change(f"more{n}.md", "more common text")])
    (warning,) = logged_repairs(caplog)
    assert "the keyword index is damaged" in warning
    assert len(index.generation.keyword.postings("body", "more")[0]) == 20
    assert len(index.generation.keyword.postings("body", "common")[0]) == 200
    assert_stores_agree(index)


def garble_within_segments(directory: Path, part: str) -> None:
    """Damage one of the files inside each of Whoosh's segments."""
    dice = random.Random(7)
    toc = TOC.read(FileStorage(str(directory)), "MAIN")
    for segment in toc.segments:
        with closing(segment.open_compound_file(FileStorage(str(directory)))) as parts:
            (name,) = [name for name in parts.list() if name.endswith(part)]
            offset, length = parts.range(name)
        with (directory / f"{segment.segment_id()}.seg").open("r+b") as file:
            file.seek(offset + length // 4)
            file.write(dice.randbytes(length // 4))


def test_temporary_files_of_a_killed_writer_are_deleted(
    open_index: Opener, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled(directory)
    left = directory / "keyword" / "_MAIN_99.toc.1700000000.5"
    left.write_bytes(b"half")
    open_index()
    assert not left.exists()
    assert logged_repairs(caplog) == []


def test_orphans_and_gaps_in_the_stores_are_found_and_repaired(
    open_index: Opener, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled(directory)
    index = open_index()
    store = index._stores.keyword
    documents = store.documents()
    extra = {"id": "orphan", "body": "common orphan"}
    repeated = {"id": documents[5] or "", "body": "common"}
    store.commit([0, 1, 2], [extra, repeated])
    found = {(one.store, one.kind): one.count for one in index.check()}
    assert found == {
        ("keyword", "missing"): 3,
        ("keyword", "orphaned"): 1,
        ("keyword", "repeated"): 1,
    }
    index.close()
    index = open_index()
    assert logged_repairs(caplog)
    assert_stores_agree(index)


def test_files_are_readable_by_the_owner_only(open_index: Opener, directory: Path) -> None:
    before = os.umask(0o022)
    try:
        index = open_index()
        index.apply([change("a.md", "one")])
        encode_all(index)
        index.open_chroma()
        for folder in (directory, directory / "keyword", directory / "chroma"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for file in _files(directory):
            if "chroma" not in file.parts:
                assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    finally:
        os.umask(before)


def _files(directory: Path) -> list[Path]:
    return [file for file in directory.rglob("*") if file.is_file()]


def test_an_index_directory_is_closed_to_others(directory: Path) -> None:
    directory.mkdir(mode=0o755)
    with closing(Index(directory, factories.RECIPE, token_budget=0, dimension=4)):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
