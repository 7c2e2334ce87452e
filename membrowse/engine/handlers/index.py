"""Requests about the index itself: its files, its status, and what changes it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from datetime import date

import msgspec

from membrowse import paths
from membrowse.engine.components import Components
from membrowse.engine.errors import Impossible
from membrowse.engine.health.store_check import check_stores
from membrowse.engine.indexing.events import Paused
from membrowse.engine.indexing.file_states import file_records
from membrowse.engine.info import engine_info
from membrowse.engine.priority import Pause
from membrowse.engine.state import open_state
from membrowse.index.generation import Generation
from membrowse.index.journal import JournalEntry
from membrowse.wire.engine import (
    EngineState,
    Purged,
    PurgeRequest,
    RebuildRequest,
    ReindexRequest,
    Status,
    StatusRequest,
    TokenStorage,
    WatchRequest,
)
from membrowse.wire.health import StoreCheck, StoreCheckRequest
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
        sizes=index.sizes(),
        notes_by_state=dict(sorted(states.items())),
        token_vectors=TokenStorage(
            chunks=index.tokens.count,
            bytes=index.tokens.bytes,
            budget_bytes=index.tokens.budget,
        ),
        recipe=dataclasses.asdict(index.recipe),
        settings_digest=components.configuration.settings.digest,
    )


def store_check(components: Components, _request: StoreCheckRequest, _pause: Pause) -> StoreCheck:
    """The stores compared with each other."""
    return check_stores(components.index, components.models)


def purge(components: Components, request: PurgeRequest, _pause: Pause) -> Purged:
    """Remove what notes no longer contain from every store."""
    entries = components.index.purge(_condition(request))
    components.ranked_queries.forget_old()
    return Purged(entries=entries, still_in=_still_in(components.index.generation, request))


def _condition(request: PurgeRequest) -> Callable[[JournalEntry], bool]:
    """Which entries of the history to remove. Raises `Impossible`."""
    if sum(map(bool, (request.text, request.note, request.before))) > 1:
        raise Impossible("purge takes a text, a note or a date, not several of them")
    if request.text:
        wanted = _folded(request.text)
        return lambda entry: (
            wanted
            in _folded(
                entry.path,
                *(
                    part
                    for chunk in (*entry.added, *entry.removed)
                    for part in (*chunk.headings, chunk.text)
                ),
            )
        )
    if request.note:
        return lambda entry: entry.path == request.note
    if request.before:
        try:
            day = date.fromisoformat(request.before).isoformat()
        except ValueError as error:
            raise Impossible(f"{request.before!r} is not a date like 2026-03-02") from error
        return lambda entry: entry.at < day
    return lambda _: True


def _still_in(generation: Generation, request: PurgeRequest) -> tuple[str, ...]:
    """The indexed notes that contain what was to be removed."""
    if request.note:
        return (request.note,) if request.note in generation.notes else ()
    if not request.text:
        return ()
    wanted = _folded(request.text)
    found = (
        chunk.path
        for chunk in generation.chunks
        if wanted in _folded(chunk.path, chunk.title, *chunk.headings, *chunk.tags, chunk.text)
    )
    return tuple(dict.fromkeys(found))


def _folded(*texts: str) -> str:
    """One line each, without differences of case and spacing."""
    return "\n".join(" ".join(text.casefold().split()) for text in texts)


def reindex(components: Components, request: ReindexRequest, _pause: Pause) -> EngineState:
    """Index what differs from the folder, or given notes; returns at once."""
    return _requested(components, frozenset(request.paths), rebuild=False)


def rebuild(components: Components, _request: RebuildRequest, _pause: Pause) -> EngineState:
    """Rebuild the index from scratch; returns at once."""
    return _requested(components, frozenset(), rebuild=True)


def _requested(components: Components, paths: frozenset[str], *, rebuild: bool) -> EngineState:
    number = components.indexer.request(paths, rebuild=rebuild)
    return msgspec.structs.replace(open_state(components), requested=number)


def watch(components: Components, request: WatchRequest, _pause: Pause) -> EngineState:
    """Pause or resume the indexing of changes."""
    components.indexer.tell(Paused(request.paused))
    return open_state(components)
