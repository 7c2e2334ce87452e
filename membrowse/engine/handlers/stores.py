"""Requests about the stores: the check, and what to remove from them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from membrowse.engine.components import Components
from membrowse.engine.errors import Impossible
from membrowse.engine.health.store_check import check_stores
from membrowse.engine.priority import Pause
from membrowse.index.generation import Generation
from membrowse.index.journal import JournalEntry
from membrowse.wire.engine import Purged, PurgeRequest
from membrowse.wire.health import StoreCheck, StoreCheckRequest


def check(components: Components, _request: StoreCheckRequest, _pause: Pause) -> StoreCheck:
    """The stores compared with each other."""
    return check_stores(components.index, components.models, cut=bool(components.store))


def purge(components: Components, request: PurgeRequest, _pause: Pause) -> Purged:
    """Remove what notes no longer contain from every store."""
    entries = components.index.purge(_purge_condition(request))
    components.ranked_queries.forget_old()
    return Purged(entries=entries, still_in=_still_in(components.index.generation, request))


def _purge_condition(request: PurgeRequest) -> Callable[[JournalEntry], bool]:
    """Which entries of the history to remove. Raises `Impossible`."""
    if sum(map(bool, (request.text, request.note, request.before))) > 1:
        raise Impossible("purge takes a text, a note or a date, not several of them")
    if request.text:
        wanted = _folded(request.text)
        return lambda entry: (
            wanted
            in _folded(
                entry.path,
                *(part for chunk in entry.removed for part in (*chunk.headings, chunk.text)),
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
