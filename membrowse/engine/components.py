"""What an engine consists of once its index is open, and how the parts are wired."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from membrowse import paths
from membrowse.agents.collections import roots_of
from membrowse.engine.foreign_store.record_notes import RECORDS
from membrowse.engine.foreign_store.store_encoder import StoreEncoder, VectorMatch
from membrowse.engine.foreign_store.store_indexer import StoreIndexer
from membrowse.engine.indexing.events import EncoderLoaded
from membrowse.engine.indexing.indexer import Indexer
from membrowse.engine.indexing.store_upkeep import StoreUpkeep
from membrowse.engine.models import Models
from membrowse.engine.pins.pin_file import place_of
from membrowse.engine.pins.pins import Pins
from membrowse.engine.priority import QueryTraffic
from membrowse.engine.querying.configuration import ActiveConfiguration, ConfigurationStore
from membrowse.engine.querying.ranked_queries import RankedQueries
from membrowse.engine.querying.searcher import Searcher
from membrowse.engine.querying.targets import Targets
from membrowse.engine.recalls.flags import RankedFlags
from membrowse.engine.recalls.recorder import RecallRecorder
from membrowse.index.analyser import ANALYSER
from membrowse.index.index import Index
from membrowse.index.index_directory import discard
from membrowse.index.journal import Retention
from membrowse.index.manifest import IndexCorrupt, Recipe
from membrowse.index.protocols import SearchIndex
from membrowse.notes.chunker import CHUNKER
from membrowse.ranking.ranker import Nearest
from membrowse.recall_log.store import FILE as RECALLS
from membrowse.recall_log.store import Bounds, RecallStore
from membrowse.roots import Roots
from membrowse.settings import Settings, StoreKind, saved_configurations
from membrowse.stores.directory import OpenedStore, opened_store
from membrowse.wire.search import RankingState

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Components:
    """The parts of an engine with an open index; each is safe to use from several threads."""

    roots: Roots
    store: str
    """Address of the store that is served; empty for a folder."""
    index: SearchIndex
    models: Models
    indexer: Indexer | StoreIndexer
    configuration: ActiveConfiguration
    configurations: ConfigurationStore
    ranked_queries: RankedQueries
    targets: Targets
    searcher: Searcher
    pins: Pins
    recalls: RecallRecorder
    upkeep: StoreUpkeep
    ranked_flags: RankedFlags = field(default_factory=RankedFlags)

    @property
    def folder(self) -> Path:
        """The folder, or the directory that stands for the collection or the store."""
        return self.roots.folder

    @property
    def nearest(self) -> Nearest:
        """Our HNSW index, which a store's own vectors have none of."""
        return no_hnsw if self.store else self.index.approximate_nearest

    @property
    def busy(self) -> bool:
        """Work is in progress that must not be cut short because no client is there."""
        return self.indexer.state.busy

    def sizes(self) -> dict[str, int]:
        """Bytes on disk of each store."""
        return {**self.index.sizes(), "recalls": self.recalls.store.size()}

    def start(self) -> None:
        """Start the threads; returns at once."""
        self.models.start()
        self.indexer.start()
        self.pins.start()
        self.recalls.start()
        self.upkeep.start()

    def close(self) -> None:
        """Finish what is being written, stop the threads and close the stores."""
        self.upkeep.stop()
        self.indexer.close()
        self.pins.close()
        self.recalls.close()
        self.models.close()
        self.searcher.close()
        self.index.close()


def no_hnsw(_vector: object, _n: int) -> None:
    """No HNSW index: that of a store is its own program's."""


