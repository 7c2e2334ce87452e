"""What an engine consists of once its index is open, and how the parts are wired."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from membrowse import paths
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
from membrowse.engine.source import OwnSearch, closed_on_failure
from membrowse.engine.sources import open_source
from membrowse.index.protocols import SearchIndex
from membrowse.ranking.ranker import Nearest
from membrowse.recall_log.store import FILE as RECALLS
from membrowse.recall_log.store import Bounds, RecallStore
from membrowse.roots import Roots
from membrowse.settings import Settings, saved_configurations
from membrowse.wire.search import RankingState

if TYPE_CHECKING:  # a folder's engine does not load what reads stores
    from membrowse.engine.foreign_store.store_indexer import StoreIndexer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Components:
    """The parts of an engine with an open index; each is safe to use from several threads."""

    roots: Roots
    store: str
    """Address of the store that is served; empty for a folder."""
    own_search: OwnSearch | None
    """The store's; None for a folder."""
    nearest: Nearest
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
    def served(self) -> str:
        """What is served: a `folder`, a `collection` or a `store`."""
        return _served(self.roots, self.store)

    @property
    def busy(self) -> bool:
        """Work is in progress that must not be cut short because no client is there."""
        return self.indexer.state.busy

    @property
    def unread(self) -> bool:
        """It is of a store that could not be read, now or before."""
        state = self.indexer.state
        return state.unread and bool(state.problem)

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


def open_components(
    folder: Path, settings: Settings, traffic: QueryTraffic, changed: Callable[[], None]
) -> Components:
    """Open the index of `folder` and wire the parts; nothing runs until `start`.

    `changed` is called, from any thread, when the state changed. Raises what `open_source` raises.
    """

    def encoder_loaded() -> None:
        indexer.events.put(EncoderLoaded())
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

    source = open_source(folder, settings, encoder_loaded, index_changed)
    settings, index, indexer, models = source.settings, source.index, source.indexer, source.models
    with closed_on_failure(index):
        configuration = ActiveConfiguration(settings)
        tunings = saved_configurations.configurations_file(paths.config_file())
        configurations = ConfigurationStore(configuration, tunings, rerun)
        ranked_queries = RankedQueries(configuration, index, models)
        served = _served(source.roots, source.address)
        targets = Targets(index, lambda: indexer.state, lambda: configurations.cut_set, served)
        settled = partial(_index_settled, indexer, models, index)
        upkeep = StoreUpkeep(index, settled, traffic, changed)
        recalls = _recalls(paths.index_dir(folder), settings)
        place = partial(place_of, folder, settings.pins.file)
        pins = Pins(place, index, ranked_queries, settled, traffic, changed, targets.note_path)
        state, answered = lambda: indexer.state, recalls.answered
        searcher = Searcher(
            source.roots, configuration, index, models, state, targets, answered, source.nearest
        )
        index.listen(rerun)
        return Components(
            roots=source.roots,
            store=source.address,
            own_search=source.own_search,
            nearest=source.nearest,
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


def _served(roots: Roots, store: str) -> str:
    if store:
        return "store"
    return "collection" if roots.is_collection else "folder"


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
