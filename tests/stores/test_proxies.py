"""A Milvus on this machine is asked directly, whatever proxy the environment names."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from membrowse.index.milvus.connection import Address, MilvusConnection
from membrowse.stores.address import grpc_options
from membrowse.stores.milvus import Milvus

pytest.importorskip("pymilvus", reason="the extra membrowse[milvus] is not installed")
pytest.importorskip("milvus_lite", reason="the extra membrowse[milvus] is not installed")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Addresses of those that asked the proxy that every variable names."""
    asked: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def refuse() -> None:
            while True:
                try:
                    client, address = proxy.accept()
                except OSError:
                    return
                asked.append(address)
                client.close()

        listener = threading.Thread(target=refuse)
        listener.start()
        for name in ("http_proxy", "https_proxy", "grpc_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        for name in ("no_proxy", "no_grpc_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield asked
        proxy.shutdown(socket.SHUT_RDWR)
        listener.join()


@contextmanager
def server(place: Path) -> Iterator[str]:
    from milvus_lite.adapter.grpc.server import start_server_in_thread

    started, database, port = start_server_in_thread(str(place))
    yield f"http://127.0.0.1:{port}"
    started.stop(0).wait()
    database.close()


def test_no_proxy_sees_a_request_to_this_machine(asked: list[object], tmp_path: Path) -> None:
    with server(tmp_path / "server.db") as uri:
        for place in (uri, str(tmp_path / "copy.db")):
            with closing(Milvus(place, "a store")) as store:
                assert store.collections() == []
        for address in (uri, ""):
            directory = tmp_path / "index"
            connection = MilvusConnection(Address.of(address, directory), directory)
            with closing(connection):
                assert connection.call(lambda client: client.list_collections()) == []
    assert asked == []


def test_another_machine_may_be_behind_a_proxy() -> None:
    direct = {"grpc.enable_http_proxy": 0}
    for place in (
        "/home/u/milvus.db",
        "http://localhost:19530",
        "https://u:p@[::1]:1",
        "http://127.1.2.3",
    ):
        assert grpc_options(place) == direct
    for place in ("https://milvus.example:19530", "http://10.0.0.1:19530"):
        assert grpc_options(place) == {}
