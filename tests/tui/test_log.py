"""The log of what agents asked: its lines, filter and pages, and what comes while it is open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from membrowse.presentation.lines import plain
from membrowse.presentation.recalls import spans_of_days, spark, summary_line
from membrowse.tui.app import MembrowseApp
from membrowse.tui.model import log_filter
from membrowse.tui.model.log_pages import LogPages
from membrowse.tui.screens.log import LogScreen
from membrowse.wire.recalls import (
    Outcome,
    RecallDay,
    RecallFlag,
    RecallPage,
    RecallsRequest,
    RecallSummary,
)
from tests.standin.corpus import HOSTILE
from tests.standin.engine import StandIn
from tests.tui.recalls import SSH, add, recall, with_recalls
from tests.tui.stage import NOW, Sessions, make_app, on_stage, screen_text, until
from tests.tui.test_hostile_text import assert_harmless

Compare = Callable[..., bool]
Before = Callable[[Pilot[int]], Awaitable[None]]


async def log_screen(app: MembrowseApp) -> LogScreen:
    """Wait for the log and its first page."""
    await until(lambda: isinstance(app.screen, LogScreen), "the log")
    screen = app.screen
    assert isinstance(screen, LogScreen)
    await until(lambda: screen.pages.newest is not None, "a page")
    return screen


def summary(number: int) -> RecallSummary:
    return RecallSummary(
        id=f"r{number}", at="2026-07-20T00:00:00.000Z", agent="clara", query="why?",
        given=1, outcome=Outcome.ANSWERED,
    )  # fmt: skip


def page(*numbers: int, then: str = "") -> RecallPage:
    return RecallPage(recalls=tuple(map(summary, numbers)), next=then)


def day(day: str, recalls: int, empty: int = 0, cut: int = 0) -> RecallDay:
    return RecallDay(day=day, recalls=recalls, empty=empty, cut=cut)


# The lines


def test_counts_and_shares_have_a_spark_by_day() -> None:
    days = (day("2026-07-01", 4, empty=4), day("2026-07-03", 8, cut=4))
    found = RecallPage(recalls=(), total=12, empty=4, cut=4, days=days)
    text = plain(summary_line(found, 120))
    assert text == " 12 recalls ▅ █ · 33% empty █ ▁ · 33% cut ▁ ▅"
    assert plain(summary_line(RecallPage(recalls=()), 80)) == " 0 recalls"


def test_many_days_share_a_block() -> None:
    days = [day("2026-01-01", 1), day("2026-01-02", 2, empty=1), day("2026-01-10", 3)]
    spans = spans_of_days(days, 5)
    assert [(span.day, span.recalls, span.empty) for span in spans] == [
        ("2026-01-01", 3, 1),
        ("2026-01-03", 0, 0),
        ("2026-01-05", 0, 0),
        ("2026-01-07", 0, 0),
        ("2026-01-09", 3, 0),
    ]
    assert spans_of_days(days, 0) == [] == spans_of_days([], 9)
    assert spark([0.0, 0.5, 1.0, None], 1.0) == "▁▅█ "


# The filter


def test_a_filter_line_is_a_request() -> None:
    text = 'agent:"my agent" which port flag:cut since:2d'
    assert log_filter.recalls_request(text, NOW, limit=9, before="r1") == RecallsRequest(
        agent="my agent",
        flag=RecallFlag.CUT,
        since="2026-07-18T12:05:00.000Z",
        text="which port",
        limit=9,
        before="r1",
    )
    assert log_filter.recalls_request("until:2026-03-02", NOW, limit=9).until == (
        "2026-03-02T00:00:00.000Z"
    )


@pytest.mark.parametrize("text", ["flag:bad", "since:soon"])
def test_a_field_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(log_filter.InvalidFilter):
        log_filter.recalls_request(text, NOW, limit=9)


def test_a_key_steps_through_values_and_keeps_the_rest_of_the_line() -> None:
    line = log_filter.next_value("port flag:cut", log_filter.AGENT, ["a", "b c"])
    assert line == "flag:cut agent:a port"
    line = log_filter.next_value(line, log_filter.AGENT, ["a", "b c"])
    assert log_filter.values(line) == {"flag": "cut", "agent": "b c", "": "port"}
    assert log_filter.next_value(line, log_filter.AGENT, ["a", "b c"]) == "flag:cut port"


# The pages


def test_pages_follow_each_other_and_new_recalls_come_on_top() -> None:
    pages = LogPages()
    pages.add_newest(page(9, 8, then="r8"))
    pages.add_older(page(7, 6, then="r6"))
    pages.add_newest(page(10, 9, then="r9"))
    pages.add_older(page(7, 6, then="r6"))
    assert [each.id for each in pages.recalls] == ["r10", "r9", "r8", "r7", "r6"]
    assert pages.next == "r6"


def test_a_gap_below_the_newest_page_starts_the_log_over() -> None:
    pages = LogPages()
    pages.add_newest(page(2, 1))
    pages.add_newest(page(9, 8, then="r8"))
    assert [each.id for each in pages.recalls] == ["r9", "r8"] and pages.next == "r8"


# The screen


async def test_recalls_are_listed_newest_first_with_what_their_flags_mean() -> None:
    engine = StandIn()
    with_recalls(engine, 4)
    app = make_app(Sessions(engine))
    async with on_stage(app) as pilot:
        await pilot.press("enter", "L")
        screen = await log_screen(app)
        await until(lambda: "4 recalls" in screen_text(app))
        assert [item.id for item in screen.list.items] == [f"recall-00{n}" for n in range(4)]
        text = screen_text(app)
        assert "25% empty" in text and "openclaw" in text and "stale" in text
        assert "a hit's file has changed or is gone" in text
        await pilot.press("j")
        assert "the agent got nothing" in screen_text(app)
        await pilot.press("q")
        assert app.screen is app.browser


async def test_keys_filter_by_agent_flag_and_time_and_escape_clears() -> None:
    engine = StandIn()
    with_recalls(engine, 12)
    app = make_app(Sessions(engine))
    async with on_stage(app) as pilot:
        await pilot.press("enter", "L")
        screen = await log_screen(app)
        await until(lambda: len(screen.list.items) == 12)
        await pilot.press("a")
        await until(lambda: {item.agent for item in screen.list.items} == {"clara"})
        await pilot.press("a", "f")
        assert screen.filter.value == "agent:openclaw flag:empty"
        await until(lambda: [item.given for item in screen.list.items] == [0] * 4)
        await pilot.press("escape", "d")
        await until(lambda: len(screen.list.items) == 4, "the recalls of a day")
        await pilot.press("escape", "slash", *"pager")
        await until(lambda: len(screen.list.items) == 2, "the recalls with a word")
        screen.filter.value = "flag:x"
        await until(lambda: "flag: is one of empty, cut" in screen_text(app))


async def test_pages_load_as_one_scrolls() -> None:
    engine = StandIn()
    with_recalls(engine, 230)
    app = make_app(Sessions(engine))
    async with on_stage(app) as pilot:
        await pilot.press("enter", "L")
        screen = await log_screen(app)
        await until(lambda: len(screen.list.items) == 100)
        await pilot.pause()
        assert len(engine.requests(RecallsRequest)) == 1
        await pilot.press("G")
        await until(lambda: len(screen.list.items) == 200)
        await pilot.press("G")
        await until(lambda: len(screen.list.items) == 230)
        item = screen.list.item
        assert item is not None and item.id == "recall-199"


async def test_a_new_recall_appears_on_top_and_the_cursor_stays() -> None:
    engine = StandIn()
    app = make_app(Sessions(engine))
    async with on_stage(app) as pilot:
        await pilot.press("enter", "L")
        screen = await log_screen(app)
        await until(lambda: "A recall is what an agent asked" in screen_text(app))
        assert "membrowse docs log" in screen_text(app)
        with_recalls(engine, 2)
        await until(lambda: len(screen.list.items) == 2, "the first recalls")
        add(engine, recall(0, id="now", at="2026-07-20T12:04:00.000Z", query="what now?"))
        await until(lambda: len(screen.list.items) == 3, "the new recall")
        assert screen.list.items[0].id == "now" and screen.list.at == 1


async def test_hostile_recalls_are_harmless() -> None:
    engine = StandIn()
    query = HOSTILE.encode("utf-8", "replace").decode()
    add(engine, recall(0, agent=query, session=query, source=query, query=query, given=SSH))
    app = make_app(Sessions(engine))
    async with on_stage(app) as pilot:
        await pilot.press("enter", "L")
        screen = await log_screen(app)
        await until(lambda: len(screen.list.items) == 1)
        assert_harmless(app)


# How it looks


@pytest.mark.parametrize("size", [(80, 24), (120, 30)], ids=str)
def test_the_log(snap_compare: Compare, size: tuple[int, int]) -> None:
    engine = StandIn()
    with_recalls(engine)
    app = make_app(Sessions(engine))

    async def before(pilot: Pilot[int]) -> None:
        await until(lambda: app.browser.engine.state is not None)
        await pilot.press("enter", "L")
        screen = await log_screen(app)
        await until(lambda: len(screen.list.items) == 40)
        await pilot.press("j", "j")
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=before)


def test_an_empty_log(snap_compare: Compare) -> None:
    app = make_app()

    async def before(pilot: Pilot[int]) -> None:
        await until(lambda: app.browser.engine.state is not None)
        await pilot.press("enter", "L")
        await log_screen(app)
        await pilot.pause()

    assert snap_compare(app, terminal_size=(80, 24), run_before=before)
