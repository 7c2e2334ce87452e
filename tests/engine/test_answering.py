"""What an engine answers, to one client or several, is one and the same."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import httpx
import msgspec
import pytest

from membrowse.client import engine
from membrowse.client.discovery import connect
from membrowse.client.engine import EngineRefused, EngineUnavailable
from membrowse.engine.http import server
from membrowse.engine.querying import searcher
from membrowse.wire.engine import PROTOCOL, HelloRequest, RebuildRequest, Right
from membrowse.wire.notes import ChunkRequest
from membrowse.wire.request import Problem
from membrowse.wire.search import (
    FUSED,
    KEYWORD,
    RANKINGS,
    RERANKED,
    VECTOR,
    CutOrigin,
    Filters,
    PageRequest,
    RankingState,
    SearchRequest,
    SearchResponse,
    Target,
)
from tests.engine.conftest import ask, called_by, current, engine_here, order, save, serving, until
from tests.engine.in_process import telling

QUESTION = "which port does staging ssh use?"


def many_notes(folder: Path, count: int = 60) -> None:
    for number in range(count):
        text = f"# Note {number}\n\nThe pump {number % 7} feeds tank {number % 5}, port {number}.\n"
        (folder / f"note-{number:03}.md").write_text(text)


async def test_a_recall_tells_everything_that_the_contract_names(folder: Path) -> None:
    async with serving(folder) as client:
        await until(client, current)
        recall = await ask(client, QUESTION, number=7, client="tui")
        assert (recall.schema, recall.number, recall.client) == (1, 7, "tui")
        assert (recall.notes, recall.chunks, recall.pending) == (2, 3, 0)
        assert recall.query.dropped == ("which", "does")
        assert {term.term: term.df for term in recall.query.terms}["port"] >= 1
        assert recall.query.pieces == 8
        assert recall.query.unknown == 0.0
        assert set(recall.rankings) == set(RANKINGS)
        assert all(r.state is RankingState.READY for r in recall.rankings.values())
        best = recall.rankings[RERANKED].hits[0]
        assert (best.path, best.start_line, best.end_line) == ("ports.md", 1, 3)
        note = (folder / "ports.md").read_text()
        assert note[best.start_offset : best.end_offset].startswith("# Ports\n\nStaging")
        assert best.ranks == dict.fromkeys(RANKINGS, 1)
        assert best.snippet
        assert recall.rankings[RERANKED].pool == 3
        assert recall.rankings[RERANKED].cached == 3


async def test_no_answer_is_final_before_the_first_pass_over_the_folder_ends(folder: Path) -> None:
    many_notes(folder)
    notes = len(list(folder.glob("*.md")))
    async with serving(folder) as client:
        while (answer := await ask(client, QUESTION, target=Target(path="ports.md"))).reading:
            assert answer.query.partial and answer.target and answer.target.provisional
            states = {ranking.state for ranking in answer.rankings.values()}
            assert RankingState.READY not in states
        assert answer.notes == notes
        state = await until(client, current)
        assert not state.reading
        settled = await ask(client, QUESTION, target=Target(path="ports.md"))
        assert settled.target and settled.target.provisional == ""
        assert settled.target.cut is CutOrigin.DEFAULT
        rebuilding = await client.ask(RebuildRequest())
        await until(client, lambda s: s.started >= rebuilding.requested and current(s))
        assert not (await ask(client, QUESTION)).reading


async def test_rankings_arrive_one_after_another(folder: Path) -> None:
    async with serving(folder) as client:
        await until(client, current)
        target = Target(path="ports.md", line=7)
        request = SearchRequest(text=QUESTION, progressive=True, target=target)
        recalls = [recall async for recall in client.stream(request)]
        assert list(recalls[0].rankings) == [KEYWORD]
        told = [recall.target for recall in recalls]
        assert all(each and each.hit and each.hit.start_line == 5 for each in told)
        assert [each.passes for each in told if each] == [RERANKED in r.rankings for r in recalls]
        assert [recall.complete for recall in recalls] == [*[False] * (len(recalls) - 1), True]
        assert set(recalls[-1].rankings) == set(RANKINGS)
        missing = (await ask(client, QUESTION, target=Target(path="drafts/no.md"))).target
        assert missing is not None and missing.hit is None
        assert missing.reason == "the folder has no file drafts/no.md"


def test_a_query_that_nobody_waits_for_is_not_encoded_to_its_end(folder: Path) -> None:
    many_notes(folder)
    with telling(folder) as told:
        told.until(current)
        tokens = told.components.index.tokens
        tokens.delete(tokens.keys())
        request = SearchRequest(text="pump and tank", progressive=True)
        stages = told.components.searcher.stages(request)
        waiting = [next(stages)() for _ in (KEYWORD, VECTOR)][-1]
        assert waiting and waiting.rankings[RERANKED].state is RankingState.LOADING
        pool = waiting.rankings[RERANKED].pool
        assert next(stages)() is None and pool
        assert 0 < len(tokens.keys()) < pool / 4
        *_, answer = [stage() for stage in stages]
        assert answer and answer.complete
        assert answer.rankings[RERANKED].state is RankingState.READY
        assert len(tokens.keys()) == pool


async def test_the_same_question_has_the_same_answer_from_every_client(folder: Path) -> None:
    many_notes(folder)
    async with serving(folder) as client:
        await until(client, current)
        others = [await connect(folder) for _ in range(6)]
        try:
            alone = await ask(client, QUESTION)
            together = await asyncio.gather(
                *(ask(other, text) for other in others for text in (QUESTION, "pump and tank"))
            )
            pids = {(await other.ask(HelloRequest())).engine.pid for other in others}
        finally:
            for other in others:
                await other.close()
        assert len(pids) == 1
        same: list[SearchResponse] = [
            recall for recall in together if recall.query.text == QUESTION
        ]
        assert len(same) == 6
        for recall in same:
            for name in RANKINGS:
                assert order(recall, name) == order(alone, name)


async def test_pages_go_on_to_the_last_chunk(folder: Path) -> None:
    many_notes(folder)
    async with serving(folder) as client:
        state = await until(client, current)
        recall = await ask(client, "pump port", limit=5)
        for name in (VECTOR, FUSED, RERANKED):
            ranks = [hit.rank for hit in recall.rankings[name].hits]
            page = PageRequest(response=recall.id, ranking=name, offset=5, limit=1000)
            ranks += [hit.rank for hit in (await client.ask(page)).hits]
            assert ranks == list(range(1, state.chunks + 1))


async def test_a_recall_that_is_forgotten_is_told_so(folder: Path) -> None:
    async with serving(folder) as client:
        await until(client, current)
        with pytest.raises(EngineRefused, match="ask again") as raised:
            await client.ask(PageRequest(response="long-gone", ranking=KEYWORD, offset=0))
        assert raised.value.status == 404


async def test_responses_are_remembered_as_far_as_there_is_room(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine_here(folder):
        client = await connect(folder, start=False)
        try:
            await until(client, current)
            first, second = [await ask(client, text) for text in ("soup", "port")]
            await client.ask(PageRequest(response=first.id, ranking=KEYWORD, offset=0))
            monkeypatch.setattr(searcher, "REMEMBERED_BYTES", 1)
            third = await ask(client, QUESTION)
            await client.ask(PageRequest(response=third.id, ranking=KEYWORD, offset=0))
            for gone in (first, second):
                with pytest.raises(EngineRefused, match="ask again"):
                    await client.ask(PageRequest(response=gone.id, ranking=KEYWORD, offset=0))
        finally:
            await client.close()


async def test_no_request_meets_the_end_of_an_idle_connection(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (engine, server):
        monkeypatch.setattr(module, "IDLE_CONNECTION_SECONDS", 0.2)

    async def asks_in_intervals(number: int) -> None:
        client = await connect(folder, start=False)
        try:
            for step in range(10):
                await client.ask(HelloRequest())
                await asyncio.sleep(0.2 + 0.0005 * ((number + step) % 12 - 8))
        finally:
            await client.close()

    async with engine_here(folder):
        await asyncio.gather(*map(asks_in_intervals, range(12)))


async def test_a_tracked_chunk_is_found_by_its_successor_after_an_edit(folder: Path) -> None:
    async with serving(folder) as client:
        before = await until(client, current)
        chunk = (await ask(client, "soup")).rankings[KEYWORD].hits[0].chunk
        note = folder / "food.md"
        save(note, note.read_text().replace("soup", "soup and bread"))
        await until(client, lambda s: current(s) and s.generation > before.generation)
        recall = await ask(client, QUESTION, track=(chunk, "never-there"))
        assert set(recall.tracked) == {chunk}
        assert recall.tracked[chunk].path == "food.md"
        assert recall.tracked[chunk].chunk != chunk
        view = await client.ask(ChunkRequest(chunk=chunk))
        assert view.chunk == recall.tracked[chunk].chunk


async def test_the_preview_shows_the_note_around_the_chunk(folder: Path) -> None:
    async with serving(folder) as client:
        await until(client, current)
        hit = (await ask(client, "Caddy")).rankings[KEYWORD].hits[0]
        view = await client.ask(ChunkRequest(chunk=hit.chunk, text="where is Caddy?"))
        assert (view.position, view.count, view.heading) == (1, 2, "Web")
        lines = (folder / "ports.md").read_text().splitlines()
        assert list(view.lines) == lines
        assert view.first_line == 1
        assert [lines[number - 1][start:end] for number, start, end in view.marks] == ["Caddy"]


async def test_filters_narrow_every_ranking(folder: Path) -> None:
    async with serving(folder) as client:
        await until(client, current)
        recall = await ask(client, "port path:food", syntax="operators")
        for name in RANKINGS:
            assert {hit.path for hit in recall.rankings[name].hits} <= {"food.md"}
        assert recall.rankings[VECTOR].total == 1
        literal = await ask(client, "port path:food")
        assert literal.rankings[VECTOR].total == 3
        filtered = await ask(client, "port", filters=Filters(path="food.md", after="2020"))
        assert filtered.query.filters == ("path:food.md", "after:2020")
        assert {name: each.total for name, each in filtered.rankings.items()} == (
            {name: each.total for name, each in recall.rankings.items()}
        )
        assert filtered.rankings[RERANKED].hits[0].ranks[RERANKED] == 1
        with pytest.raises(EngineRefused, match="after:soon needs a date") as refused:
            await ask(client, "port", filters=Filters(after="soon"))
        assert (refused.value.status, refused.value.problem.kind) == (400, "filter")


async def test_without_a_model_keyword_answers_and_the_others_say_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBROWSE_ENCODER_MODEL", str(folder.parent / "no-model"))
    async with serving(folder) as client:
        state = await until(client, lambda state: state.chunks > 0 and state.progress is None)
        assert state.encoder.state is RankingState.FAILED
        recall = await ask(client, QUESTION)
        keyword, vector = recall.rankings[KEYWORD], recall.rankings[VECTOR]
        assert keyword.state is RankingState.READY
        assert keyword.hits[0].path == "ports.md"
        assert vector.state is RankingState.FAILED
        assert "no-model" in vector.message
        assert vector.hits == ()
        for name in (FUSED, RERANKED):
            assert recall.rankings[name].hits[0].path == "ports.md"
            assert "no-model" in recall.rankings[name].message


async def test_a_model_that_goes_missing_leaves_the_index_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(folder) as client:
        before = await until(client, current)
    monkeypatch.setenv("MEMBROWSE_ENCODER_MODEL", str(folder.parent / "no-model"))
    async with serving(folder) as client:
        state = await until(client, lambda state: state.started > 0)
        assert (state.generation, state.chunks) == (before.generation, before.chunks)
        assert (await ask(client, QUESTION)).rankings[KEYWORD].hits[0].path == "ports.md"
    monkeypatch.delenv("MEMBROWSE_ENCODER_MODEL")
    async with serving(folder) as client:
        after = await until(client, current)
        assert after.generation == before.generation


async def test_other_users_may_read_and_nothing_else(folder: Path) -> None:
    from membrowse.engine.http.peers import Rights
    from membrowse.engine.http.server import application
    from membrowse.engine.service import Service
    from membrowse.settings import Settings

    service = Service(folder, Settings(), idle_seconds=0)
    await service.start()
    stranger = called_by(application(service, Rights()), os.getuid() + 1)
    async with httpx.AsyncClient(transport=stranger, base_url="http://engine") as client:
        hello = (await client.post("/hello", content="{}")).json()
        assert hello["rights"] == [Right.READ]
        assert hello["protocol"] == PROTOCOL
        assert (await client.post("/files", content="{}")).status_code == 200
        for path, body in (
            ("/reindex", "{}"),
            ("/watch", '{"paused": true}'),
            ("/stop", "{}"),
            ("/rebuild", "{}"),
        ):
            refused = await client.post(path, content=body)
            assert refused.status_code == 403
            assert (
                "permission denied: only"
                in msgspec.json.decode(refused.content, type=Problem).message
            )
        bad = await client.post("/search", content='{"text": 3}')
        assert bad.status_code == 400
    service.begin_stop()
    await service.close()


async def test_no_engine_and_none_wanted_is_said(folder: Path) -> None:
    with pytest.raises(EngineUnavailable, match="no engine runs"):
        await connect(folder, start=False)
    with pytest.raises(EngineUnavailable, match="not a readable folder"):
        await connect(folder / "nowhere")
