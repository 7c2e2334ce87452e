"""The files screen, the welcome, and what is remembered between sessions."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from membrowse import paths
from membrowse.agents import profiles
from membrowse.client.remembered import FOLDERS, QUERIES, Remembered
from membrowse.tui.app import MembrowseApp
from membrowse.tui.screens.browser import BrowserScreen
from membrowse.tui.screens.files import FilesScreen
from membrowse.tui.screens.welcome import WelcomeScreen
from membrowse.wire.agents import AgentMemory, AgentProfile
from membrowse.wire.engine import Progress, ReindexRequest
from membrowse.wire.notes import NoteState
from tests.standin.corpus import BROKEN
from tests.standin.engine import StandIn
from tests.tui.stage import Sessions, make_app, on_stage, screen_text, until


async def files_of(app: MembrowseApp) -> FilesScreen:
    await until(lambda: isinstance(app.screen, FilesScreen) and app.screen.list.items)
    screen = app.screen
    assert isinstance(screen, FilesScreen)
    return screen


async def test_every_file_is_listed_with_state_and_reason_the_urgent_first() -> None:
    app = make_app(Sessions(StandIn(others=BROKEN)))
    async with on_stage(app) as pilot:
        await pilot.press("tab", "f")
        screen = await files_of(app)
        await pilot.pause()
        text = screen_text(app)
    assert screen.list.items[0].state is NoteState.FAILED
    assert "invalid rule in line 2" in text
    assert "ignored by line 2 of .membrowseignore" in text
    assert "1 failed" in text and "49 indexed" in text
    assert "1970" not in text, "files that are left out are not looked into"


async def test_filter_sort_read_and_reindex() -> None:
    engine = StandIn()
    app = make_app(Sessions(engine))
    async with on_stage(app) as pilot:
        await pilot.press("tab", "f")
        screen = await files_of(app)
        assert "s sort" in screen_text(app)
        await pilot.press("slash", *"restore")
        await until(lambda: "s sort" not in screen_text(app), "the keys that type are not offered")
        await pilot.press("enter")
        await until(lambda: [r.path for r in screen.list.items] == ["runbooks/restore.md"])
        await pilot.press("enter")
        await pilot.pause()
        assert "chunks    2" in screen_text(app)
        await pilot.press("escape", "r")
        await until(lambda: bool(engine.reindexed))
        assert engine.reindexed[0] == ReindexRequest(paths=("runbooks/restore.md",))
        await pilot.press("escape")
        await until(lambda: len(screen.list.items) > 1)
        await pilot.press("s", "s", "s", "G", "g")
        assert screen.list.items[0].path == "exports/dump.txt"
        await pilot.press("escape")
        await until(lambda: isinstance(app.screen, BrowserScreen))


async def test_progress_is_shown_while_indexing() -> None:
    engine = StandIn()
    app = make_app(Sessions(engine))
    async with on_stage(app) as pilot:
        await pilot.press("tab", "f")
        await files_of(app)
        progress = Progress(phase="encoding", chunks_done=5, chunks_total=10, chunks_per_second=9.0)
        engine.change(progress=progress)
        await until(lambda: "5/10 chunks" in screen_text(app).split("\n")[2])


async def test_without_a_folder_the_welcome_offers_the_demo(tmp_path: Path) -> None:
    sessions = Sessions()
    demo = tmp_path / "demo"
    demo.mkdir()
    app = make_app(sessions, folder=None, demo=lambda: demo)
    async with on_stage(app) as pilot:
        await until(lambda: isinstance(app.screen, WelcomeScreen))
        await pilot.pause()
        assert "demo memory" in screen_text(app)
        await pilot.press("escape")
        assert isinstance(app.screen, WelcomeScreen), "there is nothing to go back to"
        await pilot.press("enter")
        await until(lambda: sessions.folders == [demo])
        await until(lambda: app.browser.engine.connected)
    assert Remembered().last_folder == demo


async def test_a_folder_is_completed_and_what_is_wrong_with_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    sessions = Sessions()
    app = make_app(sessions, folder=None)
    async with on_stage(app) as pilot:
        await until(lambda: isinstance(app.screen, WelcomeScreen))
        await until(lambda: app.screen.query(Input))
        field = app.screen.query_one(Input)
        field.value = f"{tmp_path}/nothing"
        await pilot.press("enter")
        await pilot.pause()
        assert "does not exist" in screen_text(app)
        field.value = f"{tmp_path}/mem"
        await pilot.press("tab")
        assert field.value == f"{tmp_path}/memory/"
        await pilot.press("enter")
        await until(lambda: sessions.folders == [tmp_path / "memory"])


async def test_the_folder_opened_last_is_opened_again(tmp_path: Path) -> None:
    Remembered().folder(tmp_path)
    sessions = Sessions()
    app = make_app(sessions, folder=None)
    async with on_stage(app):
        await until(lambda: sessions.folders == [tmp_path])


async def test_another_folder_can_be_opened_and_the_query_is_cleared(tmp_path: Path) -> None:
    sessions = Sessions()
    app = make_app(sessions)
    async with on_stage(app, query="ssh port") as pilot:
        await pilot.press("enter", "O")
        await until(lambda: isinstance(app.screen, WelcomeScreen))
        await until(lambda: app.screen.query(Input))
        app.screen.query_one(Input).value = str(tmp_path)
        await pilot.press("enter")
        await until(lambda: sessions.folders[-1] == tmp_path)
        await until(lambda: app.browser.open_query.text == "")


def test_queries_and_folders_are_bounded_and_the_latest_comes_first(tmp_path: Path) -> None:
    remembered = Remembered()
    last, dropped = tmp_path / str(FOLDERS + 2), tmp_path / "0"
    for number in range(QUERIES + 9):
        remembered.query(f"question {number}", last)
    remembered.query("question 100", last)
    remembered.query("of a folder that is forgotten", dropped)
    for number in range(FOLDERS + 3):
        remembered.folder(tmp_path / str(number))
    remembered.folder(last)
    remembered.query("question 100", last)
    queries = Remembered().queries(last)
    assert len(queries) == len(set(queries)) and queries[0] == "question 100"
    assert len(Remembered().memory.folders) == FOLDERS
    assert Remembered().queries(dropped) == ()


def test_each_folder_has_its_own_history(tmp_path: Path) -> None:
    remembered = Remembered()
    for name in ("a", "b"):
        remembered.folder(tmp_path / name)
        for number in range(QUERIES + 9):
            remembered.query(f"{name} {number}", tmp_path / name)
    assert len(Remembered().queries(tmp_path / "a")) == QUERIES
    assert all(text.startswith("b ") for text in Remembered().queries(tmp_path / "b"))


def test_two_browsers_do_not_undo_each_other(tmp_path: Path) -> None:
    one, other = Remembered(), Remembered()
    one.query("from one", tmp_path)
    other.theme("nord")
    assert Remembered().queries(tmp_path) == ("from one",)
    assert Remembered().memory.theme == "nord"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"theme": 3}', b'{"more": 1}'])
def test_a_damaged_file_counts_as_empty(own_home: Path, content: bytes) -> None:
    (own_home / "state").mkdir(parents=True)
    (own_home / "state" / "ui.json").write_bytes(content)
    remembered = Remembered()
    assert remembered.queries(own_home) == ()
    remembered.query("x", own_home)
    assert Remembered().queries(own_home) == ("x",)


async def test_collections_and_agents_are_listed_with_their_state_and_found_by_letters(
    tmp_path: Path,
) -> None:
    (tmp_path / "work").mkdir()
    file = paths.config_file()
    file.parent.mkdir(parents=True)
    roots = f'{{ work = "{tmp_path}/work", team = "{tmp_path}/gone" }}'
    file.write_text(f"[collections.ops]\nroots = {roots}\n")
    memory = AgentMemory(id="codex:x", system="codex", folder=str(tmp_path / "work"))
    profiles.keep(AgentProfile(name="helper", memory=memory))
    Remembered().folder(tmp_path / "vanished")
    sessions = Sessions()
    app = make_app(sessions)
    async with on_stage(app) as pilot:
        await pilot.press("tab", "O")
        await until(lambda: "team missing, not indexed yet" in screen_text(app), "the states")
        assert "vanished" in screen_text(app)
        await pilot.press(*"help")
        await until(lambda: "vanished" not in screen_text(app), "the agent alone")
        await pilot.press("enter")
        await until(lambda: sessions.folders[-1] == tmp_path / "work")
        chosen = sessions.profiles[-1]
        assert chosen is not None and chosen.name == "helper"
        await pilot.press("tab", "O")
        await until(lambda: isinstance(app.screen, WelcomeScreen))
        await pilot.press(*"coll ops", "enter")
        await until(lambda: sessions.folders[-1] == paths.collections_dir() / "ops")
        assert sessions.profiles[-1] is None
        await until(lambda: " collection ops " in screen_text(app), "its title")
