"""The Whoosh index on disk: one writer, cheap commits, readers by segment.

It is derived from the manifest. If it cannot be read, it is recreated empty, and `repair` fills it.
Every file has a checksum, because Whoosh does not notice a flipped bit: a segment's is in the table
of contents, which ends with its own.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import zlib
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from whoosh.fields import COLUMN, TEXT, Schema
from whoosh.filedb.filestore import FileStorage, RamStorage
from whoosh.filedb.structfile import StructFile
from whoosh.index import TOC
from whoosh.reading import SegmentReader
from whoosh.writing import SegmentWriter

from membrowse import paths
from membrowse.index.analyser import NoteAnalyzer
from membrowse.index.batches import batched
from membrowse.index.chunk_table import ChunkTable
from membrowse.index.generation import IndexedNote
from membrowse.index.keyword_document import Document, document
from membrowse.index.keyword_reader import FIELDS, KeywordReader, Rows
from membrowse.index.keyword_segment import SegmentData
from membrowse.index.whoosh_codec import DayPositions, PackedCodec, PackedPositions

log = logging.getLogger(__name__)


def _analysed(name: str) -> TEXT:
    field = TEXT(analyzer=NoteAnalyzer(), phrase=True)
    field.format = DayPositions() if name == "date" else PackedPositions()
    return field


class ChunkId(COLUMN):  # type: ignore[misc]
    """Stored by document number; no term of the index, as it was in earlier versions."""

    def to_bytes(self, value: str) -> bytes:
        return value.encode()

    def from_bytes(self, value: bytes) -> str:
        return value.decode()


SCHEMA = Schema(id=ChunkId(), **{field: _analysed(field) for field in FIELDS})

_TIER = 8
"""Number of segments of similar size that are merged into one."""
_SMALL_MERGE = 2000
"""Live documents that any commit may rewrite: more would delay the user."""
_MERGED_PER_ADDED = 10
"""Live documents that a commit may rewrite for each that it adds: a tier of commits of its size,
some larger. Whoever waits for thousands waits twice as long at most, and every query then looks
into few segments."""
_MEMORY_MB = 64
_REPAIR_BATCH = 2000
_CHECKSUM_BYTES = 4


class SegmentDamaged(Exception):
    """The bytes of a file are not those that were written."""


_DAMAGE = frozenset({errno.ENOENT, errno.EINVAL, None})
"""Error numbers that damaged files cause; Whoosh raises `OSError` without one."""


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

    def rename_file(self, oldname: str, newname: str, safe: bool = False) -> None:
        """Put a finished table of contents in its place, with its checksum at its end."""
        file = Path(self._fpath(oldname))
        with file.open("ab") as stream:
            stream.write(self.checksum(oldname).to_bytes(_CHECKSUM_BYTES))
        super().rename_file(oldname, newname, safe=safe)

    def checksum(self, name: str) -> int:
        """Checksum of the bytes of a file."""
        return zlib.crc32(Path(self._fpath(name)).read_bytes())

    def check_contents(self, name: str) -> None:
        """Raise `SegmentDamaged` if a table of contents is not as it was written."""
        data = Path(self._fpath(name)).read_bytes()
        end = len(data) - _CHECKSUM_BYTES
        if end < 0 or zlib.crc32(data[:end]).to_bytes(_CHECKSUM_BYTES) != data[end:]:
            raise SegmentDamaged(f"{name} is damaged")

    def check_segment(self, segment: Any) -> None:
        """Raise `SegmentDamaged` if the file of a segment is not as it was written."""
        name = segment.make_filename(segment.COMPOUND_EXT)
        if getattr(segment, "checksum", None) != self.checksum(name):
            raise SegmentDamaged(f"{name} is damaged")


class ChecksumWriter(SegmentWriter):  # type: ignore[misc]
    """Records the checksum of each segment in the table of contents."""

    def add_postings_to_pool(self, reader: Any, startdoc: int, docmap: Any) -> None:
        """Merge postings, without those of ids that earlier versions wrote."""
        postings = (each for each in reader.iter_postings() if each[0] in FIELDS)
        for item in self._process_posts(postings, startdoc, docmap):
            self.pool.add(item)

    def _commit_toc(self, segments: list[Any]) -> None:
        for segment in segments:
            if not hasattr(segment, "checksum"):
                name = segment.make_filename(segment.COMPOUND_EXT)
                segment.checksum = self.storage.checksum(name)
        super()._commit_toc(segments)


class KeywordStore:
    """Writes and opens the Whoosh index in `directory`. For one thread at a time."""

    def __init__(self, directory: Path) -> None:
        """A damaged index is replaced by an empty one. Raises `OSError` if none can be read now."""
        self._directory = directory
        self._storage = PrivateStorage(str(directory))
        self._segments: dict[str, SegmentData] = {}
        self._open()

    def _open(self) -> None:
        existed = self._directory.exists()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            if existed:
                self._tidy()
            self._check_contents()
            self._index = self._storage.open_index(schema=SCHEMA)
            self._read_segments()
        except Exception as error:  # Whoosh's parsers raise anything on damaged files
            if failed_access(error):
                raise
            if existed and any(self._directory.glob("*.toc")):
                log.warning("the keyword index cannot be read; recreating it", exc_info=True)
            self.clear()

    def _tidy(self) -> None:
        """Delete a table of contents that a killed writer left in a temporary file."""
        for file in self._directory.glob("*.toc.*"):
            file.unlink()

    def clear(self) -> None:
        """Delete all documents. Open readers keep what they have."""
        shutil.rmtree(self._directory)
        self._directory.mkdir(mode=0o700)
        self._segments = {}
        self._index = self._storage.create_index(SCHEMA)

    def commit(self, deleted: Iterable[int], added: Iterable[Document]) -> None:
        """Delete documents (by current number) and add others, in one step.

        Raises `OSError` when the disk is full; the index is then unchanged.
        """
        writer = ChecksumWriter(self._index, codec=PackedCodec(), limitmb=_MEMORY_MB)
        try:
            for number in sorted(deleted):
                writer.delete_document(number)
            count = 0
            for fields in added:
                writer.add_document(**fields)
                count += 1
        except BaseException:
            writer.cancel()
            raise
        writer.commit(mergetype=partial(_merge, max(_SMALL_MERGE, _MERGED_PER_ADDED * count)))

    def reader(
        self, row_of: Mapping[str, int], before: tuple[KeywordReader, Rows] | None = None
    ) -> KeywordReader:
        """Return a reader of the current index; see `KeywordReader` for the arguments."""
        segments = self._read_segments()
        deleted = [frozenset(segment.deleted_docs()) for segment in segments]
        data = [self._segments[segment.segment_id()] for segment in segments]
        return KeywordReader(data, deleted, row_of, before)

    def documents(self) -> list[str | None]:
        """Chunk id of every document by number; None if it is deleted."""
        ids_by_number: list[str | None] = []
        for segment in self._read_segments():
            deleted = frozenset(segment.deleted_docs())
            ids = self._segments[segment.segment_id()].ids
            ids_by_number.extend(None if n in deleted else chunk for n, chunk in enumerate(ids))
        return ids_by_number

    def repair(
        self,
        chunks: ChunkTable,
        notes: Mapping[str, IndexedNote],
        doubtful: Collection[str],
    ) -> int:
        """Make the index contain exactly `chunks`, rewriting those whose ids are `doubtful`.

        Returns the number of documents deleted or added. Raises `OSError` when the disk is full;
        any other failure is damage, which a complete rewrite repairs.
        """
        try:
            return self._repair(chunks, notes, doubtful)
        except Exception as error:  # Whoosh's parsers raise anything on damaged files
            if failed_access(error):
                raise
            log.warning("the keyword index cannot be repaired; rewriting it", exc_info=True)
            self.rewrite(chunks, notes)
            return len(chunks)

    def rewrite(self, chunks: ChunkTable, notes: Mapping[str, IndexedNote]) -> None:
        """Replace all files by new ones that contain exactly `chunks`."""
        self.clear()
        self._repair(chunks, notes, ())

    def _repair(
        self,
        chunks: ChunkTable,
        notes: Mapping[str, IndexedNote],
        doubtful: Collection[str],
    ) -> int:
        expected = set(chunks.ids).difference(doubtful)
        surplus = []
        for number, chunk in enumerate(self.documents()):
            if chunk in expected:
                expected.remove(chunk)
            elif chunk is not None:
                surplus.append(number)
        expected.update(doubtful)
        missing = [row for row, chunk in enumerate(chunks.ids) if chunk in expected]
        count = len(surplus) + len(missing)
        if surplus and len(missing) == len(chunks):
            self.clear()
            surplus = []
        for batch in batched(missing, _REPAIR_BATCH):
            added = (chunks[row] for row in batch)
            self.commit(surplus, (document(chunk, notes[chunk.path]) for chunk in added))
            surplus = []
        if surplus:
            self.commit(surplus, ())
        return count

    def size(self) -> int:
        """Bytes on disk."""
        return paths.tree_size(self._directory)

    def close(self) -> None:
        self._segments = {}
        self._index.close()

    def _read_segments(self) -> list[Any]:
        """Return the current segments; open new ones and release the others."""
        segments = self._segments_on_disk()
        for segment in segments:
            if segment.segment_id() not in self._segments:
                self._storage.check_segment(segment)
        self._segments = {
            segment.segment_id(): self._segments.get(segment.segment_id())
            or SegmentData(self._storage, SCHEMA, segment)
            for segment in segments
        }
        return segments

    def _segments_on_disk(self) -> list[Any]:
        self._check_contents()
        toc = TOC.read(self._storage, self._index.indexname, schema=SCHEMA)
        segments: list[Any] = toc.segments
        return segments

    def _check_contents(self) -> None:
        """Raise `SegmentDamaged` before Whoosh unpickles a damaged table of contents."""
        for contents in self._directory.glob("*.toc"):
            self._storage.check_contents(contents.name)

    def check(self) -> None:
        """Read every file. Raises `SegmentDamaged`, or what Whoosh raises on damaged files."""
        for segment in self._segments_on_disk():
            self._storage.check_segment(segment)


def failed_access(error: Exception) -> bool:
    """Whether `error` says that files cannot be read or written now, as when the disk is full.

    Damaged files can raise an `OSError`, too: for a missing file, or a place before its start.
    """
    return isinstance(error, OSError) and error.errno not in _DAMAGE


def memory_segment(documents: Iterable[Document]) -> SegmentData:
    """Return the segment that a commit of `documents` would write, in memory."""
    storage = RamStorage()
    index = storage.create_index(SCHEMA)
    writer = index.writer(codec=PackedCodec(), limitmb=_MEMORY_MB)
    for fields in documents:
        writer.add_document(**fields)
    writer.commit()
    toc = TOC.read(storage, index.indexname, schema=SCHEMA)
    return SegmentData(storage, SCHEMA, toc.segments[0])


def _merge(limit: int, writer: Any, segments: list[Any]) -> list[Any]:
    """Whoosh merge policy: rewrite some segments into the new one and return the rest.

    Segments without live documents are dropped. A segment that is mostly deleted is rewritten, so
    that deleted documents never take more space than live ones. `_TIER` segments of similar size
    are merged. Both only up to `limit` live documents.
    """

    def within_limit(segments: Iterable[Any]) -> bool:
        return sum(map(_documents, segments)) <= limit

    live = [segment for segment in segments if segment.doc_count() > 0]
    merged: list[Any] = []
    kept: list[Any] = []
    for segment in sorted(live, key=_documents):
        mostly_deleted = 2 * segment.doc_count() < segment.doc_count_all()
        wanted = mostly_deleted and within_limit([*merged, segment])
        (merged if wanted else kept).append(segment)
    for tier in _tiers(kept):
        while not within_limit([*merged, *tier]):
            tier.pop()
        if len(tier) >= _TIER:
            merged.extend(tier)
    for segment in merged:
        reader = SegmentReader(writer.storage, writer.schema, segment)
        try:
            writer.add_reader(reader)
        finally:
            reader.close()
    return [segment for segment in live if segment not in merged]


def _tiers(segments: Iterable[Any]) -> list[list[Any]]:
    """`segments`, smallest first, in groups whose largest is up to `_TIER` times the smallest."""
    tiers: list[list[Any]] = []
    for segment in segments:
        if tiers and _documents(segment) < _TIER * _documents(tiers[-1][0]):
            tiers[-1].append(segment)
        else:
            tiers.append([segment])
    return tiers


def _documents(segment: Any) -> int:
    """Number of live documents."""
    count: int = segment.doc_count()
    return count
