"""The generations that a sequence of changes makes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from membrowse.index.change_plan import NoteChange
from membrowse.index.index import Index
from membrowse.index.token_store import TokenStore
from tests.index.conftest import Opener, logged_repairs
from tests.index.factories import (
    all_vectors,
    change,
    encode,
    encode_all,
    encoder_inputs,
    note,
    removal,
    vector,
)
from tests.index.store_agreement import assert_stores_agree


def texts(index: Index) -> list[str]:
    return [part.text for part in index.generation.chunks]


def test_an_empty_index_can_be_read(index: Index) -> None:
    generation = index.generation
    assert generation.number == 0
    assert len(generation.chunks) == len(generation.notes) == len(generation.vectors.entries) == 0
    rows, frequencies = generation.keyword.postings("body", "fox")
    assert len(rows) == len(frequencies) == 0
    assert generation.keyword.mean_length("body") == 0.0
    assert index.unencoded() == []


def test_chunks_are_ordered_by_path_and_position(index: Index) -> None:
    index.apply([change("b.md", "b0", "b1"), change("a/z.md", "z0"), change("a.md", "a0")])
    index.apply([change("a/b.md", "ab0", "ab1")])
    assert texts(index) == ["a0", "ab0", "ab1", "z0", "b0", "b1"]
    generation = index.generation
    assert [generation.row_of[part.id] for part in generation.chunks] == list(range(6))
    assert list(generation.rows("a/b.md")) == [1, 2]
    assert list(generation.rows("nowhere.md")) == []


def test_a_generation_never_changes(index: Index) -> None:
    index.apply([change("a.md", "the quick fox", "a lazy dog")])
    encode_all(index)
    before = index.generation
    index.apply([change("a.md", "the quick fox"), change("b.md", "another fox")])
    index.apply([removal("a.md")])
    assert [part.text for part in before.chunks] == ["the quick fox", "a lazy dog"]
    assert before.keyword.postings("body", "dog")[0].tolist() == [1]
    assert before.keyword.postings("body", "fox")[0].tolist() == [0]
    assert before.encoded.all()
    assert index.generation.keyword.postings("body", "fox")[0].tolist() == [0]


def test_each_change_makes_one_generation(index: Index) -> None:
    assert index.apply([change("a.md", "one")]).number == 1
    assert index.apply([change("a.md", "two"), change("b.md", "three")]).number == 2
    assert index.apply([]).number == 2
    assert index.apply([removal("nowhere.md")]).number == 2
    encode_all(index)
    assert index.generation.number == 3
    encode_all(index)
    assert index.generation.number == 3


def test_the_last_of_two_changes_of_a_note_counts(index: Index) -> None:
    index.apply([change("a.md", "one"), change("a.md", "two")])
    assert texts(index) == ["two"]
    index.apply([change("a.md", "three"), removal("a.md")])
    assert texts(index) == []
    index.apply([change("b.md", "four"), removal("b.md")])
    assert texts(index) == []
    assert_stores_agree(index)


def test_a_note_without_chunks_is_a_note(index: Index) -> None:
    index.apply([change("empty.md")])
    assert index.generation.notes["empty.md"].chunks == 0
    assert_stores_agree(index)


def test_vectors_belong_to_their_rows(index: Index) -> None:
    index.apply([change("a.md", "one\nuno", "two"), change("c.md", "three\ntres\ndrei")])
    encode_all(index)
    index.apply([change("b.md", "four"), change("a.md", "two")])
    generation = index.generation
    assert generation.encoded.tolist() == [True, False, True]
    for row in (0, 2):
        lines = generation.chunks[row].text.splitlines()
        own = vector(generation.chunks[row].text)
        assert generation.vectors.vectors([row])[0] == pytest.approx(own, abs=1e-4)
        passages = np.stack([vector(line) for line in lines])
        assert generation.vectors.passages(row) == pytest.approx(passages, abs=1e-4)
    assert not generation.vectors.vectors([1]).any()
    assert [len(generation.vectors.passages(row)) for row in range(3)] == [1, 0, 3]


def test_vectors_can_accompany_a_change(index: Index) -> None:
    changed = change("a.md", "one", "two")
    index.apply([changed], encode(encoder_inputs(index, changed.chunks[:1])), "float32")
    assert index.generation.encoded.tolist() == [True, False]
    assert [text.text for text in index.unencoded()] == ["two"]
    assert_stores_agree(index)


def test_a_renamed_note_encodes_nothing(index: Index) -> None:
    index.apply([change("old.md", "one", "two"), change("other.md", "three")])
    encode_all(index)
    generation = index.apply([removal("old.md"), change("new.md", "one", "two")])
    assert generation.encoded.all()
    assert index.unencoded() == []
    assert_stores_agree(index)


def test_a_returning_note_encodes_nothing(index: Index) -> None:
    index.apply([change("a.md", "one", "two")])
    encode_all(index)
    index.apply([removal("a.md")])
    assert index.apply([change("a.md", "one", "two")]).encoded.all()


def test_a_changed_paragraph_leaves_the_others_encoded(index: Index) -> None:
    index.apply([change("a.md", "one", "two", "three")])
    encode_all(index)
    index.apply([change("a.md", "one", "new", "three")])
    assert [text.text for text in index.unencoded()] == ["new"]


def test_notes_changed_last_are_encoded_first(index: Index) -> None:
    days = {"a.md": 2, "b.md": 3, "c.md": 1, "d.md": 3}
    changes = [change(path, f"{path} 1", f"{path} 2") for path in days]
    dated = [
        replace(one, note=replace(note(path, 2), mtime_ns=day * 86_400 * 10**9))
        for one, (path, day) in zip(changes, days.items(), strict=True)
    ]
    index.apply(dated)
    assert [text.text for text in index.unencoded()] == [
        f"{path} {number}" for path in ("b.md", "d.md", "a.md", "c.md") for number in (1, 2)
    ]


def test_repeated_blocks_share_a_vector_and_are_all_indexed(index: Index) -> None:
    index.apply([change("a.md", *["same block"] * 50), change("b.md", "same block")])
    assert len(index.unencoded()) == 1
    encode_all(index)
    assert index.generation.encoded.all()
    assert len(index.generation.keyword.postings("body", "block")[0]) == 51
    assert_stores_agree(index)


def test_changes_under_the_same_id_are_indexed(index: Index) -> None:
    """Title, tags and header are not part of a chunk's id."""
    index.apply([change("a.md", "text", title="Old name", tags=("red",), header="Old name")])
    encode_all(index)
    before = index.generation
    index.apply([change("a.md", "text", title="New name", tags=("blue",), header="New name")])
    generation = index.generation
    assert generation.chunks[0].id == before.chunks[0].id
    assert len(generation.keyword.postings("title", "new")[0]) == 1
    assert len(generation.keyword.postings("title", "old")[0]) == 0
    assert len(generation.keyword.postings("tags", "red")[0]) == 0
    assert not generation.encoded[0]
    assert_stores_agree(index)
    encode_all(index)
    assert_stores_agree(index)


