"""A: the agent's own search, asked from the browser with the user's consent."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from membrowse.agents import profiles
from membrowse.tui.screens.prompts import ConfirmPrompt
from membrowse.wire.agents import AGENT, AgentMemory, AgentProfile, SearchCommand
from membrowse.wire.search import NO_FILTERS, Filters
from tests.standin.engine import StandIn
from tests.tui.stage import QUERY, Sessions, make_app, on_stage, screen_text, until

ANSWER = {
    "hits": [
        {"file": "decisions/ssh.md", "line": 5, "score": 0.71},
        {"file": "tools/gone.md", "line": 1, "score": 0.4},
    ]
}


def profile(folder: Path, *, prints: object = ANSWER) -> AgentProfile:
    """An agent whose search prints this."""
    program = f"print({json.dumps(json.dumps(prints))})"
    search = SearchCommand(
        arguments=(sys.executable, "-c", program, "{query}"),
        reads="results=hits,path=file,start_line=line,score=score",
        seconds=30.0,
    )
    memory = AgentMemory(
        id="own:x", system="own", folder=str(folder), k=2, min_score=0.35, search=search
    )
    return AgentProfile(name="clara", memory=memory)


async def test_the_agents_own_search_is_asked_after_consent_and_shown(tmp_path: Path) -> None:
    engine = StandIn()
    app = make_app(Sessions(engine), profile=profile(tmp_path))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "A")
        await until(lambda: isinstance(app.screen, ConfirmPrompt), "the question")
        await until(lambda: "is not part of membrowse" in screen_text(app))
        await pilot.press("y")
        query = app.browser.open_query
        await until(lambda: query.agent is not None and query.complete, "the answer")
        await until(lambda: query.row(AGENT) == 0)
        assert query.cursor is not None
        assert query.cursor.chunk == engine.chunk("decisions/ssh.md")
        text = screen_text(app)
        assert "clara was asked" in text and "got 2 hits" in text
        assert profiles.read("clara").may_run
        await pilot.press("escape", "A")
        await until(lambda: query.agent is not None, "no second question")


async def test_filters_that_only_one_of_the_two_rankings_has_are_named(tmp_path: Path) -> None:
    agreed = profiles.agree(profile(tmp_path))
    app = make_app(profile=agreed)
    async with on_stage(app, (80, 24), query=QUERY) as pilot:
        app.browser._pick_filters(Filters(path="decisions"))
        await pilot.press("enter", "A")
        query = app.browser.open_query
        await until(lambda: query.agent is not None and query.complete, "the answer")
        await until(lambda: " · without your path:decisions" in screen_text(app))
        app.browser._pick_filters(Filters(path="decisions"))
        await until(lambda: " · only ours has path:decisions" in screen_text(app))
        await pilot.press("escape")
        await until(lambda: query.agent is None)
        app.browser.query_bar.pick(NO_FILTERS)
        app.browser.query_bar.put("ssh path:decisions", "operators")
        await until(lambda: query.text == "ssh path:decisions" and query.complete)
        await pilot.press("enter", "A")
        await until(lambda: " · only ours has path:decisions" in screen_text(app))


async def test_a_search_that_fails_says_so(tmp_path: Path) -> None:
    agreed = profiles.agree(profile(tmp_path, prints="no list"))
    app = make_app(profile=agreed)
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "A")
        await until(lambda: "clara: " in screen_text(app), "the problem")
        assert app.browser.open_query.agent is None


async def test_without_an_agent_the_key_says_how_to_choose_one() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "A")
        assert "membrowse agents, attach, then --agent NAME" in screen_text(app)
