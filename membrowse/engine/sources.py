"""Opens what an engine serves: a folder or collection of notes, or another program's store."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from membrowse import paths
from membrowse.agents.collections import roots_of
from membrowse.engine.indexing.indexer import Indexer
from membrowse.engine.models import Models
from membrowse.engine.source import Source, closed_on_failure, retention
from membrowse.index.analyser import ANALYSER
from membrowse.index.index import Index
from membrowse.index.index_directory import discard
from membrowse.index.manifest import IndexCorrupt, Recipe
from membrowse.index.protocols import SearchIndex
from membrowse.notes.chunker import CHUNKER
from membrowse.settings import Settings, StoreKind
from membrowse.stores.directory import opened_store

log = logging.getLogger(__name__)


def open_source(
    folder: Path,
    settings: Settings,
    encoder_loaded: Callable[[], None],
    changed: Callable[[], None],
) -> Source:
    """Open the index of `folder`, which may stand for a collection or a store.

    `encoder_loaded` and `changed` (the index) are called from any thread. Raises what `Index`
    raises, and `SettingsError` for a collection that does not exist.
    """
    store = opened_store(folder)
    if store is not None:
        from membrowse.engine.foreign_store.source import open_store

        return open_store(folder, store, settings, encoder_loaded, changed)
    models = Models(folder, settings, encoder_loaded)
    models.prepare()
    roots = roots_of(folder, settings)
    index = _open_or_rebuild(paths.index_dir(folder), settings, models)
    with closed_on_failure(index):
        indexer = Indexer(roots, settings, index, recipe(models, settings), models, changed)
    return Source(roots, settings, models, index, indexer, index.approximate_nearest)


def open_closed_index(folder: Path, settings: Settings) -> tuple[SearchIndex, Models]:
    """The index of `folder`, which no engine serves, and the models that it is for.

    Raises what `Index` raises.
    """
    store = opened_store(folder)
    if store is not None:
        from membrowse.engine.foreign_store.source import open_closed_records

        return open_closed_records(folder, store, settings)
    models = Models(folder, settings, lambda: None)
    models.prepare()
    return open_index(paths.index_dir(folder), settings, models), models


def open_index(directory: Path, settings: Settings, models: Models) -> SearchIndex:
    """The index in `directory`, for what `models` prepared. Raises what `Index` raises."""
    dimension = models.files.dimension if models.files else 0
    token_budget = settings.encoder.token_budget_mb << 20
    made_by = recipe(models, settings)
    if settings.store.kind is StoreKind.MILVUS:
        from membrowse.index.milvus.index import MilvusIndex
        from membrowse.index.milvus.reader import Bm25Constants

        return MilvusIndex(
            directory,
            made_by,
            settings.store,
            Bm25Constants(settings.keyword.k1, settings.keyword.b),
            token_budget=token_budget,
            dimension=dimension,
            retention=retention(settings.journal),
        )
    return Index(
        directory,
        made_by,
        token_budget=token_budget,
        dimension=dimension,
        retention=retention(settings.journal),
    )


def _open_or_rebuild(directory: Path, settings: Settings, models: Models) -> SearchIndex:
    """Like `open_index`; an index whose manifest cannot be read starts over, and is stale.

    Its manifest is damaged, or is of an earlier format.
    """
    try:
        return open_index(directory, settings, models)
    except IndexCorrupt as error:
        log.warning("%s; rebuilding it", error)
        discard(directory)
        index = open_index(directory, settings, models)
        index.stale = "its manifest was damaged, or was written by another version"
        return index


def _analyser(settings: Settings) -> str:
    """The analyser, with the constants of BM25 if chunks are stored with them."""
    if settings.store.kind is StoreKind.EMBEDDED:
        return ANALYSER
    return f"{ANALYSER}-bm25-{settings.keyword.k1:g}-{settings.keyword.b:g}"


def recipe(models: Models, settings: Settings) -> Recipe:
    """Chunker, analyser and encoder of this version, with the settings that shape chunks."""
    files, encodings = models.files, settings.notes.encodings
    chunker = [CHUNKER, str(files.window) if files else "estimated"]
    if encodings:
        chunker.append(hashlib.sha256(msgspec.json.encode(encodings)).hexdigest()[:8])
    return Recipe(
        chunker="-".join(chunker),
        analyser=_analyser(settings),
        encoder=files.identity.key if files else "",
    )
