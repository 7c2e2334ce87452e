"""Asks a store's own search, for the ranking of what its agent gets."""

from __future__ import annotations

import time
from collections.abc import Iterator

from membrowse.engine import clock
from membrowse.engine.components import Components
from membrowse.engine.errors import Impossible
from membrowse.engine.foreign_store.record_notes import chunk_id
from membrowse.engine.foreign_store.store_indexer import StoreIndexer
from membrowse.engine.priority import Pause
from membrowse.index.generation import Generation
from membrowse.ranking.elapsed import elapsed_ms
from membrowse.stores.messages import Answered, FoundRecord
from membrowse.stores.source import StoreUnreadable
from membrowse.wire.agents import AgentAnswer, AgentHit, OwnSearchRequest

LONGEST_TEXT = 4000
"""Characters of a hit's text that are sent."""


def own_search(components: Components, request: OwnSearchRequest, pause: Pause) -> AgentAnswer:
    """What the store's own search returns; a failure is part of the answer.

    Raises `Impossible` for a folder, which has none.
    """
    indexer = components.indexer
    if not isinstance(indexer, StoreIndexer):
        raise Impossible("a folder has no search of its own: attach its agent")
    started, asked_at = time.perf_counter(), clock.now()
    answered, problem = Answered(()), ""
    k = request.k or components.configuration.settings.agent.k
    try:
        answered = indexer.search(request.text, k)
    except StoreUnreadable as error:
        problem = str(error)
    pause()
    return AgentAnswer(
        agent=indexer.kind,
        query=request.text,
        k=k,
        asked_at=asked_at,
        took_ms=elapsed_ms(started),
        command=(),
        hits=tuple(_hits(components.index.generation, answered.found)),
        warning=answered.warning,
        problem=problem,
    )


def _hits(generation: Generation, found: tuple[FoundRecord, ...]) -> Iterator[AgentHit]:
    for rank, each in enumerate(found, start=1):
        chunk = chunk_id(each.record)
        row = generation.row_of.get(chunk, -1)
        place = generation.chunks[row] if row >= 0 else None
        yield AgentHit(
            rank=rank,
            path=each.record.path,
            inside=True,
            start_line=place.start_line if place else each.record.line,
            end_line=place.end_line if place else None,
            score=each.score,
            text=each.record.document[:LONGEST_TEXT],
            chunk=chunk if place else "",
        )
