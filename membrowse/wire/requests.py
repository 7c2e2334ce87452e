"""The table of requests: what a client can ask, where, and with which right.

Every request is an HTTP `POST` of its record as JSON to its path, over a Unix socket. The reply is
one JSON record; a stream is one JSON record per line. An error is a `Problem` with an HTTP status:

| status | meaning                                                          |
|--------|------------------------------------------------------------------|
| 400    | bad request, or a filter or settings that cannot be used         |
| 403    | the caller lacks the right                                       |
| 404    | no such chunk, pin or note, or a response no longer remembered   |
| 408    | the request took too long to arrive                              |
| 409    | what is asked for cannot be done                                 |
| 413    | the request is larger than 1 MB                                  |
| 499    | cancelled: the client disconnected                               |
| 500    | internal error; the engine's log has the details                 |
| 503    | the index is not open, or its store does not answer              |
| 507    | the disk is full                                                 |

Client, server and the tests' stand-in read this table. To add a request: define its record, add a
line here, and write its handler in `engine/handlers`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from membrowse.wire.agents import AgentAnswer, OwnSearchRequest
from membrowse.wire.backup import BackupPart, BackupRequest
from membrowse.wire.comparison import CompareRequest, Comparison
from membrowse.wire.crowding import Crowding, CrowdingRequest
from membrowse.wire.diagnosis import (
    Diagnosis,
    DiagnosisRequest,
    Suggestions,
    SuggestionsRequest,
)
from membrowse.wire.engine import (
    EngineState,
    Hello,
    HelloRequest,
    Metrics,
    MetricsRequest,
    Purged,
    PurgeRequest,
    RebuildRequest,
    ReindexRequest,
    Right,
    StatesRequest,
    Status,
    StatusRequest,
    StopRequest,
    WatchRequest,
)
from membrowse.wire.explanation import (
    ExplainRequest,
    Explanation,
    SpellingRequest,
    SpellingSuggestion,
)
from membrowse.wire.filters import (
    DateReading,
    DateReadingRequest,
    FilterValues,
    FilterValuesRequest,
)
from membrowse.wire.health import EngineHealth, HealthRequest, StoreCheck, StoreCheckRequest
from membrowse.wire.notes import (
    ChunkRequest,
    ChunkView,
    FileRecord,
    FilesRequest,
    NoteLines,
    NoteRequest,
)
from membrowse.wire.pins import AddPinRequest, PinRun, PinsRequest, RemovePinRequest
from membrowse.wire.rank_flow import RankFlow, RankFlowRequest
from membrowse.wire.recalls import (
    FollowRecallsRequest,
    ForgetRecallsRequest,
    ForgottenRecalls,
    ImportedRecalls,
    ImportRecallsRequest,
    NewRecalls,
    Recall,
    RecallPage,
    RecallRecordsRequest,
    RecallRequest,
    RecallsRequest,
    RecallView,
    ReplayProgress,
    ReplayRequest,
)
from membrowse.wire.request import Request, StreamRequest
from membrowse.wire.search import PageRequest, Ranking, SearchRequest, SearchResponse
from membrowse.wire.tokens import Tokens, TokensRequest
from membrowse.wire.tuning import (
    Configurations,
    ConfigurationsRequest,
    DeleteConfigurationRequest,
    SaveConfigurationRequest,
    TuneRequest,
    TuneResponse,
    UseConfigurationRequest,
)

AnyRequest = Request[Any] | StreamRequest[Any]


class Endpoint(msgspec.Struct, frozen=True):
    """Where a request goes and what comes back."""

    path: str
    reply: Any
    """Type of the reply, or of each record of a stream."""
    right: Right = Right.READ
    """What the caller needs."""
    streams: bool = False
    seconds: float = 60.0
    """Patience of the client: time until the (next) reply, after which the engine hangs."""


ENDPOINTS: dict[type[AnyRequest], Endpoint] = {
    HelloRequest: Endpoint("/hello", Hello, seconds=5.0),
    HealthRequest: Endpoint("/health", EngineHealth),
    MetricsRequest: Endpoint("/metrics", Metrics),
    StatesRequest: Endpoint("/states", EngineState, streams=True),
    StopRequest: Endpoint("/stop", EngineState, Right.ADMINISTER, seconds=5.0),
    SearchRequest: Endpoint("/search", SearchResponse, streams=True),
    PageRequest: Endpoint("/page", Ranking),
    ChunkRequest: Endpoint("/chunk", ChunkView),
    NoteRequest: Endpoint("/note", NoteLines),
    FilesRequest: Endpoint("/files", list[FileRecord]),
    StatusRequest: Endpoint("/status", Status),
    StoreCheckRequest: Endpoint("/check", StoreCheck, seconds=600.0),
    BackupRequest: Endpoint("/backup", BackupPart, Right.ADMINISTER, streams=True, seconds=600.0),
    ReindexRequest: Endpoint("/reindex", EngineState, Right.REINDEX),
    RebuildRequest: Endpoint("/rebuild", EngineState, Right.ADMINISTER),
    PurgeRequest: Endpoint("/purge", Purged, Right.ADMINISTER, seconds=600.0),
    WatchRequest: Endpoint("/watch", EngineState, Right.REINDEX),
    ExplainRequest: Endpoint("/explain", Explanation),
    SpellingRequest: Endpoint("/spelling", list[SpellingSuggestion]),
    FilterValuesRequest: Endpoint("/filters", FilterValues),
    DateReadingRequest: Endpoint("/filters/date", DateReading),
    CrowdingRequest: Endpoint("/crowding", Crowding, seconds=600.0),
    RankFlowRequest: Endpoint("/rank-flow", RankFlow),
    CompareRequest: Endpoint("/compare", Comparison),
    DiagnosisRequest: Endpoint("/why", Diagnosis),
    SuggestionsRequest: Endpoint("/why/suggestions", Suggestions),
    OwnSearchRequest: Endpoint("/own-search", AgentAnswer, seconds=90.0),
    TokensRequest: Endpoint("/tokens", Tokens),
    PinsRequest: Endpoint("/pins", PinRun),
    AddPinRequest: Endpoint("/pins/add", PinRun, Right.REINDEX),
    RemovePinRequest: Endpoint("/pins/remove", PinRun, Right.REINDEX),
    RecallsRequest: Endpoint("/recalls", RecallPage),
    RecallRequest: Endpoint("/recalls/one", RecallView),
    RecallRecordsRequest: Endpoint("/recalls/records", tuple[Recall, ...]),
    ReplayRequest: Endpoint("/recalls/replay", ReplayProgress, streams=True),
    FollowRecallsRequest: Endpoint("/recalls/follow", NewRecalls, streams=True),
    ImportRecallsRequest: Endpoint("/recalls/import", ImportedRecalls, Right.REINDEX),
    ForgetRecallsRequest: Endpoint("/recalls/forget", ForgottenRecalls, Right.ADMINISTER),
    TuneRequest: Endpoint("/tune", TuneResponse),
    ConfigurationsRequest: Endpoint("/configurations", Configurations),
    SaveConfigurationRequest: Endpoint("/configurations/save", Configurations, Right.ADMINISTER),
    DeleteConfigurationRequest: Endpoint(
        "/configurations/delete", Configurations, Right.ADMINISTER
    ),
    UseConfigurationRequest: Endpoint("/configurations/use", Configurations, Right.ADMINISTER),
}
