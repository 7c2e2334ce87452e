"""A recall beside our rankings: what the agent got, linked by the cursor; following; why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from textual.pilot import Pilot

from membrowse.presentation.recalls import agent_side
from membrowse.tui.app import MembrowseApp
from membrowse.tui.model.agent_ranking import AgentRanking
from membrowse.tui.model.engine_view import EngineView, with_recall
from membrowse.tui.screens.why import WhyScreen
from membrowse.wire.agents import AGENT
from membrowse.wire.diagnosis import DiagnosisRequest
from membrowse.wire.explanation import ExplainRequest
from membrowse.wire.pins import Pin, pin_line
from membrowse.wire.recalls import (
    FollowRecallsRequest,
    GivenHit,
    Outcome,
    Recall,
    RecallHit,
    RecallRequest,
    RecallView,
)
from membrowse.wire.search import RERANKED, Filters, Target, TargetMatch
from tests.standin import replies
from tests.standin.corpus import HOSTILE
from tests.standin.engine import StandIn
from tests.tui.recalls import SSH, add, recall
from tests.tui.stage import QUERY, Sessions, answered, make_app, on_stage, screen_text, until
from tests.tui.test_hostile_text import assert_harmless

Compare = Callable[..., bool]
Before = Callable[[Pilot[int]], Awaitable[None]]
SAVED_LATER = "2026-07-20T09:20:00.000Z"
"""40 minutes before the stand-in's files were saved."""


async def shown(app: MembrowseApp, pilot: Pilot[int], id: str = "recall-000") -> None:  # noqa: A002
    """Choose the first recall of the log, and wait until it is shown."""
    await pilot.press("enter", "L")
    await until(lambda: getattr(app.screen, "list", None) and app.screen.list.items)  # type: ignore[attr-defined]
    await pilot.press("enter")
    await is_shown(app, id)
    await pilot.pause()


async def is_shown(app: MembrowseApp, id: str) -> None:  # noqa: A002
    """Wait until the recall with this id is shown and its query answered."""
    line = app.browser.recall_line
    await until(lambda: line.recall is not None and line.recall.id == id, "the recall")
    assert line.recall is not None
    await answered(app, line.recall.query)


@asynccontextmanager
async def with_recall_shown(
    *recalls: Recall, size: tuple[int, int] = (120, 30)
) -> AsyncIterator[tuple[MembrowseApp, StandIn, Pilot[int]]]:
    """The browser with the newest of these recalls shown."""
    engine = StandIn()
    add(engine, *recalls)
    app = make_app(Sessions(engine))
    async with on_stage(app, size) as pilot:
        await shown(app, pilot)
        yield app, engine, pilot


# What is shown


async def test_what_the_agent_got_is_a_fourth_ranking_with_the_same_cursor() -> None:
    async with with_recall_shown(recall(0, cut_by_score=3)) as (app, engine, pilot):
        query = app.browser.open_query
        assert query.text == QUERY and query.columns[-1] == AGENT == query.active
        text = screen_text(app)
        assert "openclaw asked 11:02:00 · got 3 hits · cut stale · k 6, minimum score .35" in text
        assert "▸0 AGENT" in text and "── minimum score cut 3 hits" in text
        assert "openclaw k 6" in text.splitlines()[0]
        await pilot.press("j")
        assert query.cursor is not None
        assert query.cursor.chunk == engine.chunk("decisions/ssh.md")
        assert query.row(RERANKED) == 1 and query.row(AGENT) == 1
        await pilot.press("3", "k")
        assert query.row(AGENT) is None and "the agent did not get it" in screen_text(app)
        assert "v1 f1 a2" in screen_text(app)
        await pilot.press("0")
        assert query.active == AGENT


async def test_a_hit_that_is_gone_says_so_and_has_no_chunk() -> None:
    async with with_recall_shown(recall(0), size=(80, 24)) as (app, _, pilot):
        await pilot.press("G")
        query = app.browser.open_query
        assert query.cursor is None and query.absent is not None
        assert query.row(AGENT) == 2 and query.row(RERANKED) is None
        await until(lambda: "tools/gone.md:12-13\n   the folder has no such" in screen_text(app))
        await pilot.press("x")
        assert "no chunk under the cursor" in screen_text(app)
        app.browser.search_again()
        await until(lambda: query.complete)
        assert query.row(AGENT) == 2, "another response leaves the cursor there"


