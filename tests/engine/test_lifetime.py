"""Engines are started, die, are noticed, are replaced, and end when nobody needs them."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import stat
import time
from pathlib import Path

import psutil
import pytest

from membrowse import paths
from membrowse.client import discovery
from membrowse.client.discovery import connect
from membrowse.client.engine import EngineClient, EngineUnavailable
from membrowse.client.supervisor import Connected, GaveUp, Lost, Supervisor
from membrowse.engine.lock import IndexLock
from membrowse.wire.engine import HelloRequest, RebuildRequest, ReindexRequest
from membrowse.wire.health import StoreCheckRequest
from membrowse.wire.notes import FilesRequest
from tests.engine.conftest import ask, at, current, eventually, serving, until
from tests.waiting import DEADLINE_SECONDS


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


async def test_death_is_noticed_at_once_and_mended(folder: Path) -> None:
    sessions = Supervisor(folder).sessions()
    killed_at = 0.0
    seen: list[str] = []
    async with asyncio.timeout(DEADLINE_SECONDS):
        async for session in sessions:
            seen.append(type(session).__name__)
            if isinstance(session, Connected) and not killed_at:
                killed_at = time.monotonic()
                kill(session.hello.engine.pid)
            elif isinstance(session, Lost):
                assert time.monotonic() - killed_at < 30.0, "only a request timed out"
            elif isinstance(session, Connected):
                assert (await ask(session.engine, "soup")).query.text == "soup"
                break
    await sessions.aclose()
    assert "Lost" in seen
    await discovery.stop(folder)


async def test_three_deaths_in_a_minute_are_enough(folder: Path) -> None:
    last = None
    async with asyncio.timeout(DEADLINE_SECONDS):
        async for session in Supervisor(folder).sessions():
            last = session
            if isinstance(session, Connected):
                kill(session.hello.engine.pid)
    assert isinstance(last, GaveUp)
    assert "3 times within a minute" in last.message
    assert "membrowse doctor" in last.message
    assert str(folder) in last.log_tail


async def test_an_engine_that_cannot_start_says_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = paths.config_file()
    file.parent.mkdir(parents=True)
    file.write_text("[fusion]\nweight = 7\n")
    with pytest.raises(EngineUnavailable, match="fusion.weight"):
        await connect(folder)


async def test_an_engine_without_clients_ends_and_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBROWSE_ENGINE_IDLE_MINUTES", "0.05")  # a slow client has time
    client = await connect(folder)
    await until(client, current)
    process = psutil.Process((await client.ask(HelloRequest())).engine.pid)
    await client.close()

    async def gone() -> bool:
        return not discovery._process_runs(process.pid)

    await eventually(gone)
    assert not paths.own_socket(folder).exists()


async def test_clients_that_start_at_once_share_one_engine(folder: Path) -> None:
    clients = await asyncio.gather(*(connect(folder) for _ in range(5)))
    try:
        pids = {(await client.ask(HelloRequest())).engine.pid for client in clients}
        assert len(pids) == 1
    finally:
        for client in clients:
            await client.close()
        await discovery.stop(folder)


async def test_a_client_that_comes_while_an_engine_ends_gets_the_next_one(folder: Path) -> None:
    ending = IndexLock(paths.index_dir(folder))
    ending.acquire("now")
    connecting = asyncio.create_task(connect(folder))

    async def refused() -> bool:
        return "is in use by" in discovery.last_words(paths.log_file(folder))

    await eventually(refused)
    ending.release()
    client = await connecting
    assert (await client.ask(HelloRequest())).folder == str(folder)
    await client.close()
    await discovery.stop(folder)


async def test_what_is_written_is_for_the_owner_only(folder: Path, home: Path) -> None:
    async with serving(folder) as client:
        await until(client, current)
        socket = paths.own_socket(folder)
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        for path in [paths.index_dir(folder), *paths.index_dir(folder).rglob("*")]:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


NOTES, PARTS, VERSIONS = 16, 3, 2


def write_notes(folder: Path, versions: list[int]) -> None:
    """One version of each note; few texts in all, so that every vector is soon known."""
    for number, version in enumerate(versions):
        parts = "".join(
            f"## Part {part}\n\nNote {number}, version {version}, part {part}.\n\n"
            for part in range(PARTS)
        )
        (folder / f"note-{number:02}.md").write_text(f"# Note {number}\n\n{parts}")


async def crash_while_indexing(client: EngineClient, folder: Path, seed: int) -> None:
    """Let the engine work, and kill it at a random moment."""
    dice = random.Random(seed)
    write_notes(folder, [dice.randrange(VERSIONS) for _ in range(NOTES)])
    await client.ask(RebuildRequest() if seed % 2 == 0 else ReindexRequest())
    await asyncio.sleep(dice.uniform(0.0, 0.6))  # the moment of the kill, not a wait
    kill((await client.ask(HelloRequest())).engine.pid)
    await client.close()


async def agree(client: EngineClient, folder: Path) -> None:
    """Wait until the index is current; all its stores then hold what the folder holds."""
    state = await until(client, current)
    report = await client.ask(StoreCheckRequest())
    assert report.discrepancies == ()
    assert (report.notes, report.chunks) == (state.notes, state.chunks)
    assert {record.path for record in await client.ask(FilesRequest())} == {
        path.name for path in folder.iterdir()
    }


@pytest.mark.parametrize(("store", "kills"), [("embedded", 6), ("milvus", 2)])
async def test_a_kill_at_any_moment_is_repaired_by_the_next_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch, store: str, kills: int
) -> None:
    if store == "milvus":
        pytest.importorskip("milvus_lite", reason="the extra membrowse[milvus] is not installed")
    async with serving(folder) as client:  # encode every text once: the kills hit indexing alone
        for version in range(VERSIONS):
            before = await until(client, current)
            write_notes(folder, [version] * NOTES)
            await until(client, at(before.generation))
    monkeypatch.setenv("MEMBROWSE_STORE_KIND", store)
    for seed in range(kills):
        client = await connect(folder)
        await agree(client, folder)  # after the kill before
        await crash_while_indexing(client, folder, seed)
    async with serving(folder) as client:
        await agree(client, folder)


async def test_a_home_that_cannot_be_written_is_named(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "in the way").write_text("")
    monkeypatch.setenv("MEMBROWSE_HOME", str(home / "in the way"))
    with pytest.raises(EngineUnavailable, match="no engine can be started: .*in the way"):
        await connect(folder)
