"""The keyword index of one generation: postings, lengths and statistics of live chunks only.

Whoosh's own statistics count deleted documents, so scores would drift as notes are saved.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from membrowse.index.keyword_segment import SegmentData
from membrowse.index.protocols import KeywordIndex
from membrowse.index.whoosh_codec import Frequencies, Lengths

Rows = NDArray[np.int32]

FIELDS = ("title", "headings", "body", "path", "tags", "date")
"""Fields that are analysed, indexed with positions, and scored. `date` contains the
terms of the day (see `day_terms`), if the note or its file name states one."""

_EMPTY_ROWS = np.empty(0, np.int32)

_MAX_CACHED_ROWS = 1_000_000
"""Rows of cached postings (8 bytes each): typing a query looks up its words again and again."""
_ENTRY_ROWS = 50
"""Cost of a cache entry without rows, in rows."""


class KeywordReader:
    """Postings by row of a generation. Safe to use from any thread."""

    def __init__(
        self,
        segments: Sequence[SegmentData],
        deleted: Sequence[Collection[int]],
        row_of: Mapping[str, int],
        before: tuple[KeywordReader, Rows] | None = None,
    ) -> None:
        """`deleted` contains the deleted documents of each segment, `row_of` the live chunks' rows.

        `before` avoids looking up every chunk: the previous generation's reader, and the new row of
        each of its rows (-1 if the chunk is gone).
        """
        known = before[0].rows_by_segment() if before is not None else {}
        moved = before[1] if before is not None else _EMPTY_ROWS
        self.rows = len(row_of)
        """Number of live chunks."""
        self.segments = tuple(segments)
        self._rows = [
            _moved_rows(known[segment.name], dead, moved)
            if segment.name in known
            else _rows(segment, dead, row_of)
            for segment, dead in zip(segments, deleted, strict=True)
        ]
        self._lengths: dict[str, Lengths] = {}
        self._means: dict[str, float] = {}
        self._postings: dict[tuple[str, str], tuple[Rows, Frequencies]] = {}
        self._cached_rows = 0
        self._locations: tuple[Rows, Rows] | None = None
        self._lock = threading.Lock()

    def postings(self, field: str, term: str) -> tuple[Rows, Frequencies]:
        """Rows of the chunks with `term` in `field`, and how often it occurs there.

        Returns int32 [n], ascending, and float32 [n]; both are read-only.
        """
        known = self._postings.get((field, term))
        if known is None:
            known = self._read_postings(field, term)
            for array in known:
                array.setflags(write=False)
            with self._lock:
                self._cache((field, term), known)
        return known

    def _cache(self, key: tuple[str, str], postings: tuple[Rows, Frequencies]) -> None:
        cost = len(postings[0]) + _ENTRY_ROWS
        if self._cached_rows + cost > _MAX_CACHED_ROWS:
            self._postings.clear()
            self._cached_rows = 0
        self._cached_rows += cost
        self._postings[key] = postings

    def _read_postings(self, field: str, term: str) -> tuple[Rows, Frequencies]:
        parts = []
        for segment, rows in zip(self.segments, self._rows, strict=True):
            documents, counts = segment.postings(field, term)
            if len(documents):
                document_rows = rows[documents]
                live = document_rows >= 0
                parts.append((document_rows[live], counts[live]))
        if not parts:
            return _EMPTY_ROWS, np.empty(0, np.float32)
        all_rows = np.concatenate([rows for rows, _ in parts])
        order = np.argsort(all_rows, kind="stable")
        return all_rows[order], np.concatenate([counts for _, counts in parts])[order]

    def lengths(self, field: str) -> Lengths:
        """Terms in `field` of every chunk, float32 [rows]; quantised by Whoosh."""
        known = self._lengths.get(field)
        if known is None:
            known = np.zeros(self.rows, np.float32)
            for segment, rows in zip(self.segments, self._rows, strict=True):
                live = rows >= 0
                known[rows[live]] = segment.lengths(field)[live]
            known.setflags(write=False)
            self._lengths[field] = known
        return known

    def rows_with(self, field: str, term: str) -> Rows:
        """Rows, ascending, of the chunks with `term` in `field`."""
        return self.postings(field, term)[0]

    def is_date(self, term: str) -> bool:
        """Whether the date of any note has `term`."""
        return len(self.postings("date", term)[0]) > 0

    def length(self, field: str, row: int) -> float:
        """Terms in `field` of the chunk at `row`; quantised by Whoosh."""
        return float(self.lengths(field)[row])

    def mean_length(self, field: str) -> float:
        """Mean of `lengths(field)` over all live chunks; 0 if there are none.

        Over those that have a date for `date`: all dates are equally long, so that length
        normalisation must not depend on how many chunks have one.
        """
        known = self._means.get(field)
        if known is None:
            lengths = self.lengths(field)
            if field == "date":
                lengths = lengths[lengths > 0]
            known = float(lengths.sum(dtype=np.float64) / len(lengths)) if len(lengths) else 0.0
            self._means[field] = known
        return known

    def df(self, term: str) -> int:
        """Number of live chunks that contain `term` in any field."""
        rows = [self.postings(field, term)[0] for field in FIELDS]
        return len(np.unique(np.concatenate(rows)))

    def positions(self, field: str, term: str, row: int) -> list[int]:
        """Positions (from 0, in terms) of `term` in `field` of the chunk at `row`."""
        location = self.location(row)
        if location is None:
            return []
        segment, document = location
        documents = np.array([document], np.int32)
        return self.segments[segment].positions(field, term, documents).get(document, [])

    def phrase(self, field: str, terms: Sequence[str]) -> Rows:
        """Rows, ascending, of the chunks with `terms` at consecutive positions of `field`."""
        if not terms:
            return _EMPTY_ROWS
        matches: list[int] = []
        for segment, rows in zip(self.segments, self._rows, strict=True):
            documents = _with_all_terms(segment, field, terms)
            documents = documents[rows[documents] >= 0]
            if len(documents):
                matches.extend(rows[_in_sequence(segment, field, terms, documents)])
        return np.array(sorted(matches), np.int32)

    def rows_by_segment(self) -> dict[str, Rows]:
        """For each segment, by name, the row of each of its documents, or -1."""
        names = (segment.name for segment in self.segments)
        return dict(zip(names, self._rows, strict=True))

    def document_number(self, row: int) -> int:
        """The chunk's document number in the whole Whoosh index; -1 if it is missing."""
        location = self.location(row)
        if location is None:
            return -1
        return sum(segment.count for segment in self.segments[: location[0]]) + location[1]

    def location(self, row: int) -> tuple[int, int] | None:
        """Segment number of the chunk at `row`, and its document number within the segment."""
        with self._lock:
            if self._locations is None:
                self._locations = self._find_locations()
        segments, documents = self._locations
        return (int(segments[row]), int(documents[row])) if segments[row] >= 0 else None

    def _find_locations(self) -> tuple[Rows, Rows]:
        segments = np.full(self.rows, -1, np.int32)
        documents = np.zeros(self.rows, np.int32)
        for number, rows in enumerate(self._rows):
            live = np.flatnonzero(rows >= 0)
            segments[rows[live]] = number
            documents[rows[live]] = live
        return segments, documents


