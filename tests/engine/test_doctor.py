"""The doctor finds what is wrong, and says which command mends it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from membrowse import interpreter, paths
from membrowse.client.engine import EngineRefused
from membrowse.engine.lock import IndexLock
from membrowse.index.local_stores import INDEX_FORMAT
from membrowse.sqlite import checksum
from membrowse.wire.engine import EngineState, HelloRequest, RebuildRequest
from membrowse.wire.health import Check, CheckState, Health, StoreCheckRequest
from tests.engine.conftest import ask, current, made_otherwise, serving, until


def examined(folder: Path) -> tuple[int, dict[str, Check]]:
    done = interpreter.run("membrowse.engine.health.doctor", folder=folder, timeout=100)
    health = msgspec.json.decode(done.stdout, type=Health)
    assert health.healthy == (done.returncode == 0)
    return done.returncode, {check.name: check for check in health.checks}


async def indexed(folder: Path) -> None:
    async with serving(folder) as client:
        await until(client, current)


async def test_a_healthy_index_is_healthy_with_and_without_an_engine(folder: Path) -> None:
    async with serving(folder) as client:
        await until(client, current)
        status, checks = examined(folder)
        assert status == 0
        assert "all stores agree" in checks["index"].detail
        assert str((await client.ask(HelloRequest())).engine.pid) in checks["lock"].detail
    status, checks = examined(folder)
    assert status == 0
    assert "all stores agree" in checks["index"].detail
    assert "free" in checks["lock"].detail
    assert "window-256" in checks["recipe"].detail
    assert {check.state for check in checks.values()} == {CheckState.OK}


async def test_stores_that_disagree_are_a_problem(folder: Path) -> None:
    await indexed(folder)
    manifest = paths.index_dir(folder) / "manifest.sqlite"
    manifest.write_bytes(b"garbled" * 1000)
    status, checks = examined(folder)
    assert status == 1
    assert checks["index"].state is CheckState.PROBLEM
    assert sqlite3.DatabaseError.__name__ not in checks["index"].detail
    assert "--rebuild" in checks["index"].detail + checks["index"].remedy


async def test_the_engine_rebuilds_a_garbled_index_and_says_why(folder: Path) -> None:
    await indexed(folder)
    (paths.index_dir(folder) / "manifest.sqlite").write_bytes(b"garbled" * 1000)
    async with serving(folder) as client:
        reasons = set()

        def rebuilt(state: EngineState) -> bool:
            reasons.add(state.stale)
            return current(state) and state.notes == 2

        after = await until(client, rebuilt)
        assert after.problem == ""
    assert "its manifest was damaged" in paths.log_file(folder).read_text() + str(reasons)
    assert examined(folder)[0] == 0


def _files(directory: Path) -> dict[str, bytes]:
    """The content of every file of an index, but for who locks it and its log."""
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in sorted(directory.rglob("*"))
        if file.is_file() and file.name not in ("lock", "engine.log")
    }


async def test_an_index_of_a_newer_format_is_refused_and_not_a_byte_of_it_changes(
    folder: Path,
) -> None:
    async with serving(folder) as client:
        await until(client, current)
    directory = paths.index_dir(folder)
    newer = str(INDEX_FORMAT + 1)
    (directory / "format").write_text(f"{newer} {checksum(newer)}\n")
    before = _files(directory)
    async with serving(folder) as client:
        state = await until(client, lambda state: bool(state.problem))
        assert f"(format {newer}; this one reads {INDEX_FORMAT})" in state.problem
        assert "`membrowse doctor` says what to do" in state.problem
        with pytest.raises(EngineRefused, match="a newer version made the index"):
            await ask(client, "ssh")
    assert _files(directory) == before
    refused = examined(folder)[1]["index"]
    assert "a newer version made the index" in refused.detail
    assert refused.remedy == "`membrowse index --rebuild`"
    assert _files(directory) == before
    async with serving(folder) as client:
        await client.ask(RebuildRequest())
        await until(client, lambda state: current(state) and state.notes == 2)
    assert (directory / "format").read_text().startswith(f"{INDEX_FORMAT} ")


async def test_damaged_entries_are_reported_and_made_again(folder: Path) -> None:
    await indexed(folder)
    with closing(sqlite3.connect(paths.index_dir(folder) / "tokens.sqlite")) as database:
        database.execute(
            "UPDATE entries SET tokens = 1 WHERE key IN (SELECT key FROM entries LIMIT 1)"
        )
        database.commit()
    async with serving(folder) as client:
        await until(client, current)
        found = await client.ask(StoreCheckRequest())
    assert {(each.store, each.kind, each.count) for each in found.discrepancies} == {
        ("tokens", "damaged", 1)
    }
    status, checks = examined(folder)
    assert (status, checks["index"].state) == (0, CheckState.OK)


async def test_a_holder_that_does_not_answer_is_named(folder: Path) -> None:
    await indexed(folder)
    lock = IndexLock(paths.index_dir(folder))
    lock.acquire("2026-11-22T10:00:00Z")
    try:
        status, checks = examined(folder)
    finally:
        lock.release()
    assert status == 1
    assert f"process {os.getpid()} of" in checks["lock"].detail
    assert "does not answer" in checks["lock"].detail
    assert checks["lock"].remedy == f"`kill {os.getpid()}`"
    assert "index" not in checks


async def test_an_index_of_another_recipe_is_told_with_what_rebuilds_it(folder: Path) -> None:
    await indexed(folder)
    made_otherwise(paths.index_dir(folder))
    status, checks = examined(folder)
    assert status == 0
    assert checks["recipe"].state is CheckState.WARNING
    assert "chunker ancient → " in checks["recipe"].detail
    assert "`membrowse index`" in checks["recipe"].remedy
    assert checks["index"].state is CheckState.OK


def test_a_model_that_is_not_there_is_a_problem(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBROWSE_ENCODER_MODEL", str(folder / "nowhere"))
    status, checks = examined(folder)
    assert status == 1
    assert checks["model"].state is CheckState.PROBLEM
    assert "nowhere" in checks["model"].detail


def test_bad_settings_are_a_problem_and_do_not_stop_the_rest(folder: Path) -> None:
    file = paths.config_file()
    file.parent.mkdir(parents=True)
    file.write_text("[agent]\nk = 0\n")
    status, checks = examined(folder)
    assert status == 1
    assert "agent.k" in checks["settings"].detail
    assert checks["folder"].state is CheckState.OK
    assert checks["index"].state is CheckState.WARNING
