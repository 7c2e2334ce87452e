"""Requests about the index itself: its files, its status, and what changes it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable

import msgspec

from membrowse import paths
from membrowse.engine.components import Components
from membrowse.engine.indexing.events import Paused
from membrowse.engine.indexing.file_states import file_records
from membrowse.engine.info import engine_info
from membrowse.engine.priority import Pause
from membrowse.engine.state import open_state
from membrowse.roots import Roots
from membrowse.wire.engine import (
    EngineState,
    RebuildRequest,
    ReindexRequest,
    Status,
    StatusRequest,
    TokenStorage,
    WatchRequest,
)
from membrowse.wire.notes import FileRecord, FilesRequest


def files(components: Components, _request: FilesRequest, _pause: Pause) -> list[FileRecord]:
    """Every file of the folder, by path."""
    return file_records(components.indexer.state, components.index.generation.notes)


def status(components: Components, _request: StatusRequest, _pause: Pause) -> Status:
    """The engine, its index and its state."""
    index = components.index
    notes = index.generation.notes
    states = Counter(each.state.value for each in file_records(components.indexer.state, notes))
    return Status(
        state=open_state(components),
        engine=engine_info(components.folder),
        index_dir=str(paths.index_dir(components.folder)),
        sizes=components.sizes(),
        store=index.store,
        notes_by_state=dict(sorted(states.items())),
        notes_by_root=_notes_by_root(components.roots, notes),
        token_vectors=TokenStorage(
            chunks=index.tokens.count,
            bytes=index.tokens.bytes,
            budget_bytes=index.tokens.budget,
        ),
        recipe=dataclasses.asdict(index.recipe),
        settings_digest=components.configuration.settings.digest,
    )


def _notes_by_root(roots: Roots, notes: Iterable[str]) -> dict[str, int]:
    if not roots.is_collection:
        return {}
    counted = Counter(path.partition("/")[0] for path in notes)
    return {root.name: counted[root.name] for root in roots}


def reindex(components: Components, request: ReindexRequest, _pause: Pause) -> EngineState:
    """Index what differs from the folder, or given notes; returns at once."""
    return _requested(components, frozenset(request.paths), rebuild=False)


def rebuild(components: Components, _request: RebuildRequest, _pause: Pause) -> EngineState:
    """Rebuild the index from scratch; returns at once."""
    return _requested(components, frozenset(), rebuild=True)


def _requested(components: Components, paths: frozenset[str], *, rebuild: bool) -> EngineState:
    number = components.indexer.events.request(paths, rebuild=rebuild)
    return msgspec.structs.replace(open_state(components), requested=number)


def watch(components: Components, request: WatchRequest, _pause: Pause) -> EngineState:
    """Pause or resume the indexing of changes."""
    components.indexer.events.put(Paused(request.paused))
    return open_state(components)
