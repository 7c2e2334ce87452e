"""The index as a change of notes would leave it, computed without writing anything.

Plan, analysis and vectors are those of a real change, so a ranking over the hypothetical generation
equals the one after the change, to the last bit.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from membrowse.encoding.encoder import EncodedText, EncoderInput
from membrowse.index.change_plan import ChangePlan, NoteChange, new_vectors, plan_changes
from membrowse.index.chunk_table import ChunkRows
from membrowse.index.generation import EmbeddedGeneration, Generation
from membrowse.index.keyword_reader import KeywordReader, Rows, embedded_reader
from membrowse.index.keyword_segment import SegmentData
from membrowse.index.keyword_store import memory_segment
from membrowse.index.protocols import SearchIndex
from membrowse.index.vector_table import rearrange, vectors_by_key
from membrowse.index.whoosh_codec import Frequencies

_numbers = itertools.count(-1, -1)
"""Hypothetical generations have unique numbers below zero."""

Encode = Callable[[Sequence[EncoderInput]], list[EncodedText]]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A hypothetical generation, and how it follows from the current one."""

    generation: EmbeddedGeneration
    encoded: tuple[EncodedText, ...]
    """Texts encoded for it, with token vectors that the store does not have."""
    successors: dict[str, str]
    """Removed chunk id to the id of its successor."""


def what_if(
    index: SearchIndex, generation: Generation, change: NoteChange, encode: Encode
) -> WhatIf:
    """Compute the generation that follows `generation` (the current one of `index`)."""
    encoded = tuple(encode(index.missing_inputs([change])))
    plan = plan_changes(generation, [change], index.recipe.encoder)
    vectors = new_vectors(generation, plan, vectors_by_key(encoded), index.vectors.get)
    following = EmbeddedGeneration(
        next(_numbers),
        plan.notes,
        plan.chunks,
        _keyword_reader(generation, plan),
        rearrange(generation.vectors, plan.source, vectors),
    )
    return WhatIf(following, encoded, plan.successors)


def _keyword_reader(generation: Generation, plan: ChangePlan) -> KeywordReader:
    """Return a reader of the existing segments without `plan.removed`, plus `plan.added`."""
    reader = embedded_reader(generation.keyword)
    removed = [generation.row_of[chunk.id] for chunk in plan.removed]
    deleted: list[set[int]] = [set() for _ in reader.segments]
    for row in removed:
        location = reader.location(row)
        if location is not None:
            deleted[location[0]].add(location[1])
    added = memory_segment(plan.documents) if plan.documents else None
    return _HypotheticalReader(reader, deleted, removed, added, plan)


class _HypotheticalReader(KeywordReader):
    """Derives postings from the reader before the change, which caches those of many queries."""

    def __init__(
        self,
        before: KeywordReader,
        deleted: list[set[int]],
        removed: list[int],
        added: SegmentData | None,
        plan: ChangePlan,
    ) -> None:
        """`removed` are the rows of `before` whose documents are `deleted`, by segment."""
        segments = before.segments
        if added is not None:
            segments, deleted = (*segments, added), [*deleted, set()]
        super().__init__(segments, deleted, ChunkRows(plan.chunks), (before, plan.moved))
        self._before = before
        self._new_rows = plan.moved.copy()
        self._new_rows[removed] = -1
        self._added = added

    def _read_postings(self, field: str, term: str) -> tuple[Rows, Frequencies]:
        old_rows, counts = self._before.postings(field, term)
        rows = self._new_rows[old_rows]
        live = rows >= 0
        rows, counts = rows[live], counts[live]
        if self._added is None:
            return rows, counts
        documents, added_counts = self._added.postings(field, term)
        rows = np.concatenate([rows, self._rows[-1][documents]])
        order = np.argsort(rows, kind="stable")
        return rows[order], np.concatenate([counts, added_counts])[order]
