"""`membrowse log`: list, show, import, export, forget, follow."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from membrowse.agents import profiles
from membrowse.cli import attached_log
from membrowse.client.recall_import import RecallImport, new_recalls
from membrowse.engine.handlers import recalls as handlers
from membrowse.engine.recalls.replay import interval
from membrowse.recall_log.foreign_log import BadLine, ForeignLog
from membrowse.recall_log.store import Bounds, RecallStore
from membrowse.wire.agents import AgentMemory, AgentProfile
from membrowse.wire.engine import Right
from membrowse.wire.overrides import Overrides
from membrowse.wire.recalls import (
    FollowRecallsRequest,
    ImportRecallsRequest,
    Interval,
    NewRecalls,
    Outcome,
    Recall,
    RecallFlag,
    RecallHit,
    RecallPage,
    RecallsRequest,
    RecallSummary,
    ReplayedRecall,
    ReplayRequest,
    ReplaySummary,
)
from membrowse.wire.search import Filters, RecallContext, SearchRequest
from membrowse.wire.tuning import SaveConfigurationRequest, UseConfigurationRequest
from tests.cli.conftest import Program
from tests.standin.engine import StandIn
from tests.waiting import DEADLINE_SECONDS

AT = "2026-07-01T08:00:00.000Z"
QUERY = "which port does staging ssh use?"


def recall(number: int, **fields: object) -> Recall:
    known: dict[str, object] = {"id": f"{number:016x}", "at": AT, "agent": "ada", "query": QUERY}
    return Recall(**known | fields)  # type: ignore[arg-type]


@pytest.fixture
def log(engine: StandIn) -> object:
    """The stand-in with a log of three recalls."""
    hit = RecallHit(path="decisions/ssh.md", start_line=1, end_line=3, score=0.52)
    engine.components.recalls.add(
        [
            recall(1, given=(hit,), k=6, min_score=0.35, cut_by_score=4, source="openclaw"),
            recall(2, agent="bob\x1b[2J", query="soup\x1b[31m?"),
            recall(3, given=(RecallHit(path="../out.md"),), source="generic", session="s\x07"),
        ]
    )
    return engine


def test_the_list_is_newest_first_with_counts(program: Program, folder: Path, log: StandIn) -> None:
    ran = program("log", "list", "--folder", folder)
    assert ran.status == 0
    assert all(count in ran.out for count in (" 3 recalls ", " 33% empty ", " 33% cut "))
    assert "bob␛[2J" in ran.out and "\x1b" not in ran.out
    (row,) = (line for line in ran.out.splitlines() if " 1    4 " in line)
    assert ".52" in row and "cut" in row


def test_a_filter_selects(program: Program, folder: Path, log: StandIn) -> None:
    ran = program("log", "list", "--agent", "ada", "--flag", "cut", "--json", "-f", folder)
    page = json.loads(ran.out)
    assert [each["id"] for each in page["recalls"]] == [f"{1:016x}"]
    assert program("log", "list", "--since", "2026-07-02", "-f", folder).status == 1
    asked = log.requests(RecallsRequest)[-1]
    assert asked.since.startswith("2026-07-0")
    assert program("log", "list", "--since", "soon", "-f", folder).status == 2


def test_one_is_shown_with_what_became_of_its_hits(
    program: Program, folder: Path, log: StandIn
) -> None:
    shown = program("log", "show", "0000000000000001", "-f", folder)
    assert shown.status == 0
    assert "k 6, minimum score .35" in shown.out and "minimum score cut 4 hits" in shown.out
    assert "today r" in shown.out or "no such lines" in shown.out
    assert "outside the folder" in program("log", "show", f"{3:016x}", "-f", folder).out
    assert program("log", "show", "ffff", "-f", folder).status == 1


def test_a_log_is_imported_once_and_bad_lines_are_reported(
    program: Program, folder: Path, log: StandIn, tmp_path: Path
) -> None:
    file = tmp_path / "log.jsonl"
    lines = [
        {"at": AT, "query": "a"},
        {"at": AT, "query": "__dreaming_"},
        {"at": "?", "query": "b"},
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"at": ')
    ran = program("log", "import", file, "--agent", "eve", "-f", folder)
    assert ran.status == 2
    assert "1 recall added, 1 asked by the memory itself, left out, 1 bad lines" in ran.out
    assert "line 3: no time" in ran.err and "line 4 is not finished" in ran.err
    again = json.loads(program("log", "import", tmp_path, "--json", "-f", folder).out)
    assert (again["added"], again["known"], again["format"]) == (0, 1, "generic")
    large = {"at": AT, "query": "a", "results": [{"text": "x" * 2000}] * 900}
    (tmp_path / "large.jsonl").write_text(json.dumps(large))
    ran = program("log", "import", tmp_path / "large.jsonl", "-f", folder)
    assert ran.status == 2 and "line 1: a recall with too much text" in ran.err
    other = tmp_path / "other.jsonl"
    other.write_text('{"a": 1}\n')
    ran = program("log", "import", other, "-f", folder)
    assert ran.status == 2 and "give --format" in ran.err
    assert program("log", "import", tmp_path / "none", "-f", folder).status == 2


def test_an_export_can_be_imported_and_redacted(
    program: Program, folder: Path, log: StandIn, tmp_path: Path
) -> None:
    file, store = tmp_path / "export.jsonl", log.components.recalls.store
    index = log.components.index.generation
    hit = RecallHit(path=index.chunks[0].path, start_line=1, end_line=2, chunk=index.chunks[0].id)
    gone = RecallHit(path="gone.md", start_line=4, end_line=9, chunk="c" * 16)
    recorded = recall(
        4,
        syntax="query",
        filters=("path:logs",),
        narrowed_to=Filters(path="logs"),
        given=(hit, gone),
        rankings={"keyword": (gone, hit)},
        generation=7,
        settings_digest="d" * 8,
        withholds_weak=True,
    )
    store.add([recorded])
    assert " filters path:logs " in program("log", "show", recorded.id, "-f", folder).out
    before = store.oldest(limit=9)
    assert program("log", "export", file, "-f", folder).status == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_text().splitlines()) == 4
    assert program("log", "import", file, "-f", folder).out.startswith("0 recalls added, 4 known")
    assert program("log", "forget", "--all", "--yes", "-f", folder).status == 0
    assert program("log", "import", file, "-f", folder).out.startswith("4 recalls added")
    assert store.oldest(limit=9) == before
    redacted = program("log", "export", "--redact", "-f", folder).out
    assert not any(word in redacted for word in ("port", "soup", "decisions", "out.md"))
    assert program("log", "export", file, "-f", folder).status == 2


def test_recalls_are_deleted_only_by_those_who_may(
    program: Program, folder: Path, log: StandIn
) -> None:
    assert program("log", "forget", "-f", folder).status == 2
    assert program("log", "forget", "--all", "-f", folder).status == 2, "nobody confirms"
    assert program("log", "forget", "--text", "SOUP", "--yes", "-f", folder).out == (
        "1 recall deleted\n"
    )
    log.rights = (Right.READ,)
    assert program("log", "forget", "--all", "--yes", "-f", folder).status == 3
    assert log.components.recalls.store.counts().total == 2


def test_new_recalls_are_printed_as_they_come(
    program: Program, folder: Path, engine: StandIn
) -> None:
    new = RecallSummary(
        id="r", at=AT, agent="ada", query="port\x1b?", given=2, outcome=Outcome.ANSWERED
    )
    engine.replies[FollowRecallsRequest] = [NewRecalls(), NewRecalls(recalls=(new,))]
    ran = program("log", "follow", "-f", folder)
    assert "port␛?" in ran.out and ran.status == 0
    lines = program("log", "follow", "--json", "-f", folder).out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["r"]


def test_a_search_for_a_client_is_a_recall(program: Program, folder: Path, engine: StandIn) -> None:
    program("search", "port", "--client", "ada", "-n", "3", "-f", folder)
    program("search", "port", "-f", folder)
    first, second = engine.requests(SearchRequest)
    assert first.recall is not None and second.recall is None
    assert (first.recall.agent, first.recall.k, first.recall.min_score) == ("ada", 3, None)


async def test_a_growing_log_is_followed_through_torn_lines_rotation_and_truncation(
    engine: StandIn, tmp_path: Path
) -> None:
    file, bad = tmp_path / "events.jsonl", list[BadLine]()
    log = ForeignLog(folders=(str(tmp_path),))
    importing = RecallImport(engine=engine, log=log, bad_line=bad.append)

    def line(query: str) -> str:
        return json.dumps({"at": AT, "query": query}) + "\n"

    def append(text: str) -> None:
        with file.open("a") as stream:
            stream.write(text)

    async with (
        aclosing(new_recalls(lambda _: importing, file, seconds=0.01)) as changes,
        asyncio.timeout(DEADLINE_SECONDS),
    ):
        asyncio.get_running_loop().call_later(0.05, append, line("one") + line("two")[:9])
        await anext(changes)
        append(line("two")[9:])
        await anext(changes)
        file.rename(tmp_path / "events.1.jsonl")
        append(line("three"))
        await anext(changes)
        file.write_text(line("4"))  # shorter than it was
        assert (await anext(changes)).added == 4
    asked = [r.query for request in engine.requests(ImportRecallsRequest) for r in request.recalls]
    assert asked == ["one", "two", "three", "4"] and not bad


async def recorded(engine: StandIn, *queries: str, **context: object) -> None:
    """Let an agent ask `queries`."""
    for query in queries:
        asked = RecallContext(agent="ada", **context)  # type: ignore[arg-type]
        request = SearchRequest(text=query, recall=asked)
        answers = [each async for each in engine.stream(request)]
        assert answers[-1].complete
    engine.components.recalls.start()
    engine.components.recalls.close()
    reopened = RecallStore(engine.components.recalls.store._path, Bounds())
    engine.components.recalls.store = reopened


async def replayed(engine: StandIn, **fields: Any) -> tuple[list[ReplayedRecall], ReplaySummary]:
    progress = [each async for each in engine.stream(ReplayRequest(**fields))]
    assert progress[-1].summary is not None
    return [recall for each in progress for recall in each.recalls], progress[-1].summary


async def test_a_replay_over_the_same_index_finds_the_same() -> None:
    engine = StandIn(rights=tuple(Right))
    await recorded(engine, QUERY, "who approves a refund", "soup", k=6)
    recalls, summary = await replayed(engine)
    assert [each.query for each in recalls] == [QUERY, "who approves a refund", "soup"]
    assert all(each.overlap == 1 and each.same_top for each in recalls)
    assert [each.rank_biased_overlap for each in recalls] == pytest.approx([1.0, 1.0, 1.0])
    assert summary.overlap == Interval(mean=1.0, low=1.0, high=1.0) and not summary.lost


async def test_a_list_comes_at_once_and_its_flags_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "_RANKING_SECONDS", 0.0)
    engine = StandIn(rights=tuple(Right))
    await recorded(engine, QUERY, "who approves a refund", "soup", k=2)
    for recall in engine.components.recalls.store.newest(limit=3):
        engine.edit(recall.given[0].path, "# Nothing\n\nabout any of that\n")
    unchecked: list[int] = []
    while not unchecked or unchecked[-1]:
        page = await engine.ask(RecallsRequest())
        unchecked.append(page.unchecked)
    assert unchecked == [2, 1, 0]
    assert all(RecallFlag.CHANGED in each.flags for each in page.recalls)


async def test_a_replay_shows_what_an_edit_and_a_configuration_change() -> None:
    engine = StandIn(rights=tuple(Right))
    await recorded(engine, QUERY, k=2)
    (first, _) = engine.components.recalls.store.newest(limit=1)[0].given
    engine.edit(first.path, "# Soup\n\nNothing about that question any more.\n")
    ((recall,), summary) = await replayed(engine)
    assert recall.overlap < 1 and summary.overlap.mean == recall.overlap
    assert first.path in {hit.path for hit in recall.lost} and recall.gained
    overrides: Overrides = {"fusion.weight": 1.0, "rerank.method": "none"}
    await engine.ask(SaveConfigurationRequest(name="vector", overrides=overrides))
    await engine.ask(UseConfigurationRequest(name=""))
    ((other,), against) = await replayed(engine, against="vector")
    assert against.against == "vector" and other.rank_biased_overlap < 1


def test_a_replay_is_a_gate(program: Program, folder: Path, log: StandIn) -> None:
    ran = program("log", "replay", "-f", folder)
    assert ran.status == 0 and "questions against the log" in ran.out
    assert "decisions/ssh.md" in ran.out or "gone" in ran.out
    assert program("log", "replay", "--min-overlap", "1", "-f", folder).status == 1
    *lines, last = program("log", "replay", "--json", "-f", folder).out.splitlines()
    assert json.loads(last)["summary"]["recalls"] == len(lines) == 3
    assert program("log", "replay", "--agent", "nobody", "-f", folder).status == 1
    assert program("log", "replay", "--against", "none", "-f", folder).status == 2


def test_an_interval_holds_its_mean_and_stays() -> None:
    values = [0.0, 0.5, 1.0, 1.0] * 20
    found = interval(values)
    assert found == interval(values)
    assert found.low < found.mean == 0.625 < found.high
    assert found.high - found.low == pytest.approx(4 * 0.41 / 80**0.5, abs=0.03)
    assert interval([]) == Interval(mean=0.0, low=0.0, high=0.0)


@pytest.fixture
def attached(folder: Path, tmp_path: Path) -> AgentProfile:
    """An attached agent with a log of one question."""
    log = tmp_path / "events.jsonl"
    log.write_text(json.dumps({"at": AT, "agent": "x", "query": "ssh port"}) + "\n")
    memory = AgentMemory(
        id="openclaw:main",
        system="openclaw",
        folder=str(folder),
        log=str(log),
        log_format="generic",
    )
    profile = AgentProfile(name="main", memory=memory)
    profiles.keep(profile)
    return profile


def test_the_log_of_an_attached_agent_is_imported_by_its_name(
    engine: StandIn, program: Program, attached: AgentProfile
) -> None:
    assert program("log", "import", "--agent", "main").out.startswith("1 recall added")
    listed = program("log", "list", "--agent", "main")
    assert "ssh port" in listed.out and "folder:" not in listed.err, "the agent's folder is used"
    ran = program("log", "import", "--agent", "nobody", "-f", attached.memory.folder)
    assert (ran.status, ran.out) == (2, "") and "name a log" in ran.err


async def test_the_log_of_an_attached_agent_is_followed(
    engine: StandIn, attached: AgentProfile
) -> None:
    log = Path(attached.memory.log)
    following = asyncio.create_task(attached_log.import_new(engine, attached))

    async def logged(count: int) -> RecallPage:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (page := await engine.ask(RecallsRequest())).total < count:
                await asyncio.sleep(0.02)
        return page

    assert (await logged(1)).agents == {"main": 1}
    with log.open("a") as stream:
        stream.write(json.dumps({"at": AT, "query": "web port"}) + "\n")
    assert {each.query for each in (await logged(2)).recalls} == {"ssh port", "web port"}
    following.cancel()
