"""What the index would be after a change of notes, worked out beside it: nothing is written.

The same plan, the same analysis and the same vectors as an indexed change, so that a ranking over
the supposed generation is the one that the change would bring, to the last bit.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from membrowse.encoding.encoded import Encoded, ToEncode
from membrowse.index.change_plan import NoteChange, Plan, content_key, plan, vectors_for
from membrowse.index.generation import Generation, rearranged
from membrowse.index.index import Index
from membrowse.index.keyword_reader import KeywordReader, Rows
from membrowse.index.keyword_segment import SegmentData
from membrowse.index.keyword_store import in_memory
from membrowse.index.vector_store import as_stored
from membrowse.index.whoosh_codec import Frequencies
from membrowse.notes.chunk_lineage import successors

_numbers = itertools.count(-1, -1)
"""Supposed generations have numbers below zero, each its own."""

Encode = Callable[[Sequence[ToEncode]], list[Encoded]]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A generation that is not, and how to get there from the one that is."""

    generation: Generation
    encoded: tuple[Encoded, ...]
    """What was encoded for it, with token vectors, which the store does not have."""
    successors: dict[str, str]
    """Removed chunk id to the chunk that takes its place."""


def to_encode(index: Index, change: NoteChange) -> list[ToEncode]:
    """What of `change` has no vector yet, each content once; by content key."""
    wanted = {
        content_key(chunk, index.recipe.encoder): ToEncode(
            content_key(chunk, index.recipe.encoder), chunk.header, chunk.text
        )
        for chunk in change.chunks
    }
    missing = wanted.keys() - index.cached(wanted.keys())
    return [wanted[key] for key in sorted(missing)]


def what_if(index: Index, generation: Generation, change: NoteChange, encode: Encode) -> WhatIf:
    """The generation that follows `generation` (the present one of `index`) after `change`."""
    encoded = tuple(encode(to_encode(index, change)))
    planned = plan(generation, [change], index.recipe.encoder)
    came = {one.key: as_stored(one) for one in encoded}
    vectors = vectors_for(generation, planned, came, index.vectors.get)
    following = Generation(
        next(_numbers),
        planned.notes,
        planned.chunks,
        planned.keys,
        planned.row_of,
        _keyword(generation, planned),
        rearranged(generation.vectors, planned.source, vectors),
    )
    before = [generation.chunks[row] for row in generation.rows(change.path)]
    return WhatIf(following, encoded, successors(before, change.chunks))


def _keyword(generation: Generation, planned: Plan) -> KeywordReader:
    """The segments there are, without what is removed, and one with what is added."""
    reader = generation.keyword
    gone = [generation.row_of[chunk.id] for chunk in planned.removed]
    deleted: list[set[int]] = [set() for _ in reader.segments]
    for row in gone:
        place = reader.document(row)
        if place is not None:
            deleted[place[0]].add(place[1])
    added = in_memory(planned.documents) if planned.documents else None
    return _SupposedReader(reader, deleted, gone, added, planned)


class _SupposedReader(KeywordReader):
    """Takes postings from the reader that it follows, which remembers those of many queries."""

    def __init__(
        self,
        before: KeywordReader,
        deleted: list[set[int]],
        gone: list[int],
        added: SegmentData | None,
        planned: Plan,
    ) -> None:
        """`gone` are the rows of `before` whose documents are `deleted`, by its segments."""
        segments = before.segments
        if added is not None:
            segments, deleted = (*segments, added), [*deleted, set()]
        super().__init__(segments, deleted, planned.row_of, (before, planned.moved))
        self._before = before
        self._now = planned.moved.copy()
        self._now[gone] = -1
        self._added = added

    def _read_postings(self, field: str, term: str) -> tuple[Rows, Frequencies]:
        rows, counts = self._before.postings(field, term)
        now = self._now[rows]
        live = now >= 0
        now, counts = now[live], counts[live]
        if self._added is None:
            return now, counts
        documents, of_added = self._added.postings(field, term)
        now = np.concatenate([now, self._rows[-1][documents]])
        order = np.argsort(now, kind="stable")
        return now[order], np.concatenate([counts, of_added])[order]
