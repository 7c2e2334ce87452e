"""The keyword index of one generation: postings, lengths and statistics of live chunks only.

Whoosh's own statistics count deleted documents, so that scores drift as notes are saved; nothing
here does.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from membrowse.index.keyword_segment import SegmentData
from membrowse.index.whoosh_codec import Frequencies, Lengths

Rows = NDArray[np.int32]

FIELDS = ("title", "headings", "body", "path", "tags", "date")
"""The fields that are analysed, indexed with positions, and scored. `date` is the note's date, in
words too, where the note or its file name states one."""

_EMPTY_ROWS = np.empty(0, np.int32)

_KEPT_POSTINGS = 1_000_000
"""Rows of postings that are kept (8 bytes each): who types a query asks for its words again and
again."""
_ENTRY = 50
"""What an entry without rows costs, in rows."""


class KeywordReader:
    """Postings by canonical row of a generation. Safe to use from any thread."""

    def __init__(
        self,
        segments: Sequence[SegmentData],
        deleted: Sequence[Collection[int]],
        row_of: Mapping[str, int],
        before: tuple[KeywordReader, Rows] | None = None,
    ) -> None:
        """`deleted` holds the deleted documents of each segment, `row_of` the live chunks' rows.

        `before` saves looking up every chunk: the reader of the generation before, and the row now
        of each of its rows (-1 where the chunk is gone).
        """
        known = before[0].rows_by_segment() if before is not None else {}
        moved = before[1] if before is not None else _EMPTY_ROWS
        self.rows = len(row_of)
        """Number of live chunks."""
        self.segments = tuple(segments)
        self._rows = [
            _moved(known[segment.name], dead, moved)
            if segment.name in known
            else _rows(segment, dead, row_of)
            for segment, dead in zip(segments, deleted, strict=True)
        ]
        self._lengths: dict[str, Lengths] = {}
        self._means: dict[str, float] = {}
        self._postings: dict[tuple[str, str], tuple[Rows, Frequencies]] = {}
        self._kept = 0
        self._places: tuple[Rows, Rows] | None = None
        self._lock = threading.Lock()

    def postings(self, field: str, term: str) -> tuple[Rows, Frequencies]:
        """Rows of the chunks with `term` in `field`, ascending, int32 [n], and how often it stands
        there, float32 [n]. Both are read-only."""
        known = self._postings.get((field, term))
        if known is None:
            known = self._read_postings(field, term)
            for array in known:
                array.setflags(write=False)
            with self._lock:
                self._keep((field, term), known)
        return known

    def _keep(self, key: tuple[str, str], found: tuple[Rows, Frequencies]) -> None:
        cost = len(found[0]) + _ENTRY
        if self._kept + cost > _KEPT_POSTINGS:
            self._postings.clear()
            self._kept = 0
        self._kept += cost
        self._postings[key] = found

    def _read_postings(self, field: str, term: str) -> tuple[Rows, Frequencies]:
        found = []
        for segment, rows in zip(self.segments, self._rows, strict=True):
            documents, counts = segment.postings(field, term)
            if len(documents):
                of_documents = rows[documents]
                live = of_documents >= 0
                found.append((of_documents[live], counts[live]))
        if not found:
            return _EMPTY_ROWS, np.empty(0, np.float32)
        all_rows = np.concatenate([rows for rows, _ in found])
        order = np.argsort(all_rows, kind="stable")
        return all_rows[order], np.concatenate([counts for _, counts in found])[order]

    def lengths(self, field: str) -> Lengths:
        """Terms in `field` of every chunk, float32 [rows]; Whoosh keeps them quantised."""
        known = self._lengths.get(field)
        if known is None:
            known = np.zeros(self.rows, np.float32)
            for segment, rows in zip(self.segments, self._rows, strict=True):
                live = rows >= 0
                known[rows[live]] = segment.lengths(field)[live]
            known.setflags(write=False)
            self._lengths[field] = known
        return known

    def mean_length(self, field: str) -> float:
        """Mean of `lengths(field)` over all live chunks; 0 where there are none."""
        known = self._means.get(field)
        if known is None:
            lengths = self.lengths(field)
            known = float(lengths.sum(dtype=np.float64) / len(lengths)) if len(lengths) else 0.0
            self._means[field] = known
        return known

    def df(self, term: str) -> int:
        """Live chunks that hold `term` in any field."""
        found = [self.postings(field, term)[0] for field in FIELDS]
        return len(np.unique(np.concatenate(found)))

    def positions(self, field: str, term: str, row: int) -> list[int]:
        """Positions (0-based, in terms) at which `term` stands in `field` of the chunk at `row`."""
        place = self.document(row)
        if place is None:
            return []
        segment, document = place
        wanted = np.array([document], np.int32)
        return self.segments[segment].positions(field, term, wanted).get(document, [])

    def phrase(self, field: str, terms: Sequence[str]) -> Rows:
        """Rows of the chunks that hold `terms` at consecutive positions of `field`, ascending."""
        if not terms:
            return _EMPTY_ROWS
        found: list[int] = []
        for segment, rows in zip(self.segments, self._rows, strict=True):
            documents = _holding_all(segment, field, terms)
            documents = documents[rows[documents] >= 0]
            if len(documents):
                found.extend(rows[_in_sequence(segment, field, terms, documents)])
        return np.array(sorted(found), np.int32)

    def rows_by_segment(self) -> dict[str, Rows]:
        """For each segment, by name, the row of each of its documents, or -1."""
        names = (segment.name for segment in self.segments)
        return dict(zip(names, self._rows, strict=True))

    def number(self, row: int) -> int:
        """The chunk's document number in the whole Whoosh index; -1 where it is not there."""
        place = self.document(row)
        if place is None:
            return -1
        return sum(segment.count for segment in self.segments[: place[0]]) + place[1]

    def document(self, row: int) -> tuple[int, int] | None:
        """Where the chunk at `row` is kept: number of the segment, document within it."""
        with self._lock:
            if self._places is None:
                self._places = self._find_places()
        segments, documents = self._places
        return (int(segments[row]), int(documents[row])) if segments[row] >= 0 else None

    def close(self) -> None:
        """Let go of the segments; their files are closed when no other generation holds them."""
        self.segments = ()
        self._rows = []
        self._postings.clear()

    def _find_places(self) -> tuple[Rows, Rows]:
        segments = np.full(self.rows, -1, np.int32)
        documents = np.zeros(self.rows, np.int32)
        for number, rows in enumerate(self._rows):
            live = np.flatnonzero(rows >= 0)
            segments[rows[live]] = number
            documents[rows[live]] = live
        return segments, documents


def _moved(rows: Rows, deleted: Iterable[int], moved: Rows) -> Rows:
    """`rows` of the generation before as rows of this one."""
    now = np.where(rows >= 0, moved[rows], np.int32(-1)) if len(moved) else np.full_like(rows, -1)
    now[np.fromiter(deleted, np.int64)] = -1
    return now


def _rows(segment: SegmentData, deleted: Iterable[int], row_of: Mapping[str, int]) -> Rows:
    """The row of each document of `segment`; -1 for those that are deleted or unknown."""
    rows = np.array([row_of.get(name, -1) for name in segment.ids], np.int32)
    rows[np.fromiter(deleted, np.int64)] = -1
    return rows


def _holding_all(segment: SegmentData, field: str, terms: Sequence[str]) -> Rows:
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
    """Those of `documents` in which term i stands at position p + i for some p."""
    positions = {term: segment.positions(field, term, documents) for term in dict.fromkeys(terms)}
    return [
        document
        for document in documents.tolist()
        if set.intersection(
            *(
                {at - step for at in positions[term].get(document, ())}
                for step, term in enumerate(terms)
            )
        )
    ]
