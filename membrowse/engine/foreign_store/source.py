"""Opens another program's store as what an engine serves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from membrowse import paths
from membrowse.agents.collections import roots_of
from membrowse.encoding.model_files import BUNDLED
from membrowse.engine.foreign_store.own_search import StoreSearch
from membrowse.engine.foreign_store.record_notes import RECORDS
from membrowse.engine.foreign_store.store_encoder import StoreEncoder, VectorMatch, bundled
from membrowse.engine.foreign_store.store_indexer import Reading, StoreIndexer, last_reading
from membrowse.engine.models import Models
from membrowse.engine.source import Source, closed_on_failure, retention
from membrowse.index.analyser import ANALYSER
from membrowse.index.index import Index
from membrowse.index.index_directory import discard
from membrowse.index.manifest import IndexCorrupt, Recipe
from membrowse.settings import Settings, StoreSettings
from membrowse.stores.directory import OpenedStore
from membrowse.stores.reader import StoreReader

log = logging.getLogger(__name__)


def open_store(
    folder: Path,
    store: OpenedStore,
    settings: Settings,
    encoder_loaded: Callable[[], None],
    changed: Callable[[], None],
) -> Source:
    """See `sources.open_source`; `folder` is the store's own directory."""
    directory, configured = paths.index_dir(folder), settings.encoder.model
    settings = _for_store(settings, store, directory)
    match, reader = VectorMatch(), StoreReader()
    models = Models(folder, settings, encoder_loaded, partial(StoreEncoder, match=match))
    models.prepare()
    recipe = _recipe(models, store)
    roots = roots_of(folder, settings)
    index = _open_or_rebuild(directory, settings, recipe)
    with closed_on_failure(index):
        indexer = StoreIndexer(
            store, roots, reader, settings, index, recipe, models, match, changed, configured
        )
    return Source(
        roots=roots,
        settings=settings,
        models=models,
        index=index,
        indexer=indexer,
        nearest=_no_hnsw,
        address=str(store.address),
        own_search=StoreSearch(store, reader, index, models, indexer),
    )


def open_closed_records(
    folder: Path, store: OpenedStore, settings: Settings
) -> tuple[Index, Models]:
    """See `sources.open_closed_index`; `folder` is the store's own directory."""
    directory = paths.index_dir(folder)
    settings = _for_store(settings, store, directory)
    models = Models(folder, settings, lambda: None)
    models.prepare()
    return _open(directory, settings, _recipe(models, store)), models


def _no_hnsw(_vector: object, _n: int) -> None:
    """No HNSW index: that of a store is its own program's."""


def _for_store(settings: Settings, store: OpenedStore, directory: Path) -> Settings:
    """`settings` for vectors without passages."""
    configured = settings.encoder.model
    model = store.encoder or _named(last_reading(directory), configured) or configured
    return msgspec.structs.replace(
        settings,
        encoder=msgspec.structs.replace(settings.encoder, model=model),
        vector=msgspec.structs.replace(settings.vector, passage_weight=0.0),
        store=StoreSettings(),  # its records are indexed on this machine
    )


def _named(reading: Reading, configured: str) -> str:
    """The bundled encoder, if the store names it and the `configured` one did not make its vectors;
    else empty: no path that a store names is loaded."""
    if reading.description is None or not bundled(reading.description.model):
        return ""
    if reading.configured != configured:  # it has not been compared
        return ""
    return BUNDLED if reading.incomparable or reading.model == BUNDLED else ""


def _recipe(models: Models, store: OpenedStore) -> Recipe:
    """The records of a store are its chunks; the encoder makes their token vectors alone."""
    return Recipe(
        chunker=f"records-{RECORDS}-{store.fields}",
        analyser=ANALYSER,
        encoder=f"store, {models.files.identity.key}" if models.files else "",
    )


def _open_or_rebuild(directory: Path, settings: Settings, recipe: Recipe) -> Index:
    """Like `_open`; an index whose manifest cannot be read starts over."""
    try:
        return _open(directory, settings, recipe)
    except IndexCorrupt as error:
        log.warning("%s; rebuilding it", error)
        discard(directory)
        return _open(directory, settings, recipe)


def _open(directory: Path, settings: Settings, recipe: Recipe) -> Index:
    read = last_reading(directory).description
    return Index(
        directory,
        recipe,
        token_budget=settings.encoder.token_budget_mb << 20,
        dimension=read.dimension if read else 0,  # whatever the store's vectors have
        retention=retention(settings.journal),
        hnsw=False,
    )
