"""Recalls in a real engine: recorded, found again, imported, followed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from membrowse import paths
from membrowse.client.engine import Engine, EngineRefused
from membrowse.wire.engine import HelloRequest, MetricsRequest, RebuildRequest
from membrowse.wire.recalls import (
    FollowRecallsRequest,
    ForgetRecallsRequest,
    ImportRecallsRequest,
    NewRecalls,
    Outcome,
    Recall,
    RecallFlag,
    RecallHit,
    RecallPage,
    RecallRequest,
    RecallsRequest,
    RecallView,
    ReplayRequest,
)
from membrowse.wire.search import RANKINGS, Filters, RecallContext
from tests.engine.conftest import ask, at, current, eventually, save, serving, until
from tests.waiting import DEADLINE_SECONDS

AGENT = RecallContext(agent="clara", session="s1", k=1)
SSH = "which port does staging ssh listen on"


async def page(engine: Engine, count: int) -> RecallPage:
    """The log once it has `count` recalls."""
    found: list[RecallPage] = []

    async def arrived() -> bool:
        found.append(await engine.ask(RecallsRequest()))
        return found[-1].total >= count

    await eventually(arrived)
    return found[-1]


def foreign(number: int, path: str, start: int = 0, end: int = 0, **fields: object) -> Recall:
    hit = RecallHit(path=path, start_line=start, end_line=end, score=0.4)
    known = {
        "id": f"foreign-{number}",
        "at": f"2026-11-2{number}T00:00:00.000Z",
        "agent": "openclaw",
        "query": SSH,
        "source": "openclaw",
        "given": (hit,),
    }
    return Recall(**known | fields)  # type: ignore[arg-type]


async def test_a_search_of_an_agent_is_recorded_and_survives_rebuild_and_kill(
    folder: Path,
) -> None:
    async with serving(folder) as engine:
        state = await until(engine, current)
        await ask(engine, "typed by a person")
        response = await ask(engine, SSH, recall=AGENT)
        cut = RecallContext(agent="bob", k=5, min_score=1.5)
        await ask(engine, "soup", recall=cut)
        listed = await page(engine, 2)
        assert [(each.agent, each.outcome) for each in listed.recalls] == [
            ("bob", Outcome.EMPTY),
            ("clara", Outcome.ANSWERED),
        ]
        assert listed.recalls[0].flags == (RecallFlag.EMPTY, RecallFlag.CUT)
        view = await engine.ask(RecallRequest(id=response.id))
        recall = view.recall
        top = response.rankings["reranked"].hits[0]
        assert [(hit.chunk, hit.path, hit.start_line) for hit in recall.given] == [
            (top.chunk, top.path, top.start_line)
        ]
        assert set(recall.rankings) == set(RANKINGS) and recall.generation == state.generation
        assert view.given[0].ranks == top.ranks and not view.flags
        metrics = (await engine.ask(MetricsRequest())).text
        served = f'service="{paths.folder_key(folder)}"'
        assert f'total{{agent="clara",outcome="answered",{served}}} 1.0' in metrics
        assert f'total{{agent="bob",outcome="empty",{served}}} 1.0' in metrics
        assert "soup" not in metrics
        await engine.ask(RebuildRequest())
        await until(engine, at(state.generation))
        hello = await engine.ask(HelloRequest())
        os.kill(hello.engine.pid, signal.SIGKILL)
    async with serving(folder) as engine:
        await until(engine, current)
        assert (await engine.ask(RecallsRequest())).total == 2
        assert (await engine.ask(ForgetRecallsRequest(agent="bob"))).recalls == 1
        assert (await engine.ask(RecallsRequest())).agents == {"clara": 1}
        *_, last = [progress async for progress in engine.stream(ReplayRequest())]
        assert last.summary is not None and last.summary.overlap.mean == 1
    file = paths.index_dir(folder) / "recalls.sqlite"
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_recall_with_filters_is_ranked_with_them(folder: Path) -> None:
    (folder / "other.md").write_text("# Staging\n\nstaging ssh listens on port 22, said ssh\n")
    async with serving(folder) as engine:
        await until(engine, current)
        response = await ask(engine, SSH, recall=AGENT, filters=Filters(path="ports.md"))
        await page(engine, 1)
        view = await engine.ask(RecallRequest(id=response.id))
        (hit,) = view.given
        assert hit.hit.path == "ports.md" and hit.ranks["reranked"] == 1
        assert view.recall.filters == ("path:ports.md",) and not view.flags
        *_, last = [progress async for progress in engine.stream(ReplayRequest())]
        assert last.summary is not None
        assert (last.summary.left_out, last.summary.overlap.mean) == (0, 1)


async def test_hits_of_a_foreign_log_are_found_in_the_index(folder: Path) -> None:
    async with serving(folder) as engine:
        await until(engine, current)
        recalls = (
            foreign(1, "ports.md", 3, 3),
            foreign(2, f"{folder}/ports.md", 7, 7),
            foreign(3, "notes/ports.md", 5, 9),
            foreign(4, "../../etc/passwd", 1, 2),
            foreign(5, "ports"),
            foreign(6, "", given=(RecallHit(path="", text="likes soup on rainy"),)),
        )
        done = await engine.ask(ImportRecallsRequest(recalls=recalls))
        assert (done.added, done.known, done.located, done.outside) == (6, 0, 4, 1)
        for unusable in (foreign(7, "a.md", at="soon"), foreign(7, "a.md", id="\x1b[2J")):
            with pytest.raises(EngineRefused):
                await engine.ask(ImportRecallsRequest(recalls=(unusable,)))
        again = await engine.ask(ImportRecallsRequest(recalls=recalls))
        assert (again.added, again.known) == (0, 6)

        async def shown(number: int) -> RecallView:
            return await engine.ask(RecallRequest(id=f"foreign-{number}"))

        starts = [(await shown(number)).given[0].start_line for number in (1, 2, 3)]
        assert starts[0] < starts[1] == starts[2]
        outside = (await shown(4)).given[0]
        assert (outside.chunk, outside.note) == ("", "outside the folder")
        assert (await shown(5)).given[0].hit.path == "ports.md"
        assert (await shown(6)).given[0].hit.path == "food.md"
        generation = (await until(engine, current)).generation
        (folder / "food.md").unlink()
        save(folder / "ports.md", "# Ports\n\nStaging ssh listens on port 2223 now.\n")
        await until(engine, at(generation))
        await until(engine, lambda state: current(state) and state.chunks == 1)
        gone, edited = (await shown(6)).given[0], (await shown(1)).given[0]
        assert gone.chunk == "" and (gone.gone_since or 0) > generation
        assert edited.edited and edited.ranks["reranked"] == 1
        stale = await engine.ask(RecallsRequest(flag=RecallFlag.STALE))
        assert "foreign-1" in [each.id for each in stale.recalls]


async def test_followers_get_recalls_as_they_come(folder: Path) -> None:
    async with serving(folder) as engine:
        await until(engine, current)
        stream = engine.stream(FollowRecallsRequest(agent="clara"))
        assert await anext(stream) == NewRecalls()
        await ask(engine, "not hers", recall=RecallContext(agent="bob"))
        await ask(engine, SSH, recall=AGENT)
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not (batch := await anext(stream)).recalls:
                pass
        assert [each.query for each in batch.recalls] == [SSH]
        await stream.aclose()
