"""`membrowse open`, `--store`, and the address of a store in place of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from membrowse import paths
from membrowse.agents import profiles
from membrowse.cli import browser
from membrowse.client import discovery
from membrowse.stores.address import parse_address
from membrowse.stores.directory import OpenedStore, directory_of, opened_store
from membrowse.wire.agents import AgentAnswer, AgentHit, OwnSearchRequest
from tests.cli.conftest import Program
from tests.standin.engine import StandIn


@pytest.fixture
def database(tmp_path: Path) -> Path:
    directory = tmp_path / "db"
    directory.mkdir()
    (directory / "chroma.sqlite3").touch()
    return directory


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that a browser was opened on."""
    opened: list[Path] = []
    monkeypatch.setattr(browser, "_open", lambda folder, *_: opened.append(folder))
    return opened


def test_open_keeps_how_a_store_is_read_and_opens_the_browser(
    program: Program, database: Path, shown: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[Path] = []

    async def stop(folder: Path) -> bool:
        stopped.append(folder)
        return True

    monkeypatch.setattr(discovery, "stop", stop)
    address = f"chroma:{database}#notes"
    directory = directory_of(parse_address(address))
    assert program("open", address, "--fields", "memsearch,title=name").status == 0
    assert program("open", address, "--encoder", str(database)).status == 0
    assert program("open", address).status == 0
    assert program(address).status == 0
    assert program("--store", address).status == 0
    assert shown == [directory] * 5
    assert stopped == [directory] * 2  # an engine that reads it otherwise
    assert opened_store(directory) == OpenedStore(
        address=parse_address(address), fields="memsearch,title=name", encoder=str(database)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("open", "chroma:nowhere"), "there is no"),
        (
            ("open", "chroma+http://example.com"),
            "`membrowse open --remote chroma+http://example.com:8000` agrees",
        ),
        (("open", "chroma:{db}", "--fields", "mine"), "is no preset"),
        (("open", "chroma:{db}", "--fields", "text=body"), "are fields of Milvus, not of Chroma"),
        (("open", "chroma:{db}", "--encoder", "/no/model"), "no model at /no/model"),
        (("search", "--store", "folder", "q"), "is not the address of a store"),
        (("search", "--store", "chroma:{db}", "-f", ".", "q"), "not both"),
        (("index", "--store", "chroma:{db}", "--agent", "none"), "no agent is attached"),
        (("attach", "memsearch", "--store", "chroma:{db}", "-f", "."), "not both"),
    ],
)
def test_what_cannot_be_opened_is_a_usage_error(
    program: Program,
    database: Path,
    shown: list[Path],
    arguments: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".memsearch").mkdir()
    ran = program(*(each.format(db=database) for each in arguments))
    assert (ran.status, message in ran.err) == (2, True), ran.err
    assert not shown


@pytest.mark.parametrize("store", ["chroma:/nowhere", "chroma:{tmp}", "milvus:{tmp}/no.db"])
def test_a_mistyped_path_leaves_nothing_behind(
    program: Program, shown: list[Path], tmp_path: Path, store: str
) -> None:
    for command in ("open", "--store"):
        assert program(command, store.format(tmp=tmp_path)).status == 2
    assert not shown and not list((paths.data_dir()).glob("stores/*"))


def test_a_server_elsewhere_is_agreed_to_and_the_agreement_ends(
    program: Program, shown: list[Path]
) -> None:
    address = "chroma+http://example.com"
    assert program("open", "--remote", address).status == 0
    assert shown == [directory_of(parse_address(address))]
    ran = program("open", "--no-remote", address)
    assert ran.status == 2 and "over the network" in ran.err


def test_a_stores_own_search_is_asked_of_its_engine(
    program: Program, database: Path, engine: StandIn
) -> None:
    def found(request: OwnSearchRequest) -> AgentAnswer:
        hit = AgentHit(rank=1, path="a.md", inside=True, score=0.5, text="t")
        return AgentAnswer(
            agent="chroma",
            query=request.text,
            k=5,
            asked_at="2026-03-02T10:00:00Z",
            took_ms=1.0,
            command=(),
            hits=(hit,),
            warning="only a part",
        )

    engine.replies[OwnSearchRequest] = found
    ran = program("search", "--store", f"chroma:{database}", "--ask-agent", "port")
    assert ran.status == 0
    assert "chroma: only a part" in ran.err
    assert "1\tagent\t0.5\ta.md:1\t" in ran.out


def test_an_attached_agent_opens_its_store(
    program: Program, database: Path, shown: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = database.parent
    monkeypatch.setenv("HOME", str(home))
    (home / ".memsearch").mkdir()
    found = program("agents").out
    assert f"  store     milvus:{home}/.memsearch/milvus.db#memsearch_chunks\n" in found
    address = f"chroma:{database}#notes"
    ran = program("attach", "memsearch", "--store", address)
    assert ran.status == 0, ran.err
    memory = profiles.read("memsearch").memory
    directory = directory_of(parse_address(address))
    assert (memory.store, memory.folder, memory.search) == (address, str(directory), None)
    assert program("--agent", "memsearch").status == 0
    assert shown == [directory]
    (database / "chroma.sqlite3").unlink()
    assert program("--agent", "memsearch").status == 0, "its index is still there"
