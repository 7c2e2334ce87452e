"""Milvus servers for tests: Milvus Lite over TCP, and one that fails."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port that only a server which asks for it gets, as often as it starts again."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as gRPC's servers do
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@contextmanager
def milvus_server(place: Path, port: int = 0) -> Iterator[int]:
    """Serve the database at `place` on this machine; yields the port."""
    from milvus_lite.adapter.grpc.server import start_server_in_thread

    server, database, port = start_server_in_thread(str(place), port=port)
    try:
        yield port
    finally:
        server.stop(0).wait()
        database.close()


def wait_for_milvus(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let every request to Milvus fail after `seconds`."""
    for name in ("TIMEOUT_SECONDS", "SEARCH_SECONDS"):
        monkeypatch.setattr(f"membrowse.index.milvus.collections.{name}", seconds)


@contextmanager
def failing_milvus(mode: str) -> Iterator[tuple[str, set[str]]]:
    """The URL of a server that fails in one way, and the tokens that it got."""
    grpc: Any = import_module("grpc")  # it has no types

    tokens: set[str] = set()

    class Refusal(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, details: Any) -> Any:
            tokens.update(value for name, value in details.invocation_metadata if "auth" in name)
            return grpc.unary_unary_rpc_method_handler(self.refuse)

        def refuse(self, _request: object, context: Any) -> None:
            context.abort(getattr(grpc.StatusCode, mode), "no")

    if mode == "hangs":
        with socket.create_server(("127.0.0.1", 0)) as silent:
            yield f"http://127.0.0.1:{silent.getsockname()[1]}", tokens
        return
    if mode == "is gone":
        with reserved_port() as port:
            yield f"http://127.0.0.1:{port}", tokens
        return
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[Refusal()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}", tokens
    finally:
        server.stop(0).wait()
