"""Figures that are shown on demand only: of the index, the engine and the open search."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from membrowse.client.titles import title
from membrowse.presentation import figures
from membrowse.presentation.progress import pending_parts
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.open_query import OpenQuery
from membrowse.wire.engine import EngineState


def details_text(view: EngineView, query: OpenQuery, now: datetime) -> str:
    """All of them as text."""
    rows: list[tuple[str, str]] = []
    if view.state is not None:
        rows += _index_details(view.state, now)
    if query.text:
        rows += [("", ""), *_search_details(query)]
    return "\n".join(f"{name:<16}{value}".rstrip() for name, value in rows)


def _index_details(state: EngineState, now: datetime) -> Iterator[tuple[str, str]]:
    if state.store:
        yield "store", state.store
    if state.records:
        yield "records", "; ".join(state.records)
    kind, _, name = title(Path(state.folder)).partition(" ")
    yield (kind, name) if state.roots and name else ("folder", state.folder)
    for root in state.roots:
        reached = f"{root.name}: {root.path}"
        yield "root", f"{reached} ({root.problem})" if root.problem else reached
    if state.kept_in:
        yield "index kept in", state.kept_in
    yield "generation", figures.number(state.generation)
    yield "notes", figures.number(state.notes)
    yield "chunks", f"{figures.number(state.chunks)}, {figures.number(state.encoded)} encoded"
    yield "not indexed", figures.number(state.not_indexed)
    yield (
        "pending",
        ", ".join(part.text for part in pending_parts(state.pending) if part.text.strip()),
    )
    encoder = state.encoder
    yield "encoder", ", ".join(filter(None, (encoder.name, encoder.state, encoder.precision)))
    watcher = state.watcher
    yield "watcher", ", ".join(filter(None, (watcher.kind, watcher.message)))
    if watcher.last_check:
        yield "last check", figures.local_time(watcher.last_check, now)
    yield "configuration", state.configuration or "no saved one in force"
    yield "settings digest", state.settings_digest


def _search_details(query: OpenQuery) -> Iterator[tuple[str, str]]:
    yield "query", query.text
    yield "read as", query.syntax
    for name in query.rankings:
        view = query.views.get(name)
        if view is not None and view.state is not None:
            count = figures.counted(view.total, "chunk")
            yield name, f"{view.state.value}, {count}, {figures.milliseconds(view.took_ms)}"