def test_moved_lines_change_only_the_manifest(index: Index) -> None:
    index.apply([change("a.md", "one", "two")])
    moved = tuple(
        msgspec.structs.replace(part, start_line=part.start_line + 5)
        for part in index.generation.chunks
    )
    segments = index.generation.keyword.segments
    generation = index.apply([NoteChange("a.md", note("a.md", 2), moved)])
    assert generation.keyword.segments == segments
    assert [part.start_line for part in generation.chunks] == [part.start_line for part in moved]


def test_touching_keeps_the_generation_number(open_index: Opener) -> None:
    index = open_index()
    index.apply([change("a.md", "one")])
    touched = replace(index.generation.notes["a.md"], mtime_ns=77, size=5)
    assert index.touch([touched, note("nowhere.md", 1)]).number == 1
    assert index.generation.notes == {"a.md": touched}
    index.close()
    assert open_index().generation.notes == {"a.md": touched}


def test_an_index_opened_again_is_the_same(
    open_index: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    index = open_index()
    index.apply([change("b.md", "one\nuno", "two"), change("ä.md", "three", tags=("x",))])
    encode_all(index)
    index.apply([change("c.md", "four")])
    before = index.generation
    index.close()
    index = open_index()
    after = index.generation
    assert logged_repairs(caplog) == []
    assert (after.number, after.notes) == (before.number, before.notes)
    assert list(after.chunks) == list(before.chunks)
    assert list(after.keys) == list(before.keys)
    assert all_vectors(after.vectors) == all_vectors(before.vectors)
    assert_stores_agree(index)


def test_successors_are_followed_to_a_live_chunk(open_index: Opener) -> None:
    index = open_index()
    first = index.apply([change("a.md", "first words")]).chunks[0].id
    for text in ("second words", "third words"):
        index.apply([change("a.md", text)])
    last = index.generation.chunks[0].id
    assert index.successor(first) == last
    assert index.successor(last) == last
    assert index.successor("unknown") is None
    index.close()
    index = open_index()
    assert index.successor(first) == last
    index.apply([removal("a.md")])
    assert index.successor(first) is None


def test_undoing_an_edit_restores_the_successor(index: Index) -> None:
    first = index.apply([change("a.md", "first words")]).chunks[0].id
    second = index.apply([change("a.md", "second words")]).chunks[0].id
    index.apply([change("a.md", "first words")])
    assert index.successor(first) == first
    assert index.successor(second) == first
    index.apply([change("a.md", "second words")])
    assert index.successor(first) == second


def test_the_journal_records_additions_and_removals(index: Index) -> None:
    index.apply([change("a.md", "one", "two"), change("b.md", "three")])
    chunks = index.apply([change("a.md", "one", "new")]).chunks
    entries = index.journal("a.md")
    assert [entry.generation for entry in entries] == [1, 2]
    assert [part.id for part in entries[1].added] == [
        each.id for each in chunks if each.text == "new"
    ]
    assert [part.text for part in entries[1].removed] == ["two"]
    assert len(index.journal()) == 3
    assert [entry.path for entry in index.journal(since=2)] == ["a.md"]


def test_invalid_unicode_is_rejected_before_any_write(index: Index) -> None:
    index.apply([change("a.md", "one")])
    with pytest.raises(UnicodeEncodeError):
        index.apply([change("b.md", "lone surrogate \ud800")])
    index.apply([change("c.md", "two")])
    assert texts(index) == ["one", "two"]
    assert_stores_agree(index)


def test_changes_go_on_while_vectors_are_checked(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.apply([change("a.md", "one")])
    encode_all(index)
    reading, written = threading.Event(), threading.Event()
    read = TokenStore._damaged_keys

    def read_slowly(store: TokenStore) -> list[str]:
        reading.set()
        assert written.wait(60), "the change waited for the check"
        return read(store)

    monkeypatch.setattr(TokenStore, "_damaged_keys", read_slowly)
    with ThreadPoolExecutor() as pool:
        found = pool.submit(index.check)
        assert reading.wait(60)
        index.apply([change("a.md", "one", "two")])
        encode_all(index)
        written.set()
        assert found.result(60) == []
    monkeypatch.undo()
    assert index.generation.encoded.all()
    assert_stores_agree(index)
