"""A hypothetical change makes the same generation as the indexed one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from membrowse.index.analyser import analyse
from membrowse.index.change_plan import NoteChange
from membrowse.index.generation import EmbeddedGeneration, Generation
from membrowse.index.index import Index
from membrowse.index.keyword_reader import FIELDS
from membrowse.index.what_if import what_if
from tests.index.factories import all_vectors, change, encode, encode_all, removal

WORDS = "pump tank valve the of port staging bastion ssh 2222 night backup".split()


def texts(seed: int, count: int) -> list[str]:
    drawn = np.random.default_rng(seed)
    return [" ".join(drawn.choice(WORDS, 5 + 20 * n)) for n in range(1, count + 1)]


@pytest.fixture
def index(index: Index) -> Index:
    """Several segments, some with deleted documents, and a chunk that is not encoded."""
    index.apply([change(f"n{n:02}.md", *texts(n, 3)) for n in range(12)])
    index.apply([change("n03.md", *texts(3, 2), "an added paragraph"), removal("n05.md")])
    encode_all(index)
    index.apply([change("n07.md", *texts(7, 3), title="Renamed", tags=("ops",))])
    index.apply([change("zz.md", "not encoded so far")])
    return index


def terms(generation: Generation) -> Iterable[str]:
    indexed_terms = {token.term for chunk in generation.chunks for token in analyse(chunk.text)}
    return sorted(indexed_terms | {"rename", "op", "march", "added", "md"})


def assert_same(hypothetical: EmbeddedGeneration, real: EmbeddedGeneration) -> None:
    assert list(hypothetical.chunks) == list(real.chunks)
    assert list(hypothetical.keys) == list(real.keys)
    assert hypothetical.row_of == real.row_of
    assert hypothetical.notes == real.notes
    assert np.array_equal(hypothetical.encoded, real.encoded)
    assert all_vectors(hypothetical.vectors) == all_vectors(real.vectors)
    for field in FIELDS:
        assert np.array_equal(hypothetical.keyword.lengths(field), real.keyword.lengths(field))
        assert hypothetical.keyword.mean_length(field) == real.keyword.mean_length(field)
        for term in terms(real):
            rows, counts = hypothetical.keyword.postings(field, term)
            real_rows, real_counts = real.keyword.postings(field, term)
            assert np.array_equal(rows, real_rows) and np.array_equal(counts, real_counts)


@pytest.mark.parametrize(
    "edit",
    [
        change("n03.md", *texts(3, 1), "a separate paragraph", headings=("Ports bastion",)),
        change("n07.md", *texts(7, 3), title="Renamed once more", tags=("ops",)),
        change("n07.md", *texts(7, 3), header="Renamed › Again", date_source="file name"),
        change("aa.md", "the first of all notes", "and its second chunk"),
        change("zz.md", "not encoded so far"),
        removal("n00.md"),
    ],
    ids=["text and headings", "title", "header and date", "new", "unchanged", "removed"],
)
def test_it_equals_the_generation_that_indexing_makes(index: Index, edit: NoteChange) -> None:
    before = index.generation
    sizes = index.vectors.keys()
    hypothetical = what_if(index, before, edit, encode)
    assert index.generation is before and index.vectors.keys() == sizes
    assert hypothetical.generation.number < 0
    real = index.apply([edit], hypothetical.encoded, "float32")
    assert_same(hypothetical.generation, real)
    for removed, added in hypothetical.successors.items():
        assert index.successor(removed) == added


def test_nothing_is_written(index: Index, directory: Path) -> None:
    def files() -> dict[str, bytes]:
        paths = (path for path in sorted(directory.rglob("*")) if path.is_file())
        return {str(path): path.read_bytes() for path in paths}

    before = files()
    what_if(index, index.generation, change("n03.md", "altogether another text"), encode)
    assert files() == before
