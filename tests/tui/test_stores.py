"""A store of another program in the browser."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Input

from membrowse.stores.address import parse_address
from membrowse.stores.directory import directory_of
from membrowse.tui.actions import ACTIONS
from membrowse.tui.model.openable import OpenableKind, openables
from membrowse.tui.screens.welcome import WelcomeScreen
from membrowse.wire.agents import AGENT, AgentAnswer, AgentHit, OwnSearchRequest
from membrowse.wire.engine import Watcher
from membrowse.wire.search import RERANKED, VECTOR
from tests.standin.engine import StandIn
from tests.tui.stage import QUERY, Sessions, make_app, on_stage, screen_text, until

ADDRESS = "chroma:/home/u/db#notes"


def store() -> StandIn:
    """An engine that serves a store, whose own search finds one note."""
    engine = StandIn()
    engine.change(store=ADDRESS, watcher=Watcher(kind="store"))

    def found(request: OwnSearchRequest) -> AgentAnswer:
        hit = AgentHit(
            rank=1,
            path="decisions/ssh.md",
            inside=True,
            score=0.5,
            chunk=engine.chunk("decisions/ssh.md"),
        )
        return AgentAnswer(
            agent="chroma",
            query=request.text,
            k=request.k,
            asked_at="2026-03-02T10:00:00Z",
            took_ms=3.0,
            command=(),
            hits=(hit,),
        )

    engine.replies[OwnSearchRequest] = found
    return engine


async def test_a_stores_own_search_is_its_agents_ranking_and_its_notes_are_not_edited() -> None:
    engine = store()
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        await until(lambda: "read-only store" in screen_text(app), "the store")
        await pilot.press("enter", "A")
        query = app.browser.open_query
        await until(lambda: query.agent is not None and query.complete, "the answer")
        await until(lambda: query.row(AGENT) == 0)
        (asked,) = engine.requests(OwnSearchRequest)
        assert (asked.text, asked.k) == (QUERY, engine.state.agent_k)
        assert "chroma was asked" in screen_text(app) and "got 1 hit" in screen_text(app)
        await pilot.press("e")
        await until(lambda: "The store is read-only" in screen_text(app))
        editing = [action for action in ACTIONS if action.label == "edit"]
        assert len(editing) == 3 and all("read-only" in app.browser.refused(e) for e in editing)


async def test_before_a_query_a_store_offers_no_editing() -> None:
    async with on_stage(app := make_app(Sessions(store()))):
        await until(lambda: "read-only store" in screen_text(app), "the store")
        await until(lambda: "copy · reindex" in screen_text(app), "the guide")
        assert "edit the note" not in screen_text(app)


async def test_more_like_this_searches_by_the_vector_under_the_cursor() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        query = app.browser.open_query
        await pilot.press("enter", "j")
        await until(lambda: query.row(RERANKED) == 1, "the second hit")
        hit = query.cursor
        assert hit is not None
        await pilot.press("l")
        place = f"like:{hit.path}:{hit.start_line}"
        await until(lambda: (query.text, query.syntax) == (place, "operators") and query.complete)
        assert query.views[VECTOR].hits[0].chunk == hit.chunk


async def test_a_store_is_opened_by_its_address_and_offered_again(tmp_path: Path) -> None:
    (tmp_path / "chroma.sqlite3").touch()
    own = directory_of(parse_address(f"chroma:{tmp_path}"))
    sessions = Sessions()
    app = make_app(sessions)
    async with on_stage(app) as pilot:
        await pilot.press("tab", "O")
        await until(lambda: isinstance(app.screen, WelcomeScreen))
        await pilot.press(*"milvus", "colon", *"nowhere", "enter")
        await until(lambda: "✗ there is no " in screen_text(app), "why it cannot be opened")
        app.screen.query_one(Input).value = f"chroma:{tmp_path}"
        await pilot.press("enter")
        await until(lambda: sessions.folders[-1] == own)
    (again,) = openables([str(own)], None, demo=False)
    assert (again.kind, again.name, again.folder) == (OpenableKind.STORE, f"chroma:{tmp_path}", own)


async def test_a_store_that_cannot_be_read_is_neither_current_nor_a_folder_without_notes() -> None:
    engine = StandIn(files={})
    engine.change(store=ADDRESS, problem="it has 2 collections: name one", last_change=None)
    async with on_stage(app := make_app(Sessions(engine))) as pilot:
        problem = "✗ it has 2 collections: name one"
        await until(lambda: problem in screen_text(app), "the problem")
        text = screen_text(app)
        assert "may be out of date" in text
        assert "current" not in text and "No notes here" not in text
        app.browser.query_one(Input).value = "soup"
        await until(lambda: "The store was not read." in screen_text(app), "why columns are empty")
        await pilot.press("tab", "f")
        await until(lambda: screen_text(app).count("it has 2 collections") == 1, "the files screen")
        assert "This folder is empty" not in screen_text(app)
