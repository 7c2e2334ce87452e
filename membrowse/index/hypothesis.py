"""What the index would be after a change of notes, worked out beside it: nothing is written.

The same plan, the same analysis and the same vectors as an indexed change, so that a ranking over
the supposed generation is the one that the change would bring, to the last bit.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from membrowse.encoding.values import Encoded, ToEncode
from membrowse.index.changes import NoteChange, Plan, content_key, plan, vectors_for
from membrowse.index.generation import Generation, rearranged
from membrowse.index.index import Index
from membrowse.index.keyword import KeywordReader
from membrowse.index.keyword_store import in_memory
from membrowse.index.vectors import as_stored
from membrowse.knowledge.succession import successors

_numbers = itertools.count(-1, -1)
"""Supposed generations have numbers below zero, each its own."""

Encode = Callable[[Sequence[ToEncode]], list[Encoded]]


@dataclass(frozen=True, slots=True)
class Supposition:
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


def suppose(
    index: Index, generation: Generation, change: NoteChange, encode: Encode
) -> Supposition:
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
    return Supposition(following, encoded, successors(before, change.chunks))


def _keyword(generation: Generation, planned: Plan) -> KeywordReader:
    """The segments there are, without what is removed, and one with what is added."""
    reader = generation.keyword
    deleted: list[set[int]] = [set() for _ in reader.segments]
    for chunk in planned.removed:
        place = reader.document(generation.row_of[chunk.id])
        if place is not None:
            deleted[place[0]].add(place[1])
    segments = reader.segments
    if planned.documents:
        segments = (*segments, in_memory(planned.documents))
        deleted.append(set())
    return KeywordReader(segments, deleted, planned.row_of, (reader, planned.moved))
