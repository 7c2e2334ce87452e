"""One segment of the Whoosh index, read in blocks into numpy.

A segment never changes once it is written (deletions are stored elsewhere), so generations share
everything read from it here. Its files close when the last generation that uses it is gone.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from whoosh.columns import VarBytesColumn
from whoosh.reading import TermNotFound

from membrowse.index.whoosh_codec import Documents, Frequencies, Lengths, PackedMatcher

_NO_POSTINGS = (np.empty(0, np.int32), np.empty(0, np.float32))


class SegmentData:
    """The content of one segment, including deleted documents. Safe to use from any thread.

    Documents are numbered from 0 within the segment.
    """

    def __init__(self, storage: Any, schema: Any, segment: Any) -> None:
        self.name: str = segment.segment_id()
        self.count: int = segment.doc_count_all()
        self._schema = schema
        self._lock = threading.Lock()
        files = segment.open_compound_file(storage)
        codec = segment.codec()
        self._terms = codec.terms_reader(files, segment)
        self._documents = codec.per_document_reader(files, segment)
        self._lengths: dict[str, Lengths] = {}
        ids = self._documents.column_reader("id", VarBytesColumn())
        self.ids: list[str] = [chunk.decode() for chunk in ids]
        """Chunk ids by document."""

    def postings(self, field: str, term: str) -> tuple[Documents, Frequencies]:
        """Documents with `term` in `field`, and how often it occurs in each.

        Returns int32 [n], ascending, and float32 [n].
        """
        with self._lock:
            matcher = self._matcher(field, term)
            if matcher is None:
                return _NO_POSTINGS
            blocks = [(block.documents(), block.frequencies()) for block in matcher.blocks()]
        if len(blocks) == 1:
            return blocks[0]
        return (
            np.concatenate([documents for documents, _ in blocks]),
            np.concatenate([counts for _, counts in blocks]),
        )

    def positions(self, field: str, term: str, among: Documents) -> dict[int, list[int]]:
        """Positions of `term` in `field` by document, for those of `among` that contain it."""
        positions: dict[int, list[int]] = {}
        decode = self._schema[field].format.decode_positions
        with self._lock:
            matcher = self._matcher(field, term)
            if matcher is None:
                return positions
            for block in matcher.blocks():
                documents = block.documents()
                matches = np.flatnonzero(np.isin(documents, among)).tolist()
                values = block.values() if matches else []
                positions.update((int(documents[n]), decode(values[n])) for n in matches)
        return positions

    def lengths(self, field: str) -> Lengths:
        """Terms in `field` by document, quantised to a byte by Whoosh."""
        known = self._lengths.get(field)
        if known is None:
            with self._lock:
                known = self._documents.lengths(field)
            self._lengths[field] = known
        return known

    def _matcher(self, field: str, term: str) -> PackedMatcher | None:
        kind = self._schema[field]
        try:
            matcher: PackedMatcher = self._terms.matcher(field, kind.to_bytes(term), kind.format)
        except (TermNotFound, KeyError):
            return None
        return matcher
