"""What an engine serves: a folder or collection of notes, or another program's store."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from membrowse import paths
from membrowse.agents.collections import roots_of
from membrowse.engine.foreign_store.record_notes import RECORDS
from membrowse.engine.foreign_store.store_encoder import StoreEncoder, VectorMatch
from membrowse.engine.foreign_store.store_indexer import StoreIndexer
from membrowse.engine.indexing.indexer import Indexer
from membrowse.engine.models import Models
from membrowse.index.analyser import ANALYSER
from membrowse.index.index import Index
from membrowse.index.index_directory import discard
from membrowse.index.journal import Retention
from membrowse.index.manifest import IndexCorrupt, Recipe
from membrowse.index.protocols import SearchIndex
from membrowse.notes.chunker import CHUNKER
from membrowse.ranking.ranker import Nearest
from membrowse.roots import Roots
from membrowse.settings import Settings, StoreKind, StoreSettings
from membrowse.stores.directory import OpenedStore, opened_store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """What is served, with its index and the indexer that keeps it current."""

    roots: Roots
    settings: Settings
    """Those in force for it."""
    models: Models
    index: SearchIndex
    indexer: Indexer | StoreIndexer
    nearest: Nearest
    """Our HNSW index; it has none of a store's own vectors."""
    address: str = ""
    """Of the store; empty for a folder."""

    @property
    def hnsw(self) -> bool:
        """Whether we keep an HNSW index."""
        return not self.address


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
        return _open_store(folder, store, _for_store(settings, store), encoder_loaded, changed)
    models = Models(settings, encoder_loaded)
    models.prepare()
    roots = roots_of(folder, settings)
    index = _open_or_rebuild(paths.index_dir(folder), settings, models)
    indexer = Indexer(roots, settings, index, recipe(models, settings), models, changed)
    return Source(roots, settings, models, index, indexer, index.approximate_nearest)


def open_closed_index(folder: Path, settings: Settings) -> tuple[SearchIndex, Models]:
    """The index of `folder`, which no engine serves, and the models that it is for.

    Raises what `Index` raises.
    """
    directory, store = paths.index_dir(folder), opened_store(folder)
    if store is not None:
        settings = _for_store(settings, store)
    models = Models(settings, lambda: None)
    models.prepare()
    if store is None:
        return open_index(directory, settings, models), models
    return _open_records(directory, settings, _recipe_of_records(models, store)), models


def _open_store(
    folder: Path,
    store: OpenedStore,
    settings: Settings,
    encoder_loaded: Callable[[], None],
    changed: Callable[[], None],
) -> Source:
    match = VectorMatch()
    models = Models(settings, encoder_loaded, partial(StoreEncoder, match=match))
    models.prepare()
    made_by = _recipe_of_records(models, store)
    index = _open_or_rebuild_records(paths.index_dir(folder), settings, made_by)
    indexer = StoreIndexer(store, settings, index, made_by, models, match, changed)
    roots = roots_of(folder, settings)
    return Source(roots, settings, models, index, indexer, no_hnsw, str(store.address))


def no_hnsw(_vector: object, _n: int) -> None:
    """No HNSW index: that of a store is its own program's."""


def _for_store(settings: Settings, store: OpenedStore) -> Settings:
    """`settings` for vectors without passages, made by the encoder that the person named."""
    model = store.encoder or settings.encoder.model
    return msgspec.structs.replace(
        settings,
        encoder=msgspec.structs.replace(settings.encoder, model=model),
        vector=msgspec.structs.replace(settings.vector, passage_weight=0.0),
        store=StoreSettings(),  # its records are indexed on this machine
    )


def _retention(settings: Settings) -> Retention:
    return Retention(
        generations=settings.journal.keep_generations,
        days=settings.journal.keep_days,
        bytes=settings.journal.keep_mb << 20,
    )


def open_index(directory: Path, settings: Settings, models: Models) -> SearchIndex:
    """The index in `directory`, for what `models` prepared. Raises what `Index` raises."""
    dimension = models.files.dimension if models.files else 0
    token_budget = settings.encoder.token_budget_mb << 20
    retention = _retention(settings)
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
            retention=retention,
        )
    return Index(
        directory, made_by, token_budget=token_budget, dimension=dimension, retention=retention
    )


def _open_or_rebuild_records(directory: Path, settings: Settings, made_by: Recipe) -> Index:
    """Like `_open_or_rebuild`, for the records of another program's store."""
    try:
        return _open_records(directory, settings, made_by)
    except IndexCorrupt as error:
        log.warning("%s; rebuilding it", error)
        discard(directory)
        return _open_records(directory, settings, made_by)


def _open_records(directory: Path, settings: Settings, made_by: Recipe) -> Index:
    return Index(
        directory,
        made_by,
        token_budget=settings.encoder.token_budget_mb << 20,
        dimension=0,  # whatever the store's vectors have
        retention=_retention(settings),
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


def _recipe_of_records(models: Models, store: OpenedStore) -> Recipe:
    """The records of a store are its chunks; the encoder makes their token vectors alone."""
    return Recipe(
        chunker=f"records-{RECORDS}-{store.fields}",
        analyser=ANALYSER,
        encoder=f"store, {models.files.identity.key}" if models.files else "",
    )
