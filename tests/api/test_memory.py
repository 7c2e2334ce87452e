"""The Python interface, over a real engine."""

from __future__ import annotations

import asyncio
import doctest
import os
import signal
from pathlib import Path

import pytest

from membrowse import AsyncMemory, Filters, Memory, paths
from membrowse.api import EngineRefused, EngineUnavailable, MembrowseError
from membrowse.client import discovery
from membrowse.settings import SettingsError
from membrowse.wire.engine import HelloRequest
from membrowse.wire.search import RecallContext, SearchRequest
from tests.api.conftest import NOTES
from tests.standin.engine import StandIn
from tests.standin.replies import everything
from tests.stores.collections import chroma_collection

QUESTION = "which port does staging ssh use?"
PAGE = Path(__file__).parents[2] / "assets" / "docs" / "python.md"


def test_the_examples_of_the_page_are_true(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(notes.parent)
    roots = ", ".join(f'{name} = "{notes / name}"' for name in ("logs", "runbooks"))
    paths.config_file().parent.mkdir(parents=True, exist_ok=True)
    paths.config_file().write_text(f"[collections.ops]\nroots = {{ {roots} }}\n")
    key = ("k", "The spare key is with the neighbour.", {"path": "home.md"}, [1.0, 0.0])
    chroma_collection(notes.parent / "database", "notes", [key])
    ran = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert ran.attempted > 15
    assert ran.failed == 0
    for opened in (AsyncMemory(collection="ops"), AsyncMemory(store="chroma:database#notes")):
        asyncio.run(discovery.stop(opened.folder))
    paths.config_file().unlink()


def test_what_cannot_be_opened_is_said(notes: Path) -> None:
    with pytest.raises(ValueError, match="give a folder, a collection or a store"):
        AsyncMemory(notes, store="chroma:nowhere")
    for store in ("chroma:nowhere", "nowhere"):
        with pytest.raises(SettingsError):
            AsyncMemory(store=store)


def test_get_reads_only_lines_of_indexed_notes(notes: Path) -> None:
    (notes / "secret.key").write_text("not a note")
    with Memory(notes) as memory:
        lines = memory.get("runbooks/deploy.md", 5, 7)
        assert (lines.first_line, lines.total, lines.lines) == (
            5,
            9,
            ("# Deploy", "", "## Roll back"),
        )
        assert memory.get("MEMORY.md").lines == tuple(NOTES["MEMORY.md"].splitlines())
        assert memory.get("MEMORY.md", 10).lines == ()
        for path in ("secret.key", "../home/x", "/etc/passwd", "a\x1b[31m"):
            with pytest.raises(EngineRefused, match="no note called") as refused:
                memory.get(path)
            assert refused.value.status == 404 and "\x1b" not in str(refused.value)


def test_long_notes_come_in_bounded_parts(notes: Path) -> None:
    text = "\n".join(f"line {number}" for number in range(1, 2502))
    (notes / "long.md").write_text(text)
    with Memory(notes) as memory:
        memory.wait_until_current()
        first = memory.get("long.md")
        assert (len(first.lines), first.total, first.cut) == (2000, 2501, True)
        rest = memory.get("long.md", 2001)
        assert (rest.lines[-1], rest.cut) == ("line 2501", False)
        (notes / "long.md").unlink()
        memory.wait_until_current()
        with pytest.raises(EngineRefused):
            memory.get("long.md")


async def test_an_engine_that_died_is_started_again(notes: Path) -> None:
    async with AsyncMemory(notes) as memory:
        await memory.search(QUESTION)
        assert memory._connection is not None
        pid = (await memory._connection.engine.ask(HelloRequest())).engine.pid
        os.kill(pid, signal.SIGKILL)
        answers = await asyncio.gather(*(memory.search(QUESTION) for _ in range(3)))
        assert {each.hits[0].path for each in answers} == {"logs/2026-03-08.md"}
        assert (await memory.status()).engine.pid != pid


async def test_with_a_client_every_search_is_a_recall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = StandIn(replies=everything())

    async def connect(folder: Path, *, start: bool) -> StandIn:
        return engine

    monkeypatch.setattr("membrowse.client.discovery.connect", connect)
    async with AsyncMemory(tmp_path, client="planner", session="7") as memory:
        await memory.search("a", path="logs/*")
        await memory.search("a", k=3, min_score=0.5)
    async with AsyncMemory(tmp_path) as memory:
        await memory.search("a")
    asked = [(each.client, each.limit, each.recall) for each in engine.asked]
    assert asked == [
        ("planner", 5, RecallContext(agent="planner", session="7", k=5)),
        ("planner", 3, RecallContext(agent="planner", session="7", k=3, min_score=0.5)),
        ("python", 5, None),
    ]
    assert engine.asked[0].filters == Filters(path="logs/*")
    assert isinstance(engine.asked[0], SearchRequest)


def test_every_error_is_one_kind(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MembrowseError), Memory(notes / "none") as memory:
        memory.status()
    with pytest.raises(EngineUnavailable), Memory(notes / "logs", start=False) as memory:
        memory.status()
    with Memory(notes) as memory, pytest.raises(MembrowseError, match="needs a date"):
        memory.search("a", after="soon")
    monkeypatch.setenv("MEMBROWSE_AGENT_K", "0")
    with Memory(notes) as memory, pytest.raises(MembrowseError) as raised:
        memory.status()
    assert isinstance(raised.value, SettingsError)
