"""What one client may take of an engine: bodies, connections and abandoned work are bounded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from membrowse.client import discovery
from membrowse.client.engine import EngineClient
from membrowse.engine.http import peers
from membrowse.engine.querying.searcher import Searcher, Stage
from membrowse.engine.service import _RANKING_THREADS
from membrowse.wire.engine import Hello, HelloRequest, MetricsRequest
from membrowse.wire.search import SearchRequest
from tests.engine.conftest import ask, current, engine_here, eventually, until
from tests.waiting import DEADLINE_SECONDS


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


async def test_abandoned_queries_do_not_delay_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    abandoned = threading.Event()
    stages = Searcher.stages

    def held(searcher: Searcher, request: SearchRequest) -> Iterator[Stage]:
        begun.append(request.text)
        assert abandoned.wait(DEADLINE_SECONDS)
        return stages(searcher, request)

    async with engine_here(folder):
        client = await discovery.connect(folder, start=False)
        try:
            await until(client, current)
            monkeypatch.setattr(Searcher, "stages", held)
            queries = [asyncio.create_task(ask(client, f"soup {number}")) for number in range(40)]
            await eventually(partial(_answers, client, len(queries)))
            for query in queries:
                query.cancel()
            await asyncio.gather(*queries, return_exceptions=True)
            await eventually(partial(_answers, client, 0))
            abandoned.set()
            assert (await ask(client, "soup")).complete
            assert len(begun) == _RANKING_THREADS + 1, "those that waited for a thread were dropped"
        finally:
            abandoned.set()
            await client.close()


async def _answers(client: EngineClient, queries: int) -> bool:
    """Whether the engine answers or keeps so many queries."""
    metrics = (await client.ask(MetricsRequest())).text
    (found,) = re.findall(r"requests_in_progress\{.*threads=\"ranking\".*\} (.*)", metrics)
    return float(found) == queries
