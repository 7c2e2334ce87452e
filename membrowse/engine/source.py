"""What an engine serves, opened: a folder or collection of notes, or another program's store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from membrowse.engine.indexing.indexer import Indexer
from membrowse.engine.models import Models
from membrowse.index.journal import Retention
from membrowse.index.protocols import SearchIndex
from membrowse.ranking.ranker import Nearest
from membrowse.roots import Roots
from membrowse.settings import Settings
from membrowse.settings.values import JournalSettings
from membrowse.wire.agents import AgentAnswer

if TYPE_CHECKING:  # a folder's engine does not load what reads stores
    from membrowse.engine.foreign_store.store_indexer import StoreIndexer

OwnSearch = Callable[[str, int], AgentAnswer]
"""A store's own search, for a text and k; a failure is part of the answer."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is served, with its index and the indexer that keeps it current."""

    roots: Roots
    settings: Settings
    """The settings in force for it."""
    models: Models
    index: SearchIndex
    indexer: Indexer | StoreIndexer
    nearest: Nearest
    """Our HNSW index; it has none of a store's own vectors."""
    address: str = ""
    """Address of the store; empty for a folder."""
    own_search: OwnSearch | None = None
    """None for a folder."""


@contextmanager
def closed_on_failure(index: SearchIndex) -> Iterator[None]:
    """Close `index` if the block raises."""
    try:
        yield
    except BaseException:
        index.close()
        raise


def retention(journal: JournalSettings) -> Retention:
    """How long the index keeps the text of earlier generations."""
    return Retention(
        generations=journal.keep_generations,
        days=journal.keep_days,
        bytes=journal.keep_mb << 20,
    )
