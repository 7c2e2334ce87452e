"""The keyword index: live postings, stable statistics, phrases, scores equal to Whoosh's."""

from __future__ import annotations

import random
from array import array
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from whoosh.fields import ID
from whoosh.query import Term

from membrowse.index import keyword_store, whoosh_codec
from membrowse.index.analyser import analyse, phrase_terms
from membrowse.index.bm25 import bm25, idf
from membrowse.index.index import Index
from membrowse.index.keyword_reader import FIELDS
from membrowse.index.keyword_store import KeywordStore
from membrowse.index.whoosh_codec import _LENGTHS as LENGTHS
from membrowse.index.whoosh_codec import _packed, _unpacked
from tests.index.conftest import Opener, logged_repairs
from tests.index.factories import change, removal
from tests.index.live_bm25 import LiveBM25
from tests.index.store_agreement import assert_stores_agree

WORDS = [f"{stem}{n}" for stem in ("alpha", "beta", "gamma", "delta") for n in range(40)]
K1, B = 1.2, 0.75


def sentence(draw: random.Random, most: int = 60) -> str:
    return " ".join(
        WORDS[min(int(draw.paretovariate(0.7)) - 1, len(WORDS) - 1)]
        for _ in range(draw.randint(1, most))
    )


def grown(index: Index, seed: int, notes: int = 30, edits: int = 40) -> None:
    """Fill the index and edit it, which leaves many segments and deleted documents."""
    draw = random.Random(seed)
    paths = [f"notes/day-{n}.md" for n in range(notes)]
    index.apply([change(path, *(sentence(draw) for _ in range(4))) for path in paths])
    for _ in range(edits):
        path = draw.choice(paths)
        if draw.random() < 0.2:
            index.apply([removal(path)])
        else:
            tags = tuple(draw.sample(WORDS, 2))
            parts = [sentence(draw) for _ in range(draw.randint(1, 5))]
            index.apply([change(path, *parts, tags=tags, headings=(draw.choice(WORDS),))])


def field_texts(index: Index, field: str) -> list[str]:
    found = {
        "title": [part.title for part in index.generation.chunks],
        "headings": ["\n".join(part.headings) for part in index.generation.chunks],
        "body": [part.text for part in index.generation.chunks],
        "path": [part.path for part in index.generation.chunks],
        "tags": ["\n".join(part.tags) for part in index.generation.chunks],
    }
    return found[field]


@pytest.mark.parametrize("seed", [1, 2])
def test_postings_match_the_live_texts(index: Index, seed: int) -> None:
    grown(index, seed)
    assert len(index.generation.keyword.segments) > 1
    assert_postings_are_of(index)
    assert_stores_agree(index)


def assert_postings_are_of(index: Index) -> None:
    """The postings of every field are those of the live texts."""
    reader = index.generation.keyword
    for field in ("title", "headings", "body", "path", "tags"):
        counts = [Counter(token.term for token in analyse(t)) for t in field_texts(index, field)]
        for term in {term for count in counts for term in count}:
            rows, frequencies = reader.postings(field, term)
            assert rows.dtype == np.int32
            assert frequencies.dtype == np.float32
            expected = [(row, count[term]) for row, count in enumerate(counts) if term in count]
            assert list(zip(rows.tolist(), frequencies.tolist(), strict=True)) == expected
        lengths = [_quantised(sum(count.values())) for count in counts]
        assert reader.lengths(field).tolist() == lengths
        assert reader.mean_length(field) == pytest.approx(np.mean(lengths), abs=0)


def _quantised(length: int) -> float:
    return float(LENGTHS[np.searchsorted(LENGTHS, length)])


def test_df_counts_chunks_with_the_term_in_any_field(index: Index) -> None:
    index.apply(
        [
            change("fox.md", "nothing here"),
            change("a.md", "a fox", tags=("fox",)),
            change("b.md", "a dog", headings=("The fox",)),
            change("c.md", "a cat"),
        ]
    )
    assert index.generation.keyword.df("fox") == 3
    assert index.generation.keyword.df("unheard") == 0


def test_postings_span_several_blocks(index: Index) -> None:
    index.apply([change("a.md", *(f"common w{n} " * (1 + n % 3) for n in range(2600)))])
    rows, frequencies = index.generation.keyword.postings("body", "common")
    assert rows.tolist() == list(range(2600))
    assert frequencies.tolist() == [1.0 + n % 3 for n in range(2600)]
    assert index.generation.keyword.positions("body", "common", 2500) == [0, 2]


def test_scores_equal_whooshs_with_our_model(index: Index) -> None:
    grown(index, 3)
    reader = index.generation.keyword
    draw = random.Random(4)
    model = LiveBM25(reader, k1=K1, b=B)
    compared = 0
    with index._stores.keyword._index.searcher(weighting=model) as searcher:
        for field in ("title", "headings", "body", "path", "tags"):
            terms = {token.term for text in field_texts(index, field) for token in analyse(text)}
            for term in draw.sample(sorted(terms), min(40, len(terms))):
                rows, frequencies = reader.postings(field, term)
                ours = bm25(
                    idf(reader.rows, reader.df(term)),
                    frequencies.astype(np.float64),
                    reader.lengths(field)[rows].astype(np.float64),
                    reader.mean_length(field),
                    k1=K1,
                    b=B,
                )
                ids = [index.generation.chunks[row].id for row in rows]
                hits = searcher.search(Term(field, term), limit=None)
                column = searcher.reader().column_reader("id")
                theirs = {column[hit.docnum]: hit.score for hit in hits}
                assert theirs.keys() == set(ids)
                for name, score in zip(ids, ours.tolist(), strict=True):
                    assert theirs[name] == pytest.approx(score, rel=1e-12)
                    compared += 1
    assert compared > 500


