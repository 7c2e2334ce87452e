"""Damaged files: the manifest is reported, what is derived from it is made again."""

from __future__ import annotations

import os
import random
import stat
from contextlib import closing
from pathlib import Path

import pytest
from whoosh.filedb.filestore import FileStorage
from whoosh.index import TOC

from membrowse.index.index import Index, IndexCorrupt, discard
from tests.index import making
from tests.index.agreeing import assert_agreeing
from tests.index.conftest import Opener
from tests.index.making import change, encode_all

UNCLOSED = "ignore:unclosed file:ResourceWarning"
"""Whoosh leaves what it fails on to the garbage collector."""


def filled(directory: Path) -> None:
    with closing(making.opened(directory)) as index:
        for n in range(6):
            index.apply([change(f"n{n}.md", *(f"text {n} {m} common" for m in range(30)))])
        encode_all(index)


@pytest.mark.parametrize("damage", ["no database", "garbled pages", "garbled records"])
def test_a_damaged_manifest_says_what_to_do(directory: Path, damage: str) -> None:
    filled(directory)
    manifest = directory / "manifest.sqlite"
    data = bytearray(manifest.read_bytes())
    if damage == "no database":
        data = bytearray(b"not a database" * 5000)
    elif damage == "garbled pages":
        data[8192:] = os.urandom(len(data) - 8192)
    else:
        data = data.replace(b'"sha256"', b'"sha25\xff"')
    manifest.write_bytes(data)
    with pytest.raises(IndexCorrupt, match=r"manifest.*membrowse index --rebuild") as caught:
        making.opened(directory)
    assert str(manifest) in str(caught.value)
    discard(directory)
    with closing(making.opened(directory)) as index:
        assert index.generation.number == 0
        texts = [f"text 1 {m} common" for m in range(30)]
        assert index.apply([change("n1.md", *texts)]).encoded.all(), "vectors were kept"
        assert_agreeing(index)


@pytest.mark.filterwarnings(UNCLOSED)
@pytest.mark.parametrize("damage", ["garbled", "truncated", "empty"])
@pytest.mark.parametrize("pattern", ["*.seg", "*.toc"])
def test_a_damaged_keyword_index_is_written_again(
    open_index: Opener, directory: Path, pattern: str, damage: str
) -> None:
    filled(directory)
    for file in (directory / "keyword").glob(pattern):
        size = file.stat().st_size
        if damage == "garbled":
            file.write_bytes(os.urandom(size))
        else:
            os.truncate(file, size // 2 if damage == "truncated" else 0)
    index = open_index()
    assert index.notices
    assert len(index.generation.keyword.postings("body", "common")[0]) == 180
    assert_agreeing(index)


def test_a_missing_keyword_index_is_written_again(open_index: Opener, directory: Path) -> None:
    filled(directory)
    for file in (directory / "keyword").iterdir():
        file.unlink()
    index = open_index()
    assert len(index.generation.keyword.postings("body", "common")[0]) == 180
    assert_agreeing(index)


@pytest.mark.filterwarnings(UNCLOSED)
@pytest.mark.parametrize("part", [".pst", ".trm"])
def test_what_is_garbled_within_a_segment_is_written_again_when_segments_merge(
    open_index: Opener, directory: Path, part: str
) -> None:
    filled(directory)
    garble_within_segments(directory / "keyword", part)
    index = open_index()
    for n in range(20):
        index.apply([change(f"more{n}.md", "more common text")])
    assert len(index.notices) == 1
    assert "keyword index" in index.notices[0]
    assert len(index.generation.keyword.postings("body", "more")[0]) == 20
    assert len(index.generation.keyword.postings("body", "common")[0]) == 200
    assert_agreeing(index)


def garble_within_segments(directory: Path, part: str) -> None:
    """Damage one of the files of which each of Whoosh's segments is made."""
    dice = random.Random(7)
    toc = TOC.read(FileStorage(str(directory)), "MAIN")
    for segment in toc.segments:
        with closing(segment.open_compound_file(FileStorage(str(directory)))) as parts:
            (name,) = [name for name in parts.list() if name.endswith(part)]
            offset, length = parts.range(name)
        with (directory / f"{segment.segment_id()}.seg").open("r+b") as file:
            file.seek(offset + length // 4)
            file.write(dice.randbytes(length // 4))


def test_what_a_killed_whoosh_left_is_tidied_away(open_index: Opener, directory: Path) -> None:
    filled(directory)
    left = directory / "keyword" / "_MAIN_99.toc.1700000000.5"
    left.write_bytes(b"half")
    index = open_index()
    assert not left.exists()
    assert index.notices == []


def test_orphans_and_gaps_in_the_stores_are_found_and_repaired(
    open_index: Opener, directory: Path
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
    assert index.notices
    assert_agreeing(index)


def test_files_are_for_the_owner_alone(open_index: Opener, directory: Path) -> None:
    before = os.umask(0o022)
    try:
        index = open_index()
        index.apply([change("a.md", "one")])
        encode_all(index)
        index.open_chroma()
        for place in (directory, directory / "keyword", directory / "chroma"):
            assert stat.S_IMODE(place.stat().st_mode) == 0o700
        for file in _files(directory):
            if "chroma" not in file.parts:
                assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    finally:
        os.umask(before)


def _files(directory: Path) -> list[Path]:
    return [file for file in directory.rglob("*") if file.is_file()]


def test_an_index_directory_that_was_open_to_others_is_closed(directory: Path) -> None:
    directory.mkdir(mode=0o755)
    with closing(Index.open(directory, making.RECIPE, token_budget=0, dimension=4)):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
