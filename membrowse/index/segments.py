"""One segment of the Whoosh index, read in blocks into numpy.

A segment never changes once it is written (which of its documents are deleted is kept elsewhere),
so all that is read from it here is shared by every generation that contains it. Its files are
closed when the last generation that holds it is gone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from whoosh.codec.whoosh3 import W3Codec, W3LeafMatcher
from whoosh.columns import VarBytesColumn
from whoosh.formats import Format
from whoosh.reading import TermNotFound
from whoosh.util.numeric import byte_to_length

Documents = NDArray[np.int32]
Frequencies = NDArray[np.float32]
Lengths = NDArray[np.float32]

_LENGTHS = np.array([byte_to_length(byte) for byte in range(256)], dtype=np.float32)
_NO_POSTINGS = (np.empty(0, np.int32), np.empty(0, np.float32))


class BlockMatcher(W3LeafMatcher):  # type: ignore[misc]
    """Whoosh's postings matcher that also gives a whole block of postings at a time."""

    def blocks(self) -> Iterator[tuple[Documents, Frequencies, tuple[bytes, ...]]]:
        """Document numbers, weights and encoded positions, block by block from this one on."""
        while not self._atend:
            self._read_data()
            deltas, weights, values = self._data
            documents = np.cumsum(np.array(deltas, dtype=np.int32), dtype=np.int32)
            frequencies = np.ones(len(documents), np.float32)
            if weights is not None:
                frequencies[:] = weights
            yield documents, frequencies, values
            self._next_block()


class BlockCodec(W3Codec):  # type: ignore[misc]
    """Whoosh's own codec, with matchers that can be read in blocks."""

    def postings_reader(
        self, dbfile: Any, terminfo: Any, format_: Format, term: Any = None, scorer: Any = None
    ) -> Any:
        if terminfo.is_inlined():
            return super().postings_reader(dbfile, terminfo, format_, term=term, scorer=scorer)
        offset, length = terminfo.extent()
        return BlockMatcher(dbfile, offset, length, format_, term=term, scorer=scorer)


class SegmentData:
    """What one segment holds, deleted documents included. Safe to use from any thread.

    Documents are numbered from 0 within the segment.
    """

    def __init__(self, storage: Any, schema: Any, segment: Any) -> None:
        self.name: str = segment.segment_id()
        self.count: int = segment.doc_count_all()
        self._schema = schema
        self._lock = threading.Lock()
        files = segment.open_compound_file(storage)
        codec = BlockCodec()
        self._terms = codec.terms_reader(files, segment)
        self._documents = codec.per_document_reader(files, segment)
        self._lengths: dict[str, Lengths] = {}
        ids = self._documents.column_reader("id", VarBytesColumn())
        self.ids: list[str] = [name.decode() for name in ids]
        """Chunk ids by document."""

    def postings(self, field: str, term: str) -> tuple[Documents, Frequencies]:
        """Documents with `term` in `field`, ascending, int32 [n], and how often, float32 [n]."""
        with self._lock:
            matcher = self._matcher(field, term)
            if matcher is None:
                return _NO_POSTINGS
            blocks = [(documents, counts) for documents, counts, _ in matcher.blocks()]
        if len(blocks) == 1:
            return blocks[0]
        return (
            np.concatenate([documents for documents, _ in blocks]),
            np.concatenate([counts for _, counts in blocks]),
        )

    def positions(self, field: str, term: str, wanted: Documents) -> dict[int, list[int]]:
        """Positions of `term` in `field` of those of the `wanted` documents that hold it."""
        found: dict[int, list[int]] = {}
        decode = self._schema[field].format.decode_positions
        with self._lock:
            matcher = self._matcher(field, term)
            if matcher is None:
                return found
            for documents, _, values in matcher.blocks():
                for at in np.flatnonzero(np.isin(documents, wanted)):
                    found[int(documents[at])] = decode(values[at])
        return found

    def lengths(self, field: str) -> Lengths:
        """Terms in `field` by document, as Whoosh keeps them (quantised to a byte)."""
        known = self._lengths.get(field)
        if known is None:
            with self._lock:
                length_of = self._documents.doc_field_length_reader(field)
                read = (length_of(document) or 0 for document in range(self.count))
                known = np.fromiter(read, np.float32, self.count)
            self._lengths[field] = known
        return known

    def _matcher(self, field: str, term: str) -> BlockMatcher | None:
        kind = self._schema[field]
        try:
            matcher = self._terms.matcher(field, kind.to_bytes(term), kind.format)
        except (TermNotFound, KeyError):
            return None
        return matcher if isinstance(matcher, BlockMatcher) else None
