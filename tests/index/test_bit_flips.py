"""A flipped bit in any file of an index: found and made again, never answered from."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from membrowse.engine.pins.history import FILE, PinHistory, Point
from membrowse.index.change_plan import NoteChange
from membrowse.index.index import Index
from membrowse.index.index_directory import discard
from membrowse.index.keyword_reader import FIELDS
from membrowse.index.manifest import IndexCorrupt
from tests.index import factories
from tests.index.factories import all_vectors, change, encode, encode_all, encoder_inputs

FLIPS_PER_STORE = 40
STORES = ("manifest.sqlite", "vectors.sqlite", "tokens.sqlite", "keyword", FILE)
WORDS = ("staging", "port", "bastion", "soup", "rain", "ssh", "common")


def folder() -> list[NoteChange]:
    dice = random.Random(1)
    return [
        change(
            f"notes/n{n}.md",
            *(" ".join(dice.choices(WORDS, k=12)) + f" {n} {m}" for m in range(6)),
            headings=("Ports", f"Part {n}"),
        )
        for n in range(12)
    ]


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed index with vectors, history, successors and ranks of pins."""
    directory = tmp_path_factory.mktemp("flips") / "index"
    with closing(factories.opened(directory)) as index:
        for one in folder():
            index.apply([change(one.path, "an earlier text", "soup and rain")])
        index.apply(folder())
        encode_all(index)
        index.open_chroma()
    with closing(PinHistory(directory / FILE)) as history:
        for generation in range(30):
            points = [Point(f"pin {n}", generation % 7, f"chunk {n}") for n in range(8)]
            history.record(points, generation, "settings", "2026-03-02T00:00:00Z")
    return directory


def flip(directory: Path, store: str, seed: int) -> None:
    """Flip one bit of a file of `store`, chosen by `seed`."""
    dice = random.Random(seed)
    path = directory / store
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    file = dice.choice([each for each in files if each.stat().st_size])
    data = bytearray(file.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    file.write_bytes(data)


def opened_like_the_engine(directory: Path) -> Index:
    """Open the index as the engine does: one that cannot be read is started over."""
    try:
        index = factories.opened(directory)
    except IndexCorrupt as error:
        assert "rebuild the index" in str(error)
        discard(directory)
        index = factories.opened(directory)
    if index.stale:
        index.clear(factories.RECIPE)
    return index


def index_folder(index: Index) -> None:
    """Index what differs from the folder."""
    notes = index.generation.notes
    wanted = {one.path: one for one in folder()}
    changes = [one for path, one in wanted.items() if notes.get(path) != one.note]
    changes += [NoteChange(path, None, ()) for path in notes if path not in wanted]
    index.apply(changes)
    encode_all(index)


def assert_same_answers(index: Index, expected: Index) -> None:
    ours, theirs = index.generation, expected.generation
    assert list(ours.chunks) == list(theirs.chunks)
    assert ours.notes == theirs.notes
    assert all_vectors(ours.vectors) == all_vectors(theirs.vectors)
    for field in FIELDS:
        assert np.array_equal(ours.keyword.lengths(field), theirs.keyword.lengths(field))
        for word in WORDS:
            for part, same in zip(
                ours.keyword.postings(field, word),
                theirs.keyword.postings(field, word),
                strict=True,
            ):
                assert np.array_equal(part, same)
    made = {text.key: text for text in encode(encoder_inputs(expected, theirs.chunks))}
    for key, vectors in index.tokens.get(list(theirs.keys)).items():
        assert np.array_equal(vectors.tokens, made[key].tokens)
        assert np.array_equal(vectors.scales, made[key].scales)


def assert_no_false_history(index: Index, opened_at: int, expected: Index) -> None:
    known = expected.journal()
    assert all(entry in known for entry in index.journal() if entry.generation <= opened_at)
    for entry in known:
        for removed in entry.removed:
            assert index.successor(removed.id) in {None, expected.successor(removed.id)}


def assert_no_false_ranks(directory: Path, expected: Sequence[int | None]) -> None:
    with closing(PinHistory(directory / FILE)) as history:
        for n in range(8):
            ranks = iter(expected)
            assert all(rank in ranks for rank in history.ranks(f"pin {n}"))
        assert history.chunks().items() <= {f"pin {n}": f"chunk {n}" for n in range(8)}.items()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("store", STORES)
def test_no_flipped_bit_changes_an_answer(intact: Path, tmp_path: Path, store: str) -> None:
    with closing(factories.opened(shutil.copytree(intact, tmp_path / "expected"))) as expected:
        for seed in range(FLIPS_PER_STORE):
            directory = tmp_path / f"flipped-{seed}"
            shutil.copytree(intact, directory)
            flip(directory, store, seed)
            with closing(opened_like_the_engine(directory)) as index:
                opened_at = index.generation.number
                index_folder(index)
                assert_same_answers(index, expected)
                assert_no_false_history(index, opened_at, expected)
            assert_no_false_ranks(directory, [generation % 7 for generation in range(30)])
            shutil.rmtree(directory)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("seed", range(3))
def test_no_flipped_bit_changes_what_hnsw_answers(intact: Path, tmp_path: Path, seed: int) -> None:
    directory = shutil.copytree(intact, tmp_path / "flipped")
    flip(directory, "chroma", seed)
    query = factories.vector("staging port")
    with (
        closing(factories.opened(shutil.copytree(intact, tmp_path / "expected"))) as expected,
        closing(opened_like_the_engine(directory)) as index,
    ):
        index_folder(index)
        expected.open_chroma()
        index.open_chroma()
        assert index.approximate_nearest(query, 10) == expected.approximate_nearest(query, 10)


@pytest.mark.parametrize("store", ["manifest.sqlite", "vectors.sqlite", "tokens.sqlite", "keyword"])
def test_the_check_finds_damage_to_an_open_index(intact: Path, tmp_path: Path, store: str) -> None:
    directory = shutil.copytree(intact, tmp_path / "index")
    with (
        closing(factories.opened(shutil.copytree(intact, tmp_path / "expected"))) as expected,
        closing(factories.opened(directory)) as index,
    ):
        found = []
        for seed in range(20):
            flip(directory, store, seed)
            found += [one.store for one in index.check() if one.kind == "damaged"]
            assert index.check() == []
        assert store.removesuffix(".sqlite") in found
        assert_same_answers(index, expected)
        index.apply([change("later.md", "after all")])
        assert index.check() == []
