"""Milvus servers for tests: Milvus Lite over TCP, and one that fails."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any


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

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        if mode == "hangs":
            yield f"http://127.0.0.1:{port}", tokens
            return
    if mode == "is gone":
        yield f"http://127.0.0.1:{port}", tokens
        return
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[Refusal()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}", tokens
    finally:
        server.stop(0).wait()
