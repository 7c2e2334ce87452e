"""A store of another program in the browser."""

from __future__ import annotations

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
