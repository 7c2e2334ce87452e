"""What each store contains, read without the code under test, and whether they agree."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
from whoosh.filedb.filestore import FileStorage

from membrowse.index.index import Index
from membrowse.notes.chunk import Chunk


def manifest_ids(directory: Path) -> list[str]:
    with closing(sqlite3.connect(directory / "manifest.sqlite")) as connection:
        rows = connection.execute("SELECT chunks FROM notes").fetchall()
    ids: list[str] = []
    for (data,) in rows:
        if data:
            *_, of_note, _, packed = msgspec.msgpack.decode(data)
            chunks = msgspec.msgpack.decode(zlib.decompress(packed), type=list[Chunk])
            assert [chunk.id for chunk in chunks] == of_note
            ids += of_note
    return ids


def keyword_ids(directory: Path) -> list[str]:
    reader = FileStorage(str(directory / "keyword")).open_index().reader()
    try:
        ids = reader.column_reader("id") if reader.doc_count() else ()
        return [ids[n] for n in range(reader.doc_count_all()) if not reader.is_deleted(n)]
    finally:
        if reader.doc_count_all():
            reader.close()


def chroma_ids(index: Index) -> set[str]:
    return set(index.chroma._open_collection.get(include=[])["ids"])


def assert_stores_agree(index: Index) -> None:
    """Manifest, Whoosh, Chroma and the matrix contain the same chunks, each once."""
    index.open_chroma()
    generation = index.generation
    ids = [chunk.id for chunk in generation.chunks]
    encoded = {ids[row] for row in np.flatnonzero(generation.encoded).tolist()}
    assert sorted(manifest_ids(index.directory)) == sorted(ids)
    assert sorted(keyword_ids(index.directory)) == sorted(ids)
    assert chroma_ids(index) == encoded
    assert len(generation.vectors.entries) == len(ids)
    assert index.vectors.has(set(generation.keys)) == {
        key for key, known in zip(generation.keys, generation.encoded, strict=True) if known
    }
    assert index.check() == []
