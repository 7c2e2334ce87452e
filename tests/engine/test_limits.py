"""What one client may take of an engine: bodies, connections and abandoned work are bounded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from membrowse import paths
from membrowse.client.engine import EngineClient
from membrowse.engine.http import peers, server
from membrowse.engine.http.listener import bind
from membrowse.engine.http.peers import Rights
from membrowse.engine.service import Service
from membrowse.engine.service_manager import ServiceManager
from membrowse.settings import Settings
from membrowse.wire.engine import Hello, HelloRequest
from membrowse.wire.search import SearchRequest
from tests.engine.conftest import DEADLINE_SECONDS, ask, current, serving, until


@asynccontextmanager
async def engine_here(folder: Path) -> AsyncIterator[Path]:
    """An engine in this process; its socket."""
    listener = bind(paths.own_socket(folder))
    service = Service(folder, Settings(), idle_seconds=0)
    running = asyncio.create_task(server.run(service, listener, ServiceManager({}), Rights()))
    try:
        yield listener.path
    finally:
        service.begin_stop()
        await running
        listener.close()


async def post(socket_path: Path, path: str, content: bytes) -> int:
    transport = httpx.AsyncHTTPTransport(uds=str(socket_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://engine") as client:
        return (await client.post(path, content=content)).status_code


async def hello(path: Path) -> Hello:
    client = EngineClient(path, os.getuid())
    try:
        return await client.ask(HelloRequest())
    finally:
        await client.close()


async def test_a_body_beyond_a_megabyte_is_refused(folder: Path) -> None:
    async with engine_here(folder) as path:
        assert await post(path, "/search", b'{"text": "' + b"a" * 2_000_000 + b'"}') == 413
        assert await post(path, "/search", b"[" * 100_000) == 400
        assert (await hello(path)).rights


async def test_a_connection_that_says_nothing_is_closed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "REQUEST_SECONDS", 0.1)
    async with engine_here(folder) as path:
        for sent in (b"", b"POST /hello HTTP/1.1\r\nHost: engine\r\n"):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(sent)
            async with asyncio.timeout(DEADLINE_SECONDS):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
            writer.close()


async def test_a_user_may_open_only_so_many_connections(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "CONNECTIONS_PER_USER", 5)
    async with engine_here(folder) as path:
        silent = [socket.socket(socket.AF_UNIX) for _ in range(5)]
        for each in silent:
            await asyncio.to_thread(each.connect, str(path))
        reader, writer = await asyncio.open_unix_connection(path)
        async with asyncio.timeout(DEADLINE_SECONDS):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()
        for each in silent:
            each.close()
        async with asyncio.timeout(DEADLINE_SECONDS):
            while peers.PeerProtocol._open[os.getuid()]:
                await asyncio.sleep(0.01)
        assert (await hello(path)).rights


async def test_abandoned_queries_do_not_delay_the_next(folder: Path) -> None:
    for number in range(300):
        (folder / f"note-{number}.md").write_text(f"# Note {number}\n\nSoup, ports and rain.\n")
    async with serving(folder) as client:
        await until(client, current)
        await ask(client, "rain")
        abandoned = [
            asyncio.create_task(ask(client, f"soup and ports {number}", limit=200))
            for number in range(100)
        ]
        await asyncio.sleep(0.2)
        for task in abandoned:
            task.cancel()
        await asyncio.gather(*abandoned, return_exceptions=True)
        started = time.monotonic()
        assert (await ask(client, "soup")).complete
        assert time.monotonic() - started < 2.0
        assert [each async for each in client.stream(SearchRequest(text="soup"))][-1].complete
