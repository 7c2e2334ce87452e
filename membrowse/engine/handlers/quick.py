"""The handlers of quick requests: milliseconds each, on the threads of queries.

A handler is a function from the engine's components to the reply. `Service` itself answers what
needs no index: the handshake, stopping, and the streams.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from membrowse.engine.components import Components
from membrowse.engine.handlers import index
from membrowse.engine.handlers.chunk import chunk
from membrowse.engine.handlers.note import note
from membrowse.engine.priority import Pause
from membrowse.wire.engine import RebuildRequest, ReindexRequest, StatusRequest, WatchRequest
from membrowse.wire.notes import ChunkRequest, FilesRequest, NoteRequest
from membrowse.wire.request import Request
from membrowse.wire.search import PageRequest

Handler = Callable[[Components, Any, Pause], object]

HANDLERS: dict[type[Request[Any]], Handler] = {
    PageRequest: lambda components, request, _pause: components.searcher.page(request),
    ChunkRequest: chunk,
    NoteRequest: note,
    FilesRequest: index.files,
    StatusRequest: index.status,
    ReindexRequest: index.reindex,
    RebuildRequest: index.rebuild,
    WatchRequest: index.watch,
}
