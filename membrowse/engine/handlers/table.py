"""The handler of every request: one function from the engine's components to the reply.

`Service` itself answers what needs no index: the handshake, stopping, and the two streams. A
handler runs on a thread; a long one calls `pause` between steps, which waits while a query is being
answered and raises `Cancelled` when the client has disconnected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from membrowse.engine.components import Components
from membrowse.engine.handlers import compare, explain, index, pins, spelling, tokens, tune
from membrowse.engine.handlers.chunk import chunk
from membrowse.engine.handlers.why.diagnose import diagnose
from membrowse.engine.handlers.why.suggest import suggest
from membrowse.engine.priority import Pause
from membrowse.wire.comparison import CompareRequest
from membrowse.wire.diagnosis import DiagnosisRequest, SuggestionsRequest
from membrowse.wire.engine import (
    PurgeRequest,
    RebuildRequest,
    ReindexRequest,
    StatusRequest,
    WatchRequest,
)
from membrowse.wire.explanation import ExplainRequest, SpellingRequest
from membrowse.wire.health import StoreCheckRequest
from membrowse.wire.notes import ChunkRequest, FilesRequest
from membrowse.wire.pins import AddPinRequest, PinsRequest, RemovePinRequest
from membrowse.wire.rank_flow import RankFlowRequest
from membrowse.wire.request import Request
from membrowse.wire.search import PageRequest
from membrowse.wire.tokens import TokensRequest
from membrowse.wire.tuning import (
    ConfigurationsRequest,
    DeleteConfigurationRequest,
    SaveConfigurationRequest,
    TuneRequest,
    UseConfigurationRequest,
)

Handler = Callable[[Components, Any, Pause], object]

QUICK: dict[type[Request[Any]], Handler] = {
    PageRequest: lambda components, request, _pause: components.searcher.page(request),
    ChunkRequest: chunk,
    FilesRequest: index.files,
    StatusRequest: index.status,
    ReindexRequest: index.reindex,
    RebuildRequest: index.rebuild,
    WatchRequest: index.watch,
}
"""Milliseconds each: they share the threads of queries."""

LONG: dict[type[Request[Any]], Handler] = {
    StoreCheckRequest: index.store_check,
    PurgeRequest: index.purge,
    ExplainRequest: explain.explain,
    SpellingRequest: spelling.suggest_spelling,
    RankFlowRequest: explain.follow_ranks,
    CompareRequest: compare.compare,
    DiagnosisRequest: diagnose,
    SuggestionsRequest: suggest,
    TokensRequest: tokens.tokens,
    PinsRequest: pins.pins,
    AddPinRequest: pins.add,
    RemovePinRequest: pins.remove,
    TuneRequest: tune.tune,
    ConfigurationsRequest: tune.configurations,
    SaveConfigurationRequest: tune.save,
    DeleteConfigurationRequest: tune.delete,
    UseConfigurationRequest: tune.use,
}
"""They run beside queries and give way to them."""

HANDLERS = QUICK | LONG