@pytest.mark.parametrize("keys", [("escape",), ("slash", "z")], ids=["escape", "typing"])
async def test_leaving_a_recall_shows_three_rankings_again(keys: tuple[str, ...]) -> None:
    async with with_recall_shown(recall(0)) as (app, _, pilot):
        await pilot.press(*keys)
        query = app.browser.open_query
        await until(lambda: query.agent is None)
        await pilot.pause()
        text = screen_text(app)
        assert len(query.columns) == 3 and query.active == RERANKED
        assert "AGENT" not in text and "openclaw" not in text
        assert query.cursor is not None
        await pilot.press("escape", "0")
        assert "No recall is shown: L opens the log." in screen_text(app)


async def test_our_rankings_have_the_filters_of_the_recall_until_it_is_left() -> None:
    narrowed = recall(
        0, source="", filters=("path:decisions",), narrowed_to=Filters(path="decisions")
    )
    async with with_recall_shown(narrowed) as (app, engine, pilot):
        assert " only  path decisions × " in screen_text(app)
        assert "not applied" not in screen_text(app)
        await pilot.press("3", "x")
        await until(lambda: engine.requests(ExplainRequest))
        await pilot.press("x", "w")
        await until(lambda: engine.requests(DiagnosisRequest))
        explained, why = engine.requests(ExplainRequest), engine.requests(DiagnosisRequest)
        asked = (engine.asked[-1].filters, explained[-1].filters, why[-1].filters)
        assert asked == (narrowed.narrowed_to,) * 3
        await pilot.press("escape", "escape")
        await until(lambda: not engine.asked[-1].filters and app.browser.open_query.complete)
        assert "path:decisions" not in screen_text(app)


async def test_an_empty_recall_shows_ours_and_what_was_cut() -> None:
    empty = recall(0, given=(), cut_by_score=2)
    async with with_recall_shown(empty) as (app, _, _):
        text = screen_text(app)
        assert "The agent got nothing." in text and "minimum score cut 2 hits" in text
        assert app.browser.open_query.active == RERANKED


async def test_the_cut_line_is_the_agents() -> None:
    async with with_recall_shown(recall(0, k=3, agent="clara")) as (app, _, _):
        assert "── clara: k 3 ─" in screen_text(app)
    view = EngineView(agent_k=5, agent_min_score=0.2)
    foreign = with_recall(view, recall(0, k=None))
    assert (foreign.agent, foreign.agent_k, foreign.agent_min_score) == ("openclaw", 5, 0.0)
    ours = with_recall(view, recall(0, source=""))
    assert (ours.agent_k, ours.agent_min_score) == (6, 0.35)
    assert with_recall(view, None) is view


async def test_an_edited_hit_is_followed_to_its_successor() -> None:
    async with with_recall_shown(recall(0)) as (app, engine, _):
        engine.edit("decisions/ssh.md", "# SSH moved\n\n## Decision\n\nStaging: port 2203.\n")
        await until(lambda: len(engine.requests(RecallRequest)) == 2, "the recall again")
        await until(lambda: "! edited" in screen_text(app))
        assert AGENT in app.browser.open_query.columns


def given(chunk: str, **fields: object) -> GivenHit:
    hit = RecallHit(path="a.md", start_line=3, score=0.5)
    return msgspec.structs.replace(GivenHit(hit=hit, chunk=chunk), **fields)


def view(*hits: GivenHit, **fields: object) -> RecallView:
    """A recall with these hits."""
    asked = recall(0, given=tuple(each.hit for each in hits), **fields)
    return RecallView(recall=asked, outcome=Outcome.ANSWERED, given=hits, generation=1)