def test_scores_do_not_drift_when_the_same_text_is_saved(index: Index) -> None:
    draw = random.Random(5)
    index.apply([change(f"n{n}.md", *(sentence(draw) for _ in range(3))) for n in range(10)])
    parts = [sentence(draw) for _ in range(3)]
    other = [*parts[:2], sentence(draw)]

    def statistics() -> object:
        reader = index.generation.keyword
        return [
            (
                [found.tolist() for found in reader.postings(field, word)],
                reader.lengths(field).tolist(),
                reader.mean_length(field),
                reader.df(word),
                reader.rows,
            )
            for field in FIELDS
            for word in WORDS[:20]
        ]

    index.apply([change("edited.md", *parts)])
    first = statistics()
    for _ in range(30):
        index.apply([change("edited.md", *other)])
        index.apply([change("edited.md", *parts)])
        assert statistics() == first


def test_phrases_match_consecutive_words(index: Index) -> None:
    index.apply(
        [
            change(
                "a.md", "staging port is 2201", "the port of staging", "staging port staging port"
            ),
            change("b.md", "nothing", "port staging port"),
        ]
    )
    index.apply([change("c.md", "staging port"), change("d.md", "port port staging")])
    index.apply([removal("c.md")])
    reader = index.generation.keyword
    found = reader.phrase("body", phrase_terms("staging port"))
    assert [index.generation.chunks[row].text for row in found] == [
        "staging port is 2201",
        "staging port staging port",
        "port staging port",
    ]
    assert reader.phrase("body", ("port", "port")).tolist() == [5]
    assert reader.phrase("title", ("staging", "port")).tolist() == []
    assert reader.phrase("body", ()).tolist() == []
    assert reader.positions("body", "port", 2) == [1, 3]
    assert reader.positions("body", "absent", 2) == []


@pytest.mark.parametrize(
    ("date_source", "found"), [("front matter", 1), ("file name", 1), ("mtime", 0)]
)
def test_a_stated_date_is_indexed_in_words(index: Index, date_source: str, found: int) -> None:
    index.apply([change("a.md", "text", date_source=date_source)])
    reader = index.generation.keyword
    for term in ("march", "2026-03-02", "2026"):
        assert len(reader.postings("date", term)[0]) == found


def test_many_small_segments_are_merged(open_index: Opener) -> None:
    index = open_index()
    for n in range(120):
        index.apply([change(f"n{n:03}.md", f"word{n} common")])
    assert len(index.generation.keyword.segments) <= 24
    assert len(index.generation.keyword.postings("body", "common")[0]) == 120
    for n in range(0, 120, 7):
        assert index.generation.keyword.postings("body", f"word{n}")[0].tolist() == [n]
    assert_stores_agree(index)


def test_segments_of_about_the_same_size_are_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyword_store, "_SMALL_MERGE", 0)
    store = KeywordStore(tmp_path)
    sizes = [68, 60, 64, 63, 58, 70, 64, 62] * 3  # whatever round number lies between them
    empty = dict.fromkeys(FIELDS, "")
    for number, size in enumerate(sizes):
        store.commit([], ({**empty, "id": f"{number} {n}", "body": "text"} for n in range(size)))
    assert len(store._read_segments()) <= 8
    assert len(store.documents()) == sum(sizes)


def test_a_segment_without_live_documents_is_dropped(index: Index) -> None:
    for n in range(20):
        index.apply([change("a.md", f"text {n}")])
    assert len(index.generation.keyword.segments) == 1


def test_no_segment_is_mostly_deleted(index: Index) -> None:
    notes, draw = 60, random.Random(3)
    index.apply([change(f"n{n:03}.md", f"word{n} common") for n in range(notes)])
    for edit in range(150):
        index.apply([change(f"n{draw.randrange(notes):03}.md", f"edit{edit} common")])
        for segment in index._stores.keyword._read_segments():
            assert 2 * segment.doc_count() >= segment.doc_count_all()
    assert len(index.generation.keyword.postings("body", "common")[0]) == notes
    assert_stores_agree(index)


def test_segments_of_an_earlier_version_are_read_and_merged(
    open_index: Opener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Their ids were terms, and their numbers took four bytes each."""
    with monkeypatch.context() as earlier:
        schema = keyword_store.SCHEMA.copy()
        schema.remove("id")
        schema.add("id", ID(unique=True, sortable=True))
        earlier.setattr(keyword_store, "SCHEMA", schema)
        earlier.setattr(whoosh_codec, "_packed", lambda numbers: numbers.tobytes())
        earlier.setattr(
            whoosh_codec.PackedPostingsWriter, "_mini_weights", lambda self: self._weights.tobytes()
        )
        index = open_index()
        grown(index, 5)
        index.close()
    index = open_index()
    before = set(index.generation.keyword.rows_by_segment())
    assert_postings_are_of(index)
    while before & set(index.generation.keyword.rows_by_segment()):
        grown(index, 6)
    assert_postings_are_of(index)
    assert_stores_agree(index)
    assert logged_repairs(caplog) == []


@pytest.mark.parametrize("kind", [1, 255, 256, 65_535, 65_536, 2**32 - 1])
def test_packed_numbers_are_read_back(kind: int) -> None:
    numbers = [0, 1, kind, 7]
    packed = _packed(array("I", numbers))
    assert _unpacked(packed).tolist() == numbers
    assert len(packed) == 1 + 4 * (1 if kind < 256 else 2 if kind < 65_536 else 4)
    assert _unpacked(array("I", numbers).tobytes()).tolist() == numbers, "an earlier version's"
