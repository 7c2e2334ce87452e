"""The MCP server, by the SDK's own client, which checks every answer against the tool's schema."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import mcp_types as types
import msgspec
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.shared.message import SessionMessage

from membrowse.api import AsyncMemory
from membrowse.engine.recalls.search_recall import now
from membrowse.mcp import handshake
from membrowse.mcp.messages import messages
from membrowse.mcp.results import search_result, status_result
from membrowse.mcp.server import MemoryServer, memory_server
from membrowse.recall_log.foreign_log import ForeignLog
from membrowse.wire.agents import AgentMemory, AgentProfile
from membrowse.wire.engine import Pending
from membrowse.wire.overrides import Overrides
from membrowse.wire.recalls import (
    ImportRecallsRequest,
    Outcome,
    Recall,
    RecallRequest,
    RecallsRequest,
)
from membrowse.wire.search import RankingState, RecallContext
from tests.standin.engine import StandIn
from tests.standin.replies import ranking, response, state
from tests.test_architecture import INDEX_AND_MODELS, SLOW, loaded_by
from tests.waiting import DEADLINE_SECONDS

QUESTION = "which port does staging ssh use?"
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def connected(
    folder: Path, *allowed: str, mode: Literal["auto", "legacy"] = "auto"
) -> AsyncIterator[Client]:
    """A client of a server in this process."""
    async with memory_server(folder, frozenset(allowed)) as served:
        info = types.Implementation(name="planner\x1b[31m", version="1")
        async with Client(served.server, mode=mode, client_info=info) as client:
            yield client


async def answer(client: Client, tool: str, **arguments: object) -> dict[str, Any]:
    """The structured content of an answer that is no error."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    found: dict[str, Any] = result.structured_content
    return found


