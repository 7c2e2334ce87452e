"""Addresses of stores, and the own directories that play the part of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from membrowse.settings import SettingsError
from membrowse.stores.address import StoreAddress, is_address, parse_address
from membrowse.stores.directory import (
    OpenedStore,
    directory_of,
    is_own_directory,
    keep,
    opened,
    opened_store,
)

VARIABLE = "OUR_TOKEN"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEMBROWSE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "chroma.sqlite3").touch()
    (tmp_path / "odd#name.db").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "place", "collection"),
    [
        ("chroma:db", "{here}/db", ""),
        ("chroma:db/chroma.sqlite3#notes", "{here}/db", "notes"),
        ("chroma:./db/#a#b", "{here}/db/#a", "b"),
        ("milvus:odd#name.db", "{here}/odd#name.db", ""),
        ("milvus:odd#name.db#c", "{here}/odd#name.db", "c"),
        ("chroma+http://localhost", "http://localhost:8000", ""),
        ("chroma+https://[::1]:1/#c", "https://[::1]:1", "c"),
        ("milvus+http://127.0.0.1", "http://127.0.0.1:19530", ""),
    ],
)
def test_an_address_is_read(home: Path, typed: str, place: str, collection: str) -> None:
    assert is_address(typed)
    address = parse_address(typed)
    assert (address.place, address.collection) == (place.format(here=home), collection)
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("qdrant:db", "is not the address of a store"),
        ("chroma:", "is not the address of a store"),
        ("chroma:nowhere", "there is no"),
        ("chroma:.", "is not a Chroma directory"),
        ("milvus:.", "is not a database of Milvus Lite 3"),
        ("milvus:odd#name.db", "A file, as Milvus Lite 2 wrote it"),
        ("chroma+ftp://localhost", "a server's address is"),
        ("chroma+http://me:secret@localhost", "an address has no password"),
        ("chroma+http://localhost:99999", "is not an address"),
        ("chroma+http://localhost/api", "nothing more"),
        ("chroma:\0", "cannot be a path"),
    ],
)
def test_what_is_no_address_is_refused_without_its_password(typed: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason) as refused:
        opened(parse_address(typed))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "example.com", "localhost.example.com", "192.168.1.1"]
)
def test_a_server_elsewhere_needs_the_persons_word(host: str) -> None:
    address = parse_address(f"chroma+http://{host}")
    with pytest.raises(SettingsError, match="over the network"):
        opened(address)
    assert not directory_of(address).exists()
    directory = keep(OpenedStore(address=address, remote=True))
    assert opened(address) == directory
    for near in ("127.0.0.1", "127.8.8.8", "localhost", "[::1]"):
        assert not parse_address(f"chroma+http://{near}").is_remote


def test_a_stores_own_directory_keeps_how_it_is_read(home: Path) -> None:
    address = parse_address("chroma:db#notes")
    directory = keep(OpenedStore(address=address, fields="memsearch", token_variable=VARIABLE))
    assert opened(address) == directory
    assert is_own_directory(directory) and not is_own_directory(home)
    assert opened_store(directory) == OpenedStore(
        address=address, fields="memsearch", token_variable=VARIABLE
    )
    assert opened_store(home) is None
    (home / "db" / "chroma.sqlite3").unlink()
    assert opened(address) == directory, "its index is still there"
    others = {directory_of(StoreAddress(kind=address.kind, place=address.place)), directory}
    assert len(others) == 2
    (directory / "store.json").write_text("{")
    with pytest.raises(SettingsError, match="open the store again"):
        opened_store(directory)
