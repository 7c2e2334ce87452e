"""The engine's state as clients get it. Light to import: it is sent before the index is open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from membrowse import paths
from membrowse.settings import Settings
from membrowse.wire.engine import (
    EncoderState,
    EngineState,
    Pending,
    Progress,
    RootState,
    Watcher,
)
from membrowse.wire.search import RankingState

if TYPE_CHECKING:
    from membrowse.engine.components import Components
    from membrowse.index.protocols import SearchIndex


def unopened_state(
    folder: Path, settings: Settings, *, problem: str = "", stopping: bool = False
) -> EngineState:
    """The state before the index is open; `problem` says why it cannot be opened."""
    encoder_state = RankingState.OFF if problem else RankingState.LOADING
    return EngineState(
        folder=str(folder),
        generation=0,
        notes=0,
        chunks=0,
        encoded=0,
        not_indexed=0,
        pending=Pending(),
        watcher=Watcher(kind="none"),
        encoder=EncoderState(state=encoder_state, name=settings.encoder.model),
        progress=None if problem else Progress(phase="opening"),
        problem=problem,
        settings_digest=settings.digest,
        agent_k=settings.agent.k,
        agent_min_score=settings.agent.min_score,
        reading=not problem,
        stopping=stopping,
    )


def open_state(components: Components, *, stopping: bool = False) -> EngineState:
    """The state of an engine whose index is open."""
    indexing, generation = components.indexer.state, components.index.generation
    settings = components.configuration.settings
    configurations = components.configurations
    return EngineState(
        folder=str(components.folder),
        store=components.store,
        kept_in=components.index.store or f"files in {paths.index_dir(components.folder)}",
        records=indexing.records,
        vectorless=indexing.vectorless,
        generation=generation.number,
        notes=len(generation.notes),
        chunks=len(generation.chunks),
        encoded=int(generation.encoded.sum()),
        not_indexed=indexing.not_indexed,
        pending=indexing.pending,
        watcher=components.indexer.watcher(),
        encoder=_encoder_state(components, indexing.precision),
        progress=indexing.progress or _storing(components.index),
        last_change=indexing.last_change,
        changed=indexing.changed,
        deleted=indexing.deleted,
        stale=indexing.stale,
        problem=indexing.problem or components.index.problem or configurations.problem,
        roots=tuple(_root_states(components)),
        self_check=components.upkeep.self_check,
        pins=components.pins.state,
        settings_digest=settings.digest,
        configuration=configurations.name,
        agent_k=settings.agent.k,
        agent_min_score=settings.agent.min_score,
        agent_set=configurations.cut_set,
        requested=components.indexer.events.requested,
        started=indexing.started,
        reading=indexing.reading,
        stopping=stopping,
    )


def _storing(index: SearchIndex) -> Progress | None:
    total, left = len(index.generation.chunks), index.unstored
    done = max(0, total - left)
    return Progress(phase="storing", chunks_done=done, chunks_total=total) if left else None


def _root_states(components: Components) -> Iterator[RootState]:
    problems = components.indexer.state.roots
    for root in components.roots if components.roots.is_collection else ():
        problem = problems.get(root.name, "")
        yield RootState(name=root.name, path=str(root.path), problem=problem)


def _encoder_state(components: Components, precision: str) -> EncoderState:
    models = components.models
    return EncoderState(
        state=models.state, name=models.name, precision=precision, message=models.message
    )
