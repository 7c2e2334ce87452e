"""A store's own search, for the ranking of what its agent gets."""

from __future__ import annotations

import time
from collections.abc import Iterator

from membrowse.engine import clock
from membrowse.engine.foreign_store.record_notes import chunk_id
from membrowse.engine.foreign_store.store_indexer import StoreIndexer
from membrowse.engine.models import Models
from membrowse.index.generation import Generation
from membrowse.index.index import Index
from membrowse.ranking.elapsed import elapsed_ms
from membrowse.stores.directory import OpenedStore
from membrowse.stores.messages import Answered, FoundRecord, SearchStore
from membrowse.stores.reader import StoreReader
from membrowse.stores.source import StoreUnreadable
from membrowse.wire.agents import AgentAnswer, AgentHit

LONGEST_TEXT = 4000
"""Characters of a hit's text that are sent."""


class StoreSearch:
    """Asks the store as `indexer` last read it; callable from any thread."""

    def __init__(
        self,
        store: OpenedStore,
        reader: StoreReader,
        index: Index,
        models: Models,
        indexer: StoreIndexer,
    ) -> None:
        self._store = store
        self._reader = reader
        self._index = index
        self._models = models
        self._indexer = indexer

    def __call__(self, text: str, k: int) -> AgentAnswer:
        """What the store returns for `text`; a failure is part of the answer."""
        started, asked_at = time.perf_counter(), clock.now()
        answered, problem = Answered(()), ""
        try:
            answered = self._ask(text, k)
        except StoreUnreadable as error:
            problem = str(error)
        return AgentAnswer(
            agent=str(self._store.address.kind),
            query=text,
            k=k,
            asked_at=asked_at,
            took_ms=elapsed_ms(started),
            command=(),
            hits=tuple(_hits(self._index.generation, answered.found)),
            warning=answered.warning,
            problem=problem,
        )

    def _ask(self, text: str, k: int) -> Answered:
        found, encoder = self._indexer.description, self._models.encoder
        if found is None:
            raise StoreUnreadable(self._indexer.state.problem or "the store has not been read yet")
        query = encoder.query(text) if encoder is not None else None
        usable = query is not None and not query.incomparable
        return self._reader.search(
            SearchStore(
                store=self._store,
                directory=str(self._index.directory),
                copy=found.copy,
                collection=found.collection,
                fields=found.fields,
                root=found.root,
                text=text,
                vector=tuple(query.vector.tolist()) if query is not None and usable else (),
                k=k,
            )
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