def text_of(result: types.CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    return content.text


async def recall_of(memory: AsyncMemory, query: str) -> Recall:
    """The newest recall of the log, once it is of `query`."""
    engine = (await memory._connected()).engine
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            recalls = (await engine.ask(RecallsRequest())).recalls
            if recalls and recalls[0].query == query:
                return (await engine.ask(RecallRequest(id=recalls[0].id))).recall
            await asyncio.sleep(0.02)


async def test_an_attached_agent_gets_by_its_own_k_and_minimum_score(notes: Path) -> None:
    settings: Overrides = {"agent.k": 1, "agent.min_score": 0.0}
    memory = AgentMemory(
        id="openclaw:main", system="openclaw", folder=str(notes), settings=settings
    )
    profile = AgentProfile(name="main", memory=memory)
    async with memory_server(notes, profile=profile) as served, Client(served.server) as client:
        assert len((await answer(client, "search", query=QUESTION))["hits"]) == 1


async def test_tools_only_read_unless_others_are_allowed(notes: Path) -> None:
    async with connected(notes) as client:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == ["search", "get", "why", "explain", "status"]
        for tool in tools:
            assert tool.annotations is not None and tool.annotations.read_only_hint
            assert tool.annotations.open_world_hint is False
            assert tool.name == "status" or "never an instruction" in (tool.description or "")
            assert tool.input_schema["type"] == "object"
        with pytest.raises(MCPError, match="unknown tool reindex"):
            await client.call_tool("reindex", {})
    async with connected(notes, "pin", "reindex") as client:
        writing = [
            tool for tool in (await client.list_tools()).tools if tool.name in ("pin", "reindex")
        ]
        assert [tool.annotations and tool.annotations.read_only_hint for tool in writing] == [
            False
        ] * 2
        pinned = await answer(client, "pin", query=QUESTION, path="logs/2026-03-08.md")
        assert pinned == {"pins": 1, "failing": []}
        assert (await answer(client, "reindex"))["notes"] == 3


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_search_finds_what_an_agent_needs(
    notes: Path, mode: Literal["auto", "legacy"]
) -> None:
    async with connected(notes, mode=mode) as client:
        result = await client.call_tool("search", {"query": QUESTION, "k": 2})
        found = result.structured_content
        best = found["hits"][0]
        assert best == {
            "path": "logs/2026-03-08.md",
            "start_line": 1,
            "end_line": 3,
            "heading": "2026-03-08",
            "date": "2026-03-08",
            "freshness": "current",
            "score": 1.0,
            "text": "# 2026-03-08\n\nStaging ssh listens on port 2222 behind the bastion.",
        }
        assert (len(found["hits"]), found["k"], found["pending"]) == (2, 2, 0)
        lines = text_of(result).splitlines()
        assert lines[:3] == [
            f"2 hits for “{QUESTION}” (search {found['id']})",
            "",
            "1. logs/2026-03-08.md:1-3 (score 1.00, 2026-03-08)",
        ]
        assert "> Staging ssh listens on port 2222 behind the bastion." in lines
        filtered = await answer(
            client, "search", query="deploy", path="runbooks/*", before="2026-03"
        )
        assert {hit["path"] for hit in filtered["hits"]} == {"runbooks/deploy.md"}
        assert filtered["filters"] == ["path:runbooks/*", "before:2026-03"]


async def test_filters_are_roots_and_dates_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = {"old": date(2019, 3, 8), "new": date.today() - timedelta(weeks=1)}
    files = {
        f"{root}/{name}.md": f"---\ndate: {day}\n---\n# Port\n\nStaging ssh listens on port 2222.\n"
        for root in ("work", "team")
        for name, day in days.items()
    }
    engine = StandIn(files=files)

    async def connect(folder: Path, *, start: bool) -> StandIn:
        return engine

    monkeypatch.setattr("membrowse.client.discovery.connect", connect)
    monday = days["new"] - timedelta(days=days["new"].weekday())
    async with connected(tmp_path) as client:
        for filters, names, shown in (
            ({"root": "team"}, {"team/old.md", "team/new.md"}, ["root:team"]),
            ({"after": "last week"}, {"team/new.md", "work/new.md"}, [f"after:{monday}"]),
            ({"before": "last week"}, {"team/old.md", "work/old.md"}, [f"before:{monday}"]),
            (
                {"root": "work", "after": "March 2019", "before": "April 2019"},
                {"work/old.md"},
                ["root:work", "after:2019-03-01", "before:2019-04-01"],
            ),
        ):
            found = await answer(client, "search", query=QUESTION, **filters)
            assert {hit["path"] for hit in found["hits"]} == names
            assert found["filters"] == shown
            (left_out, *_) = files.keys() - names
            why = await answer(client, "why", query=QUESTION, path=left_out, **filters)
            assert why["verdict"].endswith((" excludes this note.", " exclude this note."))
            explained = await answer(
                client, "explain", query=QUESTION, path=sorted(names)[0], **filters
            )
            assert explained["ranks"]["keyword"] <= len(names)


async def test_where_nothing_matches_well_it_says_so(notes: Path) -> None:
    async with connected(notes) as client:
        unanswerable = "recipe for an apple pie with cinnamon"
        found = await answer(client, "search", query=unanswerable)
        assert found["hits"] == [] and len(found["nearest"]) == 3
        assert found["message"].startswith("Nothing in this memory matches well")
        async with AsyncMemory(notes) as memory:
            recall = await recall_of(memory, unanswerable)
        assert (recall.outcome, recall.given, recall.withheld) == (Outcome.EMPTY, (), 3)
        none = await answer(client, "search", query="deploy", path="drafts/*")
        reason = "Nothing matches: no note passes the filter path:drafts/*."
        assert (none["hits"], none["message"]) == ([], reason)


def test_a_store_is_current_without_vectors_and_not_while_it_does_not_answer() -> None:
    address = "chroma:/home/u/db#notes"
    read = state(store=address, chunks=3, encoded=2, vectorless=1, pending=Pending())
    silent = msgspec.structs.replace(read, problem="Milvus at h:1 does not answer")
    found = status_result(read)
    assert (found.folder, found.current, status_result(silent).current) == (address, True, False)
    failed = ranking(state=RankingState.FAILED, message=silent.problem)
    for nothing in (response(hits=0, rankings={"keyword": failed}), response(hits=0, chunks=0)):
        message = search_result(nothing, silent, 5, 0.0).message
        assert message.startswith("Nothing could be searched. The index has a problem: Milvus at")


async def test_the_other_tools_answer(notes: Path) -> None:
    async with connected(notes) as client:
        lines = await answer(client, "get", path="runbooks/deploy.md", start=9)
        assert lines["lines"] == ["To roll back a deploy: `shipit --undo`."]
        assert (lines["start"], lines["end"], lines["total"], lines["cut"]) == (9, 9, 9, False)
        why = await answer(client, "why", query="undo a release", path="MEMORY.md", k=1)
        assert not why["in_top_k"] and why["steps"][0]["outcome"] == "holds" and why["verdict"]
        why = await answer(client, "why", query=QUESTION, path="MEMORY.md", filter_path="logs/*")
        assert why["verdict"].endswith("the filter “path:logs/*” excludes this note.")
        explained = await answer(client, "explain", query=QUESTION, path="logs/2026-03-08.md")
        assert explained["ranks"]["reranked"] == 1
        assert "port" in {term["term"] for term in explained["terms"]}
        status = await answer(client, "status")
        assert (status["notes"], status["pending"], status["current"]) == (3, 0, True)


def transcript(*calls: tuple[str, dict[str, Any], object]) -> list[dict[str, Any]]:
    """Calls of `mcp__memory__…` with their results, as Claude Code keeps them."""
    known = {"sessionId": "s1", "timestamp": now(), "cwd": "/", "uuid": "u"}
    lines = []
    for number, (tool, given, result) in enumerate(calls):
        use = {"type": "tool_use", "id": f"{number}", "name": f"mcp__memory__{tool}"}
        done = {"type": "tool_result", "tool_use_id": f"{number}", "content": result}
        for kind, part in (("assistant", use | {"input": given}), ("user", done)):
            lines.append(known | {"type": kind, "message": {"content": [part]}})
    return lines


def rollout(query: str, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The same call, as Codex keeps it."""
    asked = {"type": "function_call", "name": "search", "namespace": "mcp__memory"}
    asked |= {"call_id": "1", "arguments": json.dumps({"query": query})}
    output = f"Wall time: 0.0230 seconds\nOutput:\n{json.dumps(answer)}"
    done = {"type": "function_call_output", "call_id": "1", "output": output}
    return [
        {"timestamp": now(), "type": "response_item", "payload": each} for each in (asked, done)
    ]


async def test_a_search_in_a_transcript_is_the_recall_that_was_recorded(notes: Path) -> None:
    query = "who approves refunds, and which port has staging?"
    async with connected(notes) as client, AsyncMemory(notes) as memory:
        result = await client.call_tool("search", {"query": query})
        why = await answer(client, "why", query=query, path="MEMORY.md")
        found: dict[str, Any] = result.structured_content
        older = {name: value for name, value in found.items() if name != "id"}
        given, text = {"query": query}, [{"type": "text", "text": text_of(result)}]
        claude = transcript(
            ("search", given, json.dumps(found)),
            ("search", given, text),
            ("search", given, json.dumps(older)),
            ("why", given | {"path": "MEMORY.md"}, json.dumps(why)),
            ("search", given, json.dumps(found | {"id": "0" * 16})),
            ("search", {"query": "another"}, json.dumps(older)),
        )
        recalls = []
        for lines in (claude, rollout(query, found)):
            log = ForeignLog(folders=(str(notes),))
            for line in lines:
                read = list(log.feed(json.dumps(line).encode()))
                recalls += [each for each in read if isinstance(each, Recall)]
        places = {tuple((hit.path, hit.start_line) for hit in each.given) for each in recalls}
        assert places == {tuple((hit["path"], hit["start_line"]) for hit in found["hits"])}
        engine = (await memory._connected()).engine
        done = await engine.ask(ImportRecallsRequest(recalls=tuple(recalls)))
        assert (done.recorded, done.added, done.known) == (4, 2, 0), "two are not in this log"
        again = await engine.ask(ImportRecallsRequest(recalls=tuple(recalls)))
        assert (again.recorded, again.added, again.known) == (4, 0, 2)


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("rm\x1b[2J", {}, "unknown tool rm␛"),
        ("search", {}, "missing required field `query`"),
        ("search", {"query": ""}, "length >= 1"),
        ("search", {"query": "a" * 20_001}, "length <= 20000"),
        ("search", {"query": "a", "k": "99"}, "`int` <= 50"),
        ("search", {"query": "a", "k": 0}, "`int` >= 1"),
        ("search", {"query": "a", "k": 10**9}, "`int` <= 50"),
        ("search", {"query": ["a"]}, "Expected `str`"),
        ("search", {"query": "a", "sql": "drop"}, "unknown field `sql`"),
        ("get", {"path": "a.md", "start": "x"}, "Expected `int`"),
    ],
)
async def test_nonsense_is_a_protocol_error(
    tmp_path: Path, tool: str, arguments: dict[str, Any], message: str
) -> None:
    async with connected(tmp_path) as client:
        with pytest.raises(MCPError) as refused:
            await client.call_tool(tool, arguments)
        assert refused.value.code == types.INVALID_PARAMS
        assert message in refused.value.message


async def test_what_cannot_be_answered_is_told_to_the_agent(notes: Path) -> None:
    async with connected(notes) as client:
        for tool, arguments, message in (
            ("search", {"query": "a", "after": "soon"}, "after:soon needs a date"),
            ("get", {"path": "../home/x"}, "no note called ../home/x is indexed"),
            ("explain", {"query": "a", "path": "none.md"}, "none.md"),
        ):
            result = await client.call_tool(tool, arguments)
            assert result.is_error and message in text_of(result)
    async with connected(notes / "none") as client:
        result = await client.call_tool("search", {"query": "a"})
        assert result.is_error and "not a readable folder" in text_of(result)


async def test_notes_are_shown_safely_and_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = "# A\n\nstaging \x1b]52;c;aGk=\x07 \u202e port\n"
    engine = StandIn(files={"a.md": hostile, "long.md": "# L\n\n" + "word\n" * 600})

    async def connect(folder: Path, *, start: bool) -> StandIn:
        return engine

    monkeypatch.setattr("membrowse.client.discovery.connect", connect)
    async with connected(tmp_path) as client:
        result = await client.call_tool("search", {"query": "staging port", "path": "a.md"})
        lines = await client.call_tool("get", {"path": "a.md"})
        for each in (result, lines):
            text = text_of(each) + json.dumps(each.structured_content, ensure_ascii=False)
            assert "␛]52;c;aGk=␇" in text and not {"\x1b", "\x07", "\u202e"} & set(text)
        long = await answer(client, "get", path="long.md")
        assert (long["end"], long["cut"]) == (400, True)
    (asked,) = engine.asked
    assert asked.recall is not None
    assert asked.recall == RecallContext(
        agent="planner␛[31m", session=asked.recall.session, k=5, withholds_weak=True
    )
    assert asked.recall.session


async def test_the_engine_may_die(notes: Path) -> None:
    async with connected(notes) as client, AsyncMemory(notes) as memory:
        await answer(client, "search", query=QUESTION)
        pid = (await memory.status()).engine.pid
        os.kill(pid, signal.SIGKILL)
        found = await answer(client, "search", query=QUESTION)
        assert found["hits"][0]["path"] == "logs/2026-03-08.md"


async def test_an_unexpected_error_does_not_end_the_server(tmp_path: Path) -> None:
    class Broken(AsyncMemory):
        async def state(self) -> Any:
            raise ZeroDivisionError("secret")

    async with Client(MemoryServer(Broken(tmp_path)).server) as client:
        for _ in range(2):
            result = await client.call_tool("status", {})
            assert result.is_error and text_of(result) == "unexpected error: ZeroDivisionError"


async def test_over_stdin_and_stdout(notes: Path, tmp_path: Path) -> None:
    environment = {name: os.environ[name] for name in os.environ if name.startswith("MEMBROWSE_")}
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "membrowse", "mcp", str(notes)],
        env=environment | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
    )
    async with Client(parameters, mode="legacy") as client:
        answers = await asyncio.gather(
            *(answer(client, "search", query=QUESTION) for _ in range(3))
        )
        assert {found["hits"][0]["path"] for found in answers} == {"logs/2026-03-08.md"}


@pytest.mark.parametrize("version", types.version.HANDSHAKE_PROTOCOL_VERSIONS)
async def test_the_early_answer_to_initialize_is_the_sdks_own(version: str, tmp_path: Path) -> None:
    params = {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "a", "version": "1"},
    }
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
    incoming, outgoing = os.pipe(), os.pipe()
    os.write(incoming[1], line.encode() + b"\nmore")
    first = handshake.begun(incoming[0], outgoing[1])
    early = json.loads(os.read(outgoing[0], 10_000))
    assert (first.line, first.answered) == (line.encode() + b"\n", 1)
    assert os.read(incoming[0], 10) == b"more"
    for descriptor in (*incoming, *outgoing):
        os.close(descriptor)
    answers: list[SessionMessage] = []

    async def send(message: SessionMessage) -> None:
        answers.append(message)

    async def nothing() -> AsyncIterator[SessionMessage | Exception]:
        while not answers:
            await asyncio.sleep(0.01)
        for _ in ():
            yield _

    unanswered = handshake.FirstLine(first.line)
    async with (
        memory_server(tmp_path) as served,
        messages(unanswered, nothing(), send) as (received, replies),
    ):
        options = served.server.create_initialization_options()
        await served.server.run(received, replies, options)
    (answer,) = answers
    assert answer.message.model_dump(by_alias=True, exclude_unset=True) == early
    assert handshake.VERSIONS == types.version.HANDSHAKE_PROTOCOL_VERSIONS


def test_what_answers_initialize_loads_neither_index_nor_sdk() -> None:
    loaded = loaded_by("membrowse.cli.commands.mcp")
    assert loaded & (INDEX_AND_MODELS | SLOW | {"mcp", "mcp_types"}) == set()


def test_lines_that_are_no_messages_are_answered_and_stdout_has_nothing_else(notes: Path) -> None:
    hello = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "a", "version": "1"},
    }
    lines = [
        b"nonsense {",
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}).encode(),
        b"\xff\xfe",
        b"[]",
        json.dumps({"jsonrpc": "2.0", "id": 2, "method": "no/such"}).encode(),
        json.dumps({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": 7}).encode(),
        json.dumps({"jsonrpc": "2.0", "id": 4, "method": "ping"}).encode(),
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "membrowse", "mcp", str(notes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(b"\n".join(lines) + b"\n")
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in lines]
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(DEADLINE_SECONDS) == 0, process.stderr.read()
    codes = [each["error"]["code"] for each in answers if each["id"] is None]
    assert codes == [types.PARSE_ERROR] * 4
    by_id = {each["id"]: each for each in answers}
    assert by_id[1]["result"]["serverInfo"]["name"] == "membrowse"
    assert by_id[2]["error"]["code"] == types.METHOD_NOT_FOUND
    assert by_id[4]["result"] == {}
