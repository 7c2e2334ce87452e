"""The handlers of long requests: beside queries, to which they give way.

They call `pause` between steps, which waits while a query is being answered and raises `Cancelled`
when the client has disconnected. Loaded at the first of these requests: it takes a tenth of the
time in which an engine starts.
"""

from __future__ import annotations

from typing import Any

from membrowse.engine.handlers import (
    compare,
    crowding,
    explain,
    filters,
    own_search,
    pins,
    recalls,
    spelling,
    stores,
    tokens,
    tune,
)
from membrowse.engine.handlers.quick import Handler
from membrowse.engine.handlers.why.diagnose import diagnose
from membrowse.engine.handlers.why.suggest import suggest
from membrowse.wire.agents import OwnSearchRequest
from membrowse.wire.comparison import CompareRequest
from membrowse.wire.crowding import CrowdingRequest
from membrowse.wire.diagnosis import DiagnosisRequest, SuggestionsRequest
from membrowse.wire.engine import PurgeRequest
from membrowse.wire.explanation import ExplainRequest, SpellingRequest
from membrowse.wire.filters import DateReadingRequest, FilterValuesRequest
from membrowse.wire.health import StoreCheckRequest
from membrowse.wire.pins import AddPinRequest, PinsRequest, RemovePinRequest
from membrowse.wire.rank_flow import RankFlowRequest
from membrowse.wire.recalls import (
    ForgetRecallsRequest,
    ImportRecallsRequest,
    RecallRecordsRequest,
    RecallRequest,
    RecallsRequest,
)
from membrowse.wire.request import Request
from membrowse.wire.tokens import TokensRequest
from membrowse.wire.tuning import (
    ConfigurationsRequest,
    DeleteConfigurationRequest,
    SaveConfigurationRequest,
    TuneRequest,
    UseConfigurationRequest,
)

HANDLERS: dict[type[Request[Any]], Handler] = {
    StoreCheckRequest: stores.check,
    PurgeRequest: stores.purge,
    ExplainRequest: explain.explain,
    SpellingRequest: spelling.suggest_spelling,
    CrowdingRequest: crowding.crowding,
    FilterValuesRequest: filters.filter_values,
    DateReadingRequest: filters.read_date,
    RankFlowRequest: explain.follow_ranks,
    CompareRequest: compare.compare,
    DiagnosisRequest: diagnose,
    SuggestionsRequest: suggest,
    OwnSearchRequest: own_search.own_search,
    TokensRequest: tokens.tokens,
    PinsRequest: pins.pins,
    AddPinRequest: pins.add,
    RemovePinRequest: pins.remove,
    RecallsRequest: recalls.recalls,
    RecallRequest: recalls.recall,
    RecallRecordsRequest: recalls.records,
    ImportRecallsRequest: recalls.add,
    ForgetRecallsRequest: recalls.forget,
    TuneRequest: tune.tune,
    ConfigurationsRequest: tune.configurations,
    SaveConfigurationRequest: tune.save,
    DeleteConfigurationRequest: tune.delete,
    UseConfigurationRequest: tune.use,
}