def embedded_reader(keyword: KeywordIndex) -> KeywordReader:
    """`keyword`, of a generation in embedded stores. Raises `TypeError` for any other."""
    if not isinstance(keyword, KeywordReader):
        raise TypeError(f"{type(keyword).__name__} has no postings of all chunks")
    return keyword


def _moved_rows(rows: Rows, deleted: Iterable[int], moved: Rows) -> Rows:
    """Return the rows of the previous generation as rows of this one."""
    new_rows = np.full_like(rows, -1)
    if len(moved):
        new_rows = np.where(rows >= 0, moved[rows], np.int32(-1))
    new_rows[np.fromiter(deleted, np.int64)] = -1
    return new_rows


def _rows(segment: SegmentData, deleted: Iterable[int], row_of: Mapping[str, int]) -> Rows:
    """Return the row of each document of `segment`; -1 if it is deleted or unknown."""
    rows = np.array([row_of.get(chunk, -1) for chunk in segment.ids], np.int32)
    rows[np.fromiter(deleted, np.int64)] = -1
    return rows


def _with_all_terms(segment: SegmentData, field: str, terms: Sequence[str]) -> Rows:
    common: Rows | None = None
    for term in dict.fromkeys(terms):
        documents, _ = segment.postings(field, term)
        common = documents if common is None else np.intersect1d(common, documents)
        if not len(common):
            break
    return _EMPTY_ROWS if common is None else common


def _in_sequence(
    segment: SegmentData, field: str, terms: Sequence[str], documents: Rows
) -> list[int]:
    """Return the `documents` in which term i is at position p + i for some p."""
    positions = {term: segment.positions(field, term, documents) for term in dict.fromkeys(terms)}
    return [
        document
        for document in documents.tolist()
        if set.intersection(
            *(
                {position - step for position in positions[term].get(document, ())}
                for step, term in enumerate(terms)
            )
        )
    ]