def test_a_chunk_that_the_agent_got_twice_has_its_first_rank() -> None:
    agent = AgentRanking(view(given("a"), given(""), given("old"), given("a")))
    agent.receive({"a": replies.hit(7, chunk="a"), "old": replies.hit(2, chunk="new")})
    assert list(agent.hits) == [0, 2, 3] and list(agent.absent) == [1]
    assert agent.hits[3].ranks[AGENT] == 4
    assert agent.linked(replies.hit(7, chunk="a")).ranks[AGENT] == 1
    assert agent.linked(replies.hit(2, chunk="new")).ranks[AGENT] == 3
    other = replies.hit(3, chunk="b")
    assert agent.linked(other) is other
    assert agent.chunks == ("a", "old", "a")


def test_a_target_is_judged_by_the_agents_cut() -> None:
    sixth = replies.hit(1, ranks={RERANKED: 6}, scores={RERANKED: 0.3})
    found = TargetMatch(label="a.md", hit=sixth, k=5, passes=False)
    assert AgentRanking(view()).match(found).passes, "a foreign minimum score is not ours"
    assert not AgentRanking(view(source="")).match(found).passes
    assert not AgentRanking(view(k=3)).match(found).passes
    assert AgentRanking(view(k=None)).match(found) is found


@pytest.mark.parametrize("size", [(80, 24), (120, 30)], ids=str)
async def test_a_hostile_recall_is_harmless(size: tuple[int, int]) -> None:
    text = HOSTILE.encode("utf-8", "replace").decode()
    hits = (RecallHit(path=text, score=None), *SSH)
    hostile = recall(0, agent=text, session=text, query=text, given=hits)
    async with with_recall_shown(hostile, size=size) as (app, _, pilot):
        assert_harmless(app)
        await pilot.press("w")
        await until(lambda: isinstance(app.screen, WhyScreen))
        await pilot.pause()
        assert_harmless(app)


# Why, from the agent's side


async def test_why_answers_from_the_agents_side_first_and_m_pins() -> None:
    early = recall(0, at=SAVED_LATER, given=SSH[:2])
    async with with_recall_shown(early) as (app, engine, pilot):
        await pilot.press("3", "g", "w")
        await until(lambda: "40 minutes after" in " ".join(screen_text(app).split()))
        text = " ".join(screen_text(app).split())
        assert (
            "openclaw's own search returned 2 hits, both above .35; another part of this note was "
            "its #1; today it stands"
        ) in text
        assert engine.requests(DiagnosisRequest)[-1].k == 6
        await pilot.press("m")
        await until(lambda: "1 of 1 pin passes" in screen_text(app), "the toast")


async def test_a_pinned_note_that_was_just_missed_is_the_target_of_w() -> None:
    pin = Pin(id="g1", query=QUERY, path="logs/2025-11-08.md", text="Staging")
    engine = StandIn(others={"golden.jsonl": (pin_line(pin) + b"\n").decode()})
    add(engine, recall(0, given=SSH[1:]))
    app = make_app(Sessions(engine))
    async with on_stage(app, (120, 30)) as pilot:
        await shown(app, pilot)
        await until(lambda: app.browser.target_line.target is not None)
        await pilot.press("w")
        await until(lambda: engine.requests(DiagnosisRequest))
        target = engine.requests(DiagnosisRequest)[-1].target
        assert (target.path, target.text) == (pin.path, pin.text)
        await pilot.press("escape", "escape")
        await until(lambda: app.browser.open_query.agent is None)


def match(rank: int | None = 1, **fields: object) -> TargetMatch:
    found = replies.hit(1, chunk="c", ranks={"keyword": 3, "vector": None, "reranked": rank})
    known = TargetMatch(label="a.md", hit=found, k=6, passes=True)
    return msgspec.structs.replace(known, **fields)


