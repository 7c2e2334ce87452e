"""An engine whose index is in Milvus Lite, over its socket."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from membrowse import paths
from membrowse.client.engine import EngineClient, EngineRefused
from membrowse.client.launch import started
from membrowse.engine import broadcast
from membrowse.engine.indexing import indexer
from membrowse.settings import EngineSettings, Settings, StoreKind, StoreSettings
from membrowse.wire.crowding import CrowdingRequest, CrowdingSource
from membrowse.wire.diagnosis import DiagnosisRequest, SuggestionsRequest
from membrowse.wire.engine import HelloRequest, StatusRequest
from membrowse.wire.explanation import ExplainRequest
from membrowse.wire.health import StoreCheckRequest
from membrowse.wire.pins import AddPinRequest, PinsRequest
from membrowse.wire.search import RANKINGS, RankingState, Target
from tests.conftest import ExportedEncoder
from tests.engine.conftest import ask, at, current, engine_here, first_paths, until
from tests.engine.standing import client_of, standing, write
from tests.milvus_server import milvus_server, reserved_port, wait_for_milvus
from tests.waiting import DEADLINE_SECONDS

pytest.importorskip("pymilvus", reason="the extra membrowse[milvus] is not installed")
pytest.importorskip("milvus_lite", reason="the extra membrowse[milvus] is not installed")

QUESTION = "which port does staging ssh use?"
NOTES = {
    "ports.md": "# Ports\n\nStaging ssh listens on port 2222 behind the bastion.\n",
    "old.md": "# Old ports\n\nStaging ssh listened on port 22.\n",
    "food.md": "# Food\n\nThe maintainer likes soup on rainy days.\n",
} | {f"log-{n:02}.md": f"# Log {n}\n\nPump {n % 7} feeds tank {n % 5}.\n" for n in range(8)}


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, exported_encoder: ExportedEncoder
) -> Iterator[Path]:
    base = tmp_path_factory.mktemp("milvus")
    with standing(base, exported_encoder, NOTES, MEMBROWSE_STORE_KIND="milvus") as folder:
        yield folder


@pytest.fixture(autouse=True)
def home(folder: Path) -> None:
    """The module's own home, instead of one for every test."""


@pytest_asyncio.fixture
async def client(folder: Path) -> AsyncIterator[EngineClient]:
    async with client_of(folder, when=current) as client:
        yield client


async def test_it_answers_like_any_engine(client: EngineClient, folder: Path) -> None:
    response = await ask(client, QUESTION)
    assert {ranking.state for ranking in response.rankings.values()} == {RankingState.READY}
    assert set(first_paths(response).values()) == {"ports.md"}
    explained = await client.ask(ExplainRequest(text=QUESTION, target=Target(path="food.md")))
    assert (explained.keyword.rank, explained.vector.rank is not None) == (None, True)
    request = DiagnosisRequest(text=QUESTION, target=Target(path="food.md"), k=1)
    why = await client.ask(request)
    assert not why.in_top_k and why.match.hit is not None
    tried = await client.ask(SuggestionsRequest(text=QUESTION, target=request.target, k=1))
    assert "edits of the note were not tried: Milvus" in tried.unfinished
    run = await client.ask(AddPinRequest(text=QUESTION, target=Target(path="ports.md"), k=1))
    assert run.results[0].passes and set(run.results[0].ranks) == set(RANKINGS)
    status = await client.ask(StatusRequest())
    assert status.store == f"Milvus Lite ({paths.index_dir(folder) / 'milvus.db'})"
    assert status.state.kept_in == status.store
    assert status.sizes["milvus"] > 0 and "chroma" not in status.sizes


async def test_a_killed_engine_leaves_no_process_and_nothing_to_mend_by_hand(
    client: EngineClient, folder: Path
) -> None:
    engine = (await client.ask(HelloRequest())).engine
    listening = [each for each in psutil.Process(engine.pid).net_connections("inet")]
    assert listening == []
    children = psutil.Process(engine.pid).children(recursive=True)
    (folder / "new.md").write_text("# New\n\nWritten when the engine was killed.\n")
    os.kill(engine.pid, signal.SIGKILL)
    started[engine.pid].wait()
    assert not psutil.wait_procs(children, DEADLINE_SECONDS)[1]
    async with client_of(folder, when=current) as again:
        report = await again.ask(StoreCheckRequest())
        assert report.discrepancies == () and report.notes == len(NOTES) + 1
        assert first_paths(await ask(again, "written when killed"))["keyword"] == "new.md"
        state = await until(again, current)
        (folder / "new.md").write_text("# New\n\nSaved again.\n")
        await until(again, at(state.generation))
        assert (await ask(again, "killed")).rankings["keyword"].total == 0


async def test_an_outage_is_shown_and_what_was_saved_meanwhile_is_indexed_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("membrowse.index.milvus.index._REPAIR_SECONDS", 0.1)
    monkeypatch.setattr(indexer, "_STORE_SECONDS", 0.2)
    monkeypatch.setattr(broadcast, "_HEARTBEAT_SECONDS", 3600.0)
    folder, place = tmp_path / "notes", tmp_path / "server"
    write(folder, {"ports.md": NOTES["ports.md"]})
    wait_for_milvus(monkeypatch, 15.0)
    with reserved_port() as port, ExitStack() as servers:
        servers.enter_context(milvus_server(place, port))
        settings = Settings(
            store=StoreSettings(kind=StoreKind.MILVUS, uri=f"http://127.0.0.1:{port}"),
            engine=EngineSettings(settle_ms=50, check_seconds=3600.0),
        )
        async with (
            engine_here(folder, settings=settings),
            client_of(folder, when=current) as client,
        ):
            pin = AddPinRequest(text=QUESTION, target=Target(path="ports.md"))
            assert (await client.ask(pin)).passing == 1
            servers.close()
            wait_for_milvus(monkeypatch, 3.0)
            failed = await ask(client, QUESTION)
            assert failed.rankings["keyword"].state is RankingState.FAILED
            explain = ExplainRequest(text="ssh", target=Target(path="ports.md"))
            crowding = CrowdingRequest(source=CrowdingSource.QUERY, text=QUESTION)
            for asked in (client.ask(explain), client.ask(crowding), client.ask(PinsRequest())):
                with pytest.raises(EngineRefused, match="does not answer"):
                    await asked
            wait_for_milvus(monkeypatch, 15.0)
            servers.enter_context(milvus_server(place, port))
            await until(client, lambda state: state.generation > failed.generation)  # ask again
            assert set(first_paths(await ask(client, QUESTION)).values()) == {"ports.md"}
            (result,) = (await client.ask(PinsRequest())).results
            assert result.passes and None not in result.history
            servers.close()
            wait_for_milvus(monkeypatch, 3.0)
            write(folder, {"new.md": "# New\n\nWritten during the outage.\n"})
            silent = f"Milvus at 127.0.0.1:{port} does not answer"
            outage = await until(client, lambda state: silent in state.problem)
            assert (outage.notes, outage.pending.new) == (1, 1)
            found = await ask(client, QUESTION)
            for name in ("keyword", "vector"):
                ranking = found.rankings[name]
                assert ranking.state is RankingState.FAILED and silent in ranking.message
            wait_for_milvus(monkeypatch, 15.0)
            servers.enter_context(milvus_server(place, port))
            after = await until(client, lambda state: current(state) and state.notes == 2)
            assert (after.problem, after.pending.total) == ("", 0)
            again = await ask(client, "what was written during the outage?")
            assert set(first_paths(again).values()) == {"new.md"}