def open_components(
    folder: Path, settings: Settings, traffic: QueryTraffic, changed: Callable[[], None]
) -> Components:
    """Open the index of `folder` and wire the parts; nothing runs until `start`.

    `changed` is called, from any thread, when the state changed. Raises what `Index` raises, and
    `SettingsError` for a collection that does not exist.
    """

    def encoder_loaded() -> None:
        indexer.tell(EncoderLoaded())
        changed()

    def index_changed() -> None:
        if not indexer.state.busy:
            upkeep.begin()
        configurations.refresh()
        rerun()

    def rerun() -> None:
        """Whatever was computed may be out of date."""
        ranked_queries.forget_old()
        pins.wake()
        changed()

    store, roots = opened_store(folder), roots_of(folder, settings)
    if store is not None:
        settings = settings_for_store(settings, store)
    models, index, indexer = _opened(store, roots, settings, encoder_loaded, index_changed)
    configuration = ActiveConfiguration(settings)
    tunings = saved_configurations.configurations_file(paths.config_file())
    configurations = ConfigurationStore(configuration, tunings, lambda: rerun())
    ranked_queries = RankedQueries(configuration, index, models)
    targets = Targets(index, lambda: indexer.state, lambda: configurations.cut_set)
    settled = partial(_index_settled, indexer, models, index)
    upkeep = StoreUpkeep(index, settled, changed, hnsw=store is None)
    recalls = _recalls(paths.index_dir(folder), settings)
    place = partial(place_of, folder, settings.pins.file)
    pins = Pins(place, index, ranked_queries, settled, traffic, changed, targets.note_path)
    nearest = index.approximate_nearest if store is None else no_hnsw
    state, answered = lambda: indexer.state, recalls.answered
    searcher = Searcher(roots, configuration, index, models, state, targets, answered, nearest)
    return Components(
        roots=roots,
        store=str(store.address) if store is not None else "",
        index=index,
        models=models,
        indexer=indexer,
        configuration=configuration,
        configurations=configurations,
        ranked_queries=ranked_queries,
        targets=targets,
        searcher=searcher,
        pins=pins,
        recalls=recalls,
        upkeep=upkeep,
    )


def _opened(
    store: OpenedStore | None,
    roots: Roots,
    settings: Settings,
    loaded: Callable[[], None],
    changed: Callable[[], None],
) -> tuple[Models, SearchIndex, Indexer | StoreIndexer]:
    """Models, index and indexer of a folder, a collection or a store."""
    directory = paths.index_dir(roots.folder)
    if store is None:
        models = Models(settings, loaded)
        models.prepare()
        index = _open_or_rebuild(directory, settings, models)
        made_by = recipe(models, settings)
        return models, index, Indexer(roots, settings, index, made_by, models, changed)
    match = VectorMatch()
    models = Models(settings, loaded, partial(StoreEncoder, match=match))
    models.prepare()
    made_by = recipe(models, settings, store)
    records = _open_or_rebuild_records(directory, settings, made_by)
    indexer = StoreIndexer(store, settings, records, made_by, models, match, changed)
    return models, records, indexer


def settings_for_store(settings: Settings, store: OpenedStore) -> Settings:
    """`settings` for vectors without passages, made by the encoder that the person named."""
    model = store.encoder or settings.encoder.model
    return msgspec.structs.replace(
        settings,
        encoder=msgspec.structs.replace(settings.encoder, model=model),
        vector=msgspec.structs.replace(settings.vector, passage_weight=0.0),
    )


def _recalls(directory: Path, settings: Settings) -> RecallRecorder:
    """The recall log beside the index in `directory`."""
    keep = settings.log
    store = RecallStore(directory / RECALLS, Bounds(keep.keep_recalls, keep.keep_days))
    return RecallRecorder(store, record=keep.record)


def _index_settled(indexer: Indexer | StoreIndexer, models: Models, index: SearchIndex) -> bool:
    """Whether the index matches the folder, and all of it is encoded."""
    state = indexer.state
    pending = state.pending.new + state.pending.changed + state.pending.deleted
    return (
        not state.busy
        and not index.problem
        and (state.paused or not pending)
        and models.state is RankingState.READY
        and int((~index.generation.encoded).sum()) <= state.vectorless
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
        return open_records(directory, settings, made_by)
    except IndexCorrupt as error:
        log.warning("%s; rebuilding it", error)
        discard(directory)
        return open_records(directory, settings, made_by)


def open_records(directory: Path, settings: Settings, made_by: Recipe) -> Index:
    """The index of a store's records in `directory`. Raises what `Index` raises."""
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


def recipe(models: Models, settings: Settings, store: OpenedStore | None = None) -> Recipe:
    """Chunker, analyser and encoder of this version, with the settings that shape chunks.

    The records of a `store` are its chunks; the encoder makes their token vectors alone.
    """
    files, encodings = models.files, settings.notes.encodings
    if store is not None:
        return Recipe(
            chunker=f"records-{RECORDS}-{store.fields}",
            analyser=ANALYSER,
            encoder=f"store, {files.identity.key}" if files else "",
        )
    chunker = [CHUNKER, str(files.window) if files else "estimated"]
    if encodings:
        chunker.append(hashlib.sha256(msgspec.json.encode(encodings)).hexdigest()[:8])
    return Recipe(
        chunker="-".join(chunker),
        analyser=_analyser(settings),
        encoder=files.identity.key if files else "",
    )
