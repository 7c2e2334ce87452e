"""The stand-in answers whatever an engine answers, and as one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from membrowse.wire.codec import encode
from membrowse.wire.engine import Right
from membrowse.wire.explanation import ExplainRequest
from membrowse.wire.pins import AddPinRequest, RemovePinRequest
from membrowse.wire.requests import ENDPOINTS, AnyRequest
from membrowse.wire.search import PageRequest, SearchRequest, SearchResponse, Target
from membrowse.wire.tokens import TokensRequest
from membrowse.wire.tuning import (
    DeleteConfigurationRequest,
    SaveConfigurationRequest,
    UseConfigurationRequest,
)
from tests.standin.components import close_all
from tests.standin.engine import StandIn

QUERY = "which port does staging ssh use?"
NOTE = Target(path="runbooks/restore.md")


@pytest.fixture
def engine() -> Any:
    yield StandIn(rights=tuple(Right))
    close_all()


async def search(engine: StandIn, text: str = QUERY, **options: Any) -> list[SearchResponse]:
    return [each async for each in engine.stream(SearchRequest(text=text, **options))]


async def asked(engine: StandIn, kind: type[AnyRequest]) -> AnyRequest:
    """A request of that type that can be answered."""
    fields: dict[str, Any] = {
        "text": QUERY,
        "chunk": engine.chunk("decisions/ssh.md"),
        "left": engine.chunk("decisions/ssh.md"),
        "right": NOTE,
        "target": NOTE,
        "ranking": "keyword",
        "offset": 3,
        "paused": True,
        "overrides": {"fusion.weight": 0.7},
        "name": "careful",
    }
    if kind is PageRequest:
        fields["response"] = (await search(engine))[-1].id
    if kind in (UseConfigurationRequest, DeleteConfigurationRequest):
        await engine.ask(SaveConfigurationRequest(name="careful", overrides={"rerank.pool": 9}))
    if kind is RemovePinRequest:
        run = await engine.ask(AddPinRequest(text=QUERY, target=NOTE))
        fields["id"] = run.results[0].pin.id
    needed = {f.name for f in msgspec.structs.fields(kind) if f.required}
    optional = {"chunk"} if kind in (ExplainRequest, TokensRequest) else set()
    return kind(**{name: fields[name] for name in needed | optional})


@pytest.mark.parametrize("kind", ENDPOINTS, ids=lambda kind: kind.__name__)
async def test_every_request_has_a_reply_that_crosses_the_socket(
    engine: StandIn, kind: type[AnyRequest]
) -> None:
    request = await asked(engine, kind)
    if ENDPOINTS[kind].streams:
        reply = await anext(engine.stream(request))  # type: ignore[arg-type]
    else:
        reply = await engine.ask(request)  # type: ignore[arg-type]
    assert engine.requests(kind)[-1] is request
    assert msgspec.json.decode(encode(reply), type=ENDPOINTS[kind].reply) == reply
