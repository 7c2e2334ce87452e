"""A Milvus server for tests: Milvus Lite over TCP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
