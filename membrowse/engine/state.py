"""The engine's state as clients get it. Light to import: it is sent before the index is open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from membrowse.settings import Settings
from membrowse.wire.engine import EncoderState, EngineState, Pending, Progress, Watcher
from membrowse.wire.search import RankingState

if TYPE_CHECKING:
    from membrowse.engine.components import Components
    from membrowse.notes.scanner import ScannedFile


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
    excluded = sum(map(_could_be_a_note, indexing.comparison.found.values()))
    return EngineState(
        folder=str(components.folder),
        store=components.store,
        vectorless=indexing.vectorless,
        generation=generation.number,
        notes=len(generation.notes),
        chunks=len(generation.chunks),
        encoded=int(generation.encoded.sum()),
        not_indexed=excluded + len(indexing.unindexed),
        pending=indexing.pending,
        watcher=components.indexer.watcher(),
        encoder=_encoder_state(components, indexing.precision),
        progress=indexing.progress,
        last_change=indexing.last_change,
        changed=indexing.changed,
        deleted=indexing.deleted,
        stale=indexing.stale,
        problem=indexing.problem or configurations.problem,
        self_check=components.upkeep.self_check,
        pins=components.pins.state,
        settings_digest=settings.digest,
        configuration=configurations.name,
        agent_k=settings.agent.k,
        agent_min_score=settings.agent.min_score,
        agent_set=configurations.cut_set,
        requested=components.indexer.requested,
        started=indexing.started,
        reading=indexing.reading,
        stopping=stopping,
    )


def _could_be_a_note(file: ScannedFile) -> bool:
    """Whether a file is missing from the index: data in JSON lines (transcripts, pins) is not."""
    return file.excluded is not None and not file.path.endswith(".jsonl")


def _encoder_state(components: Components, precision: str) -> EncoderState:
    models = components.models
    return EncoderState(
        state=models.state, name=models.name, precision=precision, message=models.message
    )
