"""Recipes: a different one makes a different index; text is never encoded twice."""

from __future__ import annotations

import zlib
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from membrowse import sqlite
from membrowse.index.chunk_table import NoteChunks
from membrowse.index.generation import content_key
from membrowse.index.manifest import Recipe
from tests.index import factories
from tests.index.factories import RECIPE, change, chunk, encode_all
from tests.index.store_agreement import assert_stores_agree


def test_the_same_recipe_is_not_stale(directory: Path) -> None:
    for _ in range(2):
        index = factories.opened(directory)
        assert index.stale == ""
        index.close()


@pytest.mark.parametrize(
    ("recipe", "stale"),
    [
        (Recipe("2", "1", "synthetic"), "chunker 1 → 2"),
        (Recipe("1", "2", "synthetic"), "analyser 1 → 2"),
        (Recipe("1", "1", "other"), "encoder synthetic → other"),
        (Recipe("9", "9", ""), ""),  # no encoder could be loaded: the index is used unchanged
        (Recipe("2", "3", "synthetic"), "chunker 1 → 2, analyser 1 → 3"),
    ],
)
def test_a_different_recipe_names_what_differs(directory: Path, recipe: Recipe, stale: str) -> None:
    index = factories.opened(directory)
    index.apply([change("a.md", "one fox")])
    index.close()
    for _ in range(2):
        index = factories.opened(directory, recipe)
        assert index.stale == stale
        assert len(index.generation.keyword.postings("body", "fox")[0]) == 1
        index.close()


def test_a_rebuild_uses_the_new_recipe_and_the_old_vectors(directory: Path) -> None:
    index = factories.opened(directory)
    index.apply([change("a.md", "one", "two"), change("b.md", "three")])
    encode_all(index)
    number = index.generation.number
    index.close()
    other = Recipe("2", RECIPE.analyser, RECIPE.encoder)
    index = factories.opened(directory, other)
    empty = index.clear(other)
    assert (empty.number, len(empty.chunks), dict(empty.notes)) == (number + 1, 0, {})
    assert index.stale == ""
    index.close()
    index = factories.opened(directory, other)
    assert index.stale == ""
    assert index.generation.number == number + 1
    assert index.apply([change("a.md", "one", "two")]).encoded.all()
    assert index.unencoded() == []
    assert [entry.cleared for entry in index.journal("")] == [True]
    assert_stores_agree(index)
    index.close()


def test_vectors_of_another_encoder_are_not_used(directory: Path) -> None:
    index = factories.opened(directory)
    index.apply([change("a.md", "one")])
    encode_all(index)
    index.close()
    other = Recipe(RECIPE.chunker, RECIPE.analyser, "other")
    index = factories.opened(directory, other)
    assert not index.generation.encoded.any()
    assert [text.text for text in index.unencoded()] == ["one"]
    encode_all(index)
    assert index.generation.encoded.all()
    index.close()
    index = factories.opened(directory)
    assert index.generation.encoded.all(), "the first encoder's vectors were still there"
    index.close()


def test_a_content_key_depends_only_on_header_text_and_encoder() -> None:
    base = chunk("a.md", 0, "text", header="Title")
    assert content_key(base, "e") == content_key(chunk("b.md", 5, "text", header="Title"), "e")
    others = {
        content_key(chunk("a.md", 0, "text", header="Other"), "e"),
        content_key(chunk("a.md", 0, "texts", header="Title"), "e"),
        content_key(base, "f"),
    }
    assert len(others | {content_key(base, "e")}) == 4


def test_a_manifest_of_an_earlier_version_is_converted(directory: Path) -> None:
    with closing(factories.opened(directory)) as index:
        index.apply([change("a.md", "one", "two"), change("b.md"), change("c.md", "three")])
        index.apply([change("a.md", "one", "four")])
        encode_all(index)
        before, entries = index.generation, index.journal()
    _lengthen_keys(directory)
    for _ in range(2):
        with closing(factories.opened(directory)) as index:
            after = index.generation
            assert index.stale == ""
            assert (list(after.chunks), list(after.keys)) == (
                list(before.chunks),
                list(before.keys),
            )
            assert (after.notes, after.number) == (before.notes, before.number)
            assert after.encoded.all()
            assert index.journal() == entries
            assert_stores_agree(index)


def _lengthen_keys(directory: Path) -> None:
    """Write manifest and vectors as an earlier version did, with content keys of 64 digits."""
    with closing(sqlite.connect(directory / "manifest.sqlite")) as connection:
        rows = connection.execute("SELECT path, record, chunks FROM notes WHERE length(chunks)")
        for path, record, packed in rows.fetchall():
            note = msgspec.msgpack.decode(packed, type=NoteChunks)
            keys = bytes.fromhex("".join(map(_long, note.keys)))
            earlier = msgspec.structs.replace(note, packed_keys=keys)
            values = (path, record, msgspec.msgpack.encode(earlier))
            row = (*values, sqlite.checksum(*values))
            connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?)", row)
        connection.execute(
            "UPDATE meta SET value = '3', checksum = ? WHERE name = 'format'",
            (sqlite.checksum("format", "3"),),
        )
    with closing(sqlite.connect(directory / "vectors.sqlite")) as connection:
        stored = connection.execute("SELECT key, numbers, scales, precision FROM vectors")
        for key, numbers, scales, precision in stored.fetchall():
            described = f"{len(scales)} {precision} {_long(key)}".encode()
            expected = zlib.crc32(b"".join((described, numbers, scales)))
            connection.execute(
                "UPDATE vectors SET key = ?, checksum = ? WHERE key = ?",
                (_long(key), expected, key),
            )


def _long(key: str) -> str:
    return key + "0123456789abcdef" * 2
