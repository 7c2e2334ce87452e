"""A Milvus on this machine is asked directly, whatever proxy the environment names."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from membrowse.index.milvus.connection import Address, MilvusConnection
from membrowse.stores.address import grpc_options
from membrowse.stores.fields import Fields
from membrowse.stores.milvus import Milvus
from tests.milvus_server import milvus_server

pytest.importorskip("pymilvus", reason="the extra membrowse[milvus] is not installed")
pytest.importorskip("milvus_lite", reason="the extra membrowse[milvus] is not installed")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Addresses of those that asked the proxy that every variable names."""
    asked: list[object] = []

    class Refusal(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            asked.append(self.client_address)

    with socketserver.TCPServer(("127.0.0.1", 0), Refusal) as proxy:
        for name in ("http_proxy", "https_proxy", "grpc_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_address[1]}")
        for name in ("no_proxy", "no_grpc_proxy"):
            monkeypatch.delenv(name, raising=False)
        listener = threading.Thread(target=proxy.serve_forever, args=(0.05,))
        listener.start()
        try:
            yield asked
        finally:
            proxy.shutdown()
            listener.join()


def test_no_proxy_sees_a_request_to_this_machine(asked: list[object], tmp_path: Path) -> None:
    with milvus_server(tmp_path / "server.db") as port:
        uri = f"http://127.0.0.1:{port}"
        for place in (uri, str(tmp_path / "copy.db")):
            with closing(Milvus(place, "a store", "", Fields())) as store:
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
