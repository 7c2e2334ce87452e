"""The stand-in answers whatever an engine answers, and as one."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from membrowse.client.engine import EngineRefused, EngineUnavailable
from membrowse.wire.agents import OwnSearchRequest
from membrowse.wire.codec import encode
from membrowse.wire.crowding import CrowdingSource
from membrowse.wire.engine import Right, StatesRequest, WatchRequest
from membrowse.wire.explanation import ExplainRequest
from membrowse.wire.notes import ChunkRequest, FilesRequest, NoteState
from membrowse.wire.pins import AddPinRequest, PinsRequest, RemovePinRequest
from membrowse.wire.recalls import Recall, RecallRequest
from membrowse.wire.requests import ENDPOINTS, AnyRequest
from membrowse.wire.search import RANKINGS, PageRequest, SearchRequest, SearchResponse, Target
from membrowse.wire.tokens import TokensRequest
from membrowse.wire.tuning import (
    DeleteConfigurationRequest,
    SaveConfigurationRequest,
    UseConfigurationRequest,
)
from tests.standin import replies
from tests.standin.components import close_all
from tests.standin.corpus import BROKEN
from tests.standin.engine import StandIn

QUERY = "which port does staging ssh use?"
RECALL = Recall(id="r1", at="2026-07-01T00:00:00.000Z", agent="clara", query=QUERY)
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
        "path": "decisions/ssh.md",
        "recalls": (RECALL,),
        "source": CrowdingSource.QUERY,
    }
    if kind is PageRequest:
        fields["response"] = (await search(engine))[-1].id
    if kind in (UseConfigurationRequest, DeleteConfigurationRequest):
        await engine.ask(SaveConfigurationRequest(name="careful", overrides={"rerank.pool": 9}))
    if kind is RecallRequest:
        engine.components.recalls.add([RECALL])
        fields["id"] = RECALL.id
    if kind is RemovePinRequest:
        run = await engine.ask(AddPinRequest(text=QUERY, target=NOTE))
        fields["id"] = run.results[0].pin.id
    needed = {f.name for f in msgspec.structs.fields(kind) if f.required}
    optional = {"chunk"} if kind in (ExplainRequest, TokensRequest) else set()
    return kind(**{name: fields[name] for name in needed | optional})


ANSWERED = [kind for kind in ENDPOINTS if kind is not OwnSearchRequest]


@pytest.mark.parametrize("kind", ANSWERED, ids=lambda kind: kind.__name__)
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


async def test_a_folder_has_no_search_of_its_own(engine: StandIn) -> None:
    with pytest.raises(EngineRefused, match="attach its agent"):
        await engine.ask(OwnSearchRequest(text=QUERY, k=3))


async def test_a_search_is_the_engines_own_and_always_the_same(engine: StandIn) -> None:
    first, *_, last = await search(engine, progressive=True)
    assert list(first.rankings) == ["keyword"] and not first.complete
    assert tuple(last.rankings) == RANKINGS and last.complete
    (again,) = await search(StandIn())
    assert again.rankings == last.rankings
    assert again.rankings["reranked"].hits[0].path == "logs/2025-11-08.md"


async def test_a_test_says_what_is_answered_and_amends_it(engine: StandIn) -> None:
    async def later(request: SearchRequest) -> SearchResponse:
        await asyncio.sleep(0)
        return replies.response(request.text)

    engine.replies = {FilesRequest: [], StatesRequest: [replies.state(), replies.state(notes=1)]}
    engine.replies[SearchRequest] = later
    engine.amend[SearchRequest] = lambda response: msgspec.structs.replace(response, chunks=7)
    assert await engine.ask(FilesRequest()) == []
    assert [each.notes async for each in engine.stream(StatesRequest())] == [131, 1]
    (response,) = await search(engine, "x")
    assert (response.query.text, response.chunks) == ("x", 7)
    assert [request.text for request in engine.asked] == ["x"]
    assert "components" not in vars(engine), "recorded replies need no index"


async def test_it_refuses_as_an_engine_does(engine: StandIn) -> None:
    engine.rights = (Right.READ,)
    with pytest.raises(EngineRefused, match="the right to reindex") as refused:
        await engine.ask(WatchRequest(paused=True))
    assert refused.value.status == 403 and not engine.requests(WatchRequest)
    with pytest.raises(EngineRefused, match="no longer") as refused:
        await engine.ask(ChunkRequest(chunk="nowhere"))
    assert refused.value.status == 404
    engine.gone = True
    with pytest.raises(EngineUnavailable):
        await engine.ask(PinsRequest())


async def test_listeners_get_what_an_edit_and_a_test_change(engine: StandIn) -> None:
    states = engine.stream(StatesRequest())
    before = await anext(states)
    engine.edit("decisions/ssh.md", "# SSH moved\n\nBack to port 22.\n")
    after = await anext(states)
    assert (before.generation, after.generation) == (1, 2)
    assert after.chunks == before.chunks - 1 and after.last_change is not None
    engine.change(problem="the disk is full")
    assert (await anext(states)).problem == "the disk is full"
    (response,) = await search(engine, track=(engine.chunk("decisions/ssh.md"),))
    assert response.generation == 2
    assert "Back to port 22" in next(iter(response.tracked.values())).snippet


def test_the_folder_holds_every_state_of_a_file(engine: StandIn) -> None:
    records = StandIn(others=BROKEN).real(FilesRequest())
    assert {record.state for record in records} == {
        NoteState.INDEXED,
        NoteState.IGNORED,
        NoteState.SKIPPED,
        NoteState.FAILED,
    }
