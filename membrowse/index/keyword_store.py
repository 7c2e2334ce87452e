"""The Whoosh index on disk: one writer, cheap commits, readers by segment.

It is derived from the manifest: where it cannot be read it is made again, empty, and the index
fills it.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from whoosh.fields import ID, TEXT, Schema
from whoosh.filedb.filestore import FileStorage, RamStorage
from whoosh.filedb.structfile import StructFile
from whoosh.index import TOC
from whoosh.reading import SegmentReader

from membrowse.index.analyser import NoteAnalyzer
from membrowse.index.keyword_document import Document
from membrowse.index.keyword_reader import FIELDS, KeywordReader, Rows
from membrowse.index.keyword_segment import SegmentData
from membrowse.index.whoosh_codec import PackedCodec, PackedPositions

log = logging.getLogger(__name__)


def _analysed() -> TEXT:
    field = TEXT(analyzer=NoteAnalyzer(), phrase=True)
    field.format = PackedPositions()
    return field


SCHEMA = Schema(id=ID(unique=True, sortable=True), **{field: _analysed() for field in FIELDS})

_TIER = 8
"""So many segments of about one size are merged into one."""
_LARGEST_MERGE = 2000
"""Live documents that a commit may rewrite: more would keep the person waiting."""
_MEMORY_MB = 64


class PrivateStorage(FileStorage):  # type: ignore[misc]
    """Whoosh's files, readable by their owner only."""

    def create_file(self, name: str, **kwargs: Any) -> StructFile:
        file = super().create_file(name, **kwargs)
        if file.is_real:
            os.fchmod(file.fileno(), 0o600)
        return file

    def lock(self, name: str) -> Any:
        Path(self._fpath(name)).touch(mode=0o600)
        return super().lock(name)


class KeywordStore:
    """Writes and opens the Whoosh index in `directory`. For one thread at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._storage = PrivateStorage(str(directory))
        self._segments: dict[str, SegmentData] = {}
        self.remade = ""
        """Why the index had to be made anew when it was opened, or empty."""
        self._open()

    def _open(self) -> None:
        made_before = self._directory.exists()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            if made_before:
                self._tidy()
            self._index = self._storage.open_index(schema=SCHEMA)
            self._read_segments()
        except Exception as error:  # Whoosh's parsers raise anything on damaged files
            if made_before and any(self._directory.glob("*.toc")):
                log.warning("the keyword index cannot be read", exc_info=True)
                self.remade = f"the keyword index could not be read ({error!r})"
            self.clear()

    def _tidy(self) -> None:
        """Remove what a killed writer left: a table of contents that was never put in place."""
        for file in self._directory.glob("*.toc.*"):
            file.unlink()

    def clear(self) -> None:
        """Forget everything. Readers that are open go on with what they have."""
        shutil.rmtree(self._directory)
        self._directory.mkdir(mode=0o700)
        self._segments = {}
        self._index = self._storage.create_index(SCHEMA)

    def commit(self, deleted: Iterable[int], added: Iterable[Document]) -> None:
        """Delete documents (by their number in the index as it is) and add others, in one step.

        Raises `OSError` when the disk is full; the index is then as it was.
        """
        writer = self._index.writer(codec=PackedCodec(), limitmb=_MEMORY_MB)
        try:
            for document in sorted(deleted):
                writer.delete_document(document)
            for document_fields in added:
                writer.add_document(**document_fields)
        except BaseException:
            writer.cancel()
            raise
        writer.commit(mergetype=_merge)

    def reader(
        self, row_of: Mapping[str, int], before: tuple[KeywordReader, Rows] | None = None
    ) -> KeywordReader:
        """A reader of the index as it is now; see `KeywordReader` for what is asked."""
        segments = self._read_segments()
        deleted = [frozenset(segment.deleted_docs()) for segment in segments]
        data = [self._segments[segment.segment_id()] for segment in segments]
        return KeywordReader(data, deleted, row_of, before)

    def documents(self) -> list[str | None]:
        """Chunk id of every document by its number in the index; None where it is deleted."""
        found: list[str | None] = []
        for segment in self._read_segments():
            dead = frozenset(segment.deleted_docs())
            ids = self._segments[segment.segment_id()].ids
            found.extend(None if n in dead else name for n, name in enumerate(ids))
        return found

    def searcher(self, weighting: Any) -> Any:
        """Whoosh's own searcher, to compare with."""
        return self._index.searcher(weighting=weighting)

    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.stat().st_size for file in self._directory.iterdir() if file.is_file())

    def close(self) -> None:
        self._segments = {}
        self._index.close()

    def _read_segments(self) -> list[Any]:
        """The segments of the index as it is now; opens those that are new, forgets the others."""
        toc = TOC.read(self._storage, self._index.indexname, schema=SCHEMA)
        segments: list[Any] = toc.segments
        self._segments = {
            segment.segment_id(): self._segments.get(segment.segment_id())
            or SegmentData(self._storage, SCHEMA, segment)
            for segment in segments
        }
        return segments


def in_memory(documents: Iterable[Document]) -> SegmentData:
    """A segment as a commit of `documents` would write it, on no disk and part of no index."""
    storage = RamStorage()
    index = storage.create_index(SCHEMA)
    writer = index.writer(codec=PackedCodec(), limitmb=_MEMORY_MB)
    for fields in documents:
        writer.add_document(**fields)
    writer.commit()
    toc = TOC.read(storage, index.indexname, schema=SCHEMA)
    return SegmentData(storage, SCHEMA, toc.segments[0])


def _merge(writer: Any, segments: list[Any]) -> list[Any]:
    """Whoosh's merge policy: rewrites some segments into the one being written, returns the rest.

    Segments without live documents are dropped. A segment that is mostly deleted is rewritten, so
    that what was edited away takes no more room than what is there; segments of about one size are
    merged once there are `_TIER` of them. Both as long as that is little work.
    """
    alive = [segment for segment in segments if segment.doc_count() > 0]
    tiers: dict[int, list[Any]] = {}
    merged: list[Any] = []
    for segment in sorted(alive, key=lambda segment: segment.doc_count()):
        if 2 * segment.doc_count() < segment.doc_count_all() and _little([*merged, segment]):
            merged.append(segment)
        elif segment.doc_count() <= _LARGEST_MERGE // 2:
            tiers.setdefault(_tier(segment.doc_count()), []).append(segment)
    for _, tier in sorted(tiers.items()):
        if len(tier) >= _TIER and _little([*merged, *tier]):
            merged.extend(tier)
    for segment in merged:
        reader = SegmentReader(writer.storage, writer.schema, segment)
        try:
            writer.add_reader(reader)
        finally:
            reader.close()
    return [segment for segment in alive if segment not in merged]


def _little(segments: Iterable[Any]) -> bool:
    """Whether a commit may rewrite all of these."""
    live: int = sum(segment.doc_count() for segment in segments)
    return live <= _LARGEST_MERGE


def _tier(documents: int) -> int:
    return (documents.bit_length() - 1) // 3
