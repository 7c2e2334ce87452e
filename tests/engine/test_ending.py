"""An engine ends in order, whatever ends it: stores closed, socket gone, one line in the log."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from membrowse import paths
from membrowse.client import discovery
from membrowse.client.engine import EngineUnavailable
from membrowse.wire.engine import HelloRequest
from tests.engine.conftest import ask, current, serving, until
from tests.engine.standing import client_of
from tests.waiting import DEADLINE_SECONDS


async def running(folder: Path) -> psutil.Process:
    """The process of an engine whose index is current."""
    async with client_of(folder, when=current) as client:
        return psutil.Process((await client.ask(HelloRequest())).engine.pid)


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_signal_is_an_orderly_end(folder: Path, signal_: signal.Signals) -> None:
    process = await running(folder)
    process.send_signal(signal_)
    await asyncio.to_thread(process.wait, DEADLINE_SECONDS)
    lines = paths.log_file(folder).read_text().splitlines()
    assert f"received {signal_.name}" in "\n".join(lines)
    assert lines[-1].endswith("ended")
    assert not paths.own_socket(folder).exists()
    directory = paths.index_dir(folder)
    for store in directory.rglob("*.sqlite"):
        assert not Path(f"{store}-wal").exists(), "every store was closed"
        with closing(sqlite3.connect(store)) as connection:
            assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)


async def test_an_engine_that_exports_its_encoder_ends_at_once(folder: Path) -> None:
    paths.cache_dir().unlink()  # a link to the cache that has the export
    client = await discovery.connect(folder)
    process = psutil.Process((await client.ask(HelloRequest())).engine.pid)
    await client.close()
    exports: list[psutil.Process] = []
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not exports:
            await asyncio.sleep(0.05)
            exports = [child for child in process.children() if _exports(child)]
    process.terminate()
    await asyncio.to_thread(process.wait, DEADLINE_SECONDS)
    assert not psutil.wait_procs(exports, DEADLINE_SECONDS)[1]
    log = paths.log_file(folder).read_text()
    assert log.splitlines()[-1].endswith("ended") and "ERROR" not in log
    assert not list(paths.cache_dir().glob("exports/*/model.onnx"))


def _exports(process: psutil.Process) -> bool:
    try:
        return "membrowse.encoding.onnx_export_child" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


async def test_an_engine_whose_socket_is_gone_ends_and_is_replaced(folder: Path) -> None:
    process = await running(folder)
    shutil.rmtree(paths.own_socket(folder).parent)
    await asyncio.to_thread(process.wait, DEADLINE_SECONDS)
    log = paths.log_file(folder).read_text()
    assert "is gone: stopping" in log and log.splitlines()[-1].endswith("ended")
    async with serving(folder) as client:
        await until(client, current)
        assert (await client.ask(HelloRequest())).engine.pid != process.pid
        assert (await ask(client, "soup")).rankings["keyword"].total == 1


async def test_a_socket_that_took_the_place_of_an_engines_own_is_left_alone(folder: Path) -> None:
    process = await running(folder)
    socket = paths.own_socket(folder)
    socket.unlink()
    socket.write_text("another's")
    await asyncio.to_thread(process.wait, DEADLINE_SECONDS)
    assert socket.read_text() == "another's"


async def test_an_engine_that_hangs_is_reported_and_not_waited_for(folder: Path) -> None:
    process = await running(folder)
    process.suspend()
    try:
        started = time.monotonic()
        with pytest.raises(EngineUnavailable, match="not answered for 5 s: run `membrowse doctor`"):
            await discovery.connect(folder)
        assert time.monotonic() - started < 25  # and not 30, as for one that starts
    finally:
        process.resume()
    assert await discovery.stop(folder)


def test_a_process_that_its_parent_has_not_reaped_has_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert discovery._process_runs(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not discovery._process_runs(child.pid)
    finally:
        child.communicate()
    assert not discovery._process_runs(child.pid)