def test_the_agents_side_is_a_sentence() -> None:
    others = view(given("a"), given("b"), cut_by_score=2)
    assert agent_side(others, match(), "c.md", "2026-07-20T11:42:00Z") == (
        "openclaw's own search returned 2 hits, both above .35; minimum score cut 2 hits; "
        "this note was not among them; today it stands #3 by keyword and #1 reranked here; "
        "its file was saved 40 minutes after the question."
    )
    its_own = view(given("c"), k=1)
    assert agent_side(its_own, match(), "a.md", "2026-07-01T00:00:00Z") == (
        "openclaw's own search returned 1 hit, its k; this was its #1 with .50; "
        "today it stands #3 by keyword and #1 reranked here."
    )
    gone = match(hit=None, reason="The folder has no file x.md.")
    assert agent_side(view(), gone, "x.md", "") == (
        "openclaw's own search returned nothing; here, the folder has no file x.md."
    )


def test_the_agents_side_has_the_rank_of_that_time_if_membrowse_answered() -> None:
    hits = tuple(RecallHit(path=f"{name}.md", chunk=name, score=0.5) for name in "abc")
    then = view(given("a"), source="", rankings={"keyword": hits, "reranked": hits[:2]}, k=9)
    text = agent_side(then, match(), "c.md", "")
    assert "membrowse's search for openclaw returned 1 hit, all above .35" not in text
    assert "then it stood #3 by keyword; today" in text
    text = agent_side(then, match(hit=replies.hit(1, chunk="z")), "z.md", "")
    assert "then it was not in the first 20 of any ranking" in text


# Following


async def test_following_asks_each_recall_as_it_comes_until_a_key_acts() -> None:
    engine = StandIn()
    app = make_app(Sessions(engine))
    async with on_stage(app) as pilot:
        await pilot.press("enter", "F")
        await until(lambda: engine.requests(FollowRecallsRequest))
        assert "waiting for an agent to ask; any key stops" in screen_text(app)
        await pilot.pause()
        add(engine, recall(2, id="one"), recall(1, id="two"))
        await is_shown(app, "two")
        add(engine, recall(0, id="three", query="is there a jump host?"))
        await is_shown(app, "three")
        assert "● following  openclaw asked 11:02:00" in screen_text(app)
        await pilot.press("j")
        line = app.browser.recall_line
        assert not line.following
        await is_shown(app, "three")
        add(engine, recall(0, id="four"))
        await pilot.pause()
        assert [each.id for each in engine.requests(RecallRequest)] == ["two", "three"]
        await pilot.press("F", "A")
        assert not line.following, "a key that is refused stops, too"
        await pilot.press("F", "escape")
        assert (line.following, line.display) == (False, True), "the first esc only stops"
        await pilot.press("escape")
        assert not line.display


# How it looks


@pytest.mark.parametrize("size", [(80, 24), (120, 30)], ids=str)
def test_a_recall_shown(snap_compare: Compare, size: tuple[int, int]) -> None:
    engine = StandIn()
    add(engine, recall(0, cut_by_score=3))
    app = make_app(Sessions(engine))

    async def before(pilot: Pilot[int]) -> None:
        await until(lambda: app.browser.engine.state is not None)
        await shown(app, pilot)
        await pilot.press("j")
        await until(lambda: app.browser.preview.view is not None)
        await answered(app, QUERY)
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=before)


def test_why_from_the_agents_side(snap_compare: Compare) -> None:
    engine = StandIn()
    add(engine, recall(0, at=SAVED_LATER))
    app = make_app(Sessions(engine))

    async def before(pilot: Pilot[int]) -> None:
        await until(lambda: app.browser.engine.state is not None)
        await shown(app, pilot)
        await pilot.press("j", "w")
        await until(lambda: "40 minutes after" in " ".join(screen_text(app).split()))
        await pilot.pause()

    assert snap_compare(app, terminal_size=(80, 24), run_before=before)


async def test_the_target_is_judged_by_the_agents_k_only_while_the_recall_is_shown() -> None:
    async with with_recall_shown(recall(0, cut_by_score=3)) as (app, _, pilot):
        app.browser.target_line.expect(Target(path="decisions/ssh.md"))
        await until(lambda: "within the top 6" in screen_text(app), "the recall's cut")
        await pilot.press("escape")
        await until(lambda: "within the top 5 (default)" in screen_text(app), "the own cut")
