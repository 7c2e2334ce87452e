"""Pins: made and given up from the rankings, seen in a panel, told of when they move."""

from __future__ import annotations

import msgspec

from membrowse.presentation.pins import spark, state_parts
from membrowse.tui.app import MembrowseApp
from membrowse.tui.screens.pins import PinsScreen
from membrowse.wire.engine import Right
from membrowse.wire.pins import Pin, PinsRequest, PinsState
from membrowse.wire.search import Target
from tests.standin import replies
from tests.standin.corpus import HOSTILE, PINS
from tests.standin.engine import StandIn
from tests.tui.stage import QUERY, Sessions, answered, make_app, on_stage, screen_text, until
from tests.tui.test_hostile_text import assert_harmless


def edited() -> StandIn:
    """An engine with pins, of which one note was edited since: they moved."""
    engine = StandIn(others=PINS)
    engine.edit("logs/2025-11-08.md", "# Daily log\n\n## Morning\n\nThe dump took 41 minutes.\n")
    return engine


def pinned(engine: StandIn, **changes: object) -> None:
    """Let the engine's state tell of many pins."""
    state = PinsState(
        total=41,
        passing=38,
        generation=41,
        moved=("ssh port: decisions/ssh.md #9 → #4", "queue limit: runbooks/deploy.md #2 → #7"),
    )
    engine.change(pins=msgspec.structs.replace(state, **changes))


def paths(engine: StandIn) -> list[str]:
    """The notes that are pinned."""
    return [pin.path for pin in engine.components.pins.file.read().pins]


async def panel(app: MembrowseApp) -> PinsScreen:
    """Wait for the pins' screen and its rows."""
    await until(lambda: isinstance(app.screen, PinsScreen), "the pins")
    screen = app.screen
    assert isinstance(screen, PinsScreen)
    await until(lambda: screen._summary.run is not None, "a run")
    return screen


def test_a_spark_is_tall_where_the_rank_is_near_the_top() -> None:
    assert spark((100, 30, 5, 1), 4) == "▁▃▆█"
    assert spark((None, 1), 4) == "·█  "
    assert spark(tuple(range(1, 60)), 3) == spark((57, 58, 59), 3)


def test_the_status_line_says_how_many_pass_and_what_moved() -> None:
    state = PinsState(total=41, passing=38, generation=2, moved=("ssh port: a.md #9 → #4",))
    text = "".join(part.text for part in state_parts(state))
    assert text == "! 38 of 41 pins pass · ssh port: a.md #9 → #4"
    assert state_parts(PinsState()) == []
    failed = state_parts(PinsState(problem="the pins could not be run: the disk is full"))
    assert [part.text for part in failed] == ["! the pins could not be run: the disk is full"]
    assert state_parts(msgspec.structs.replace(state, passing=41, moved=()))[0].text[0] == "✓"


async def test_pinning_the_chunk_under_the_cursor_and_unpinning_it() -> None:
    engine = StandIn()
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "j", "m")
        await until(lambda: "1 of 1 pin passes" in screen_text(app), "the toast")
        assert "Saved in /home/me/agents/ops/memory" in screen_text(app)
        assert paths(engine) == ["decisions/ssh.md"]
        await pilot.press("m", "n")
        assert paths(engine)
        await pilot.press("m")
        await until(
            lambda: "already pinned to decisions/ssh.md" in screen_text(app), "the question"
        )
        await pilot.press("y")
        await until(lambda: not paths(engine))
        app.browser.target_line.expect(Target(path="MEMORY.md"))
        await answered(app, QUERY)
        await pilot.press("m")
        await until(lambda: paths(engine) == ["MEMORY.md"])


async def test_pinning_needs_the_right() -> None:
    engine = StandIn(others=PINS, rights=(Right.READ,))
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "m")
        await until(lambda: "only the engine's owner can reindex" in screen_text(app), "the toast")
        assert len(paths(engine)) == 4


async def test_the_panel_shows_every_pin_and_asks_or_unpins_it() -> None:
    engine = edited()
    app = make_app(Sessions(engine))
    async with on_stage(app, (120, 30)) as pilot:
        await pilot.press("tab", "M")
        screen = await panel(app)
        await pilot.pause()
        text = screen_text(app)
        assert "2 of 4 pins pass" in text and "reranked R@1 .25 R@5 .50 MRR .35" in text
        assert "✗ fails     #6  #5 → #6 ▼1" in text and "✓ passes    #4  #8 → #4 ▲4" in text
        assert "! 1 line cannot be used: line 5: Object missing" in text
        await pilot.press("j")
        await until(lambda: "it was edited away" in screen_text(app))
        await pilot.press("d", "n")
        assert len(paths(engine)) == 4
        await pilot.press("d", "y")
        await until(lambda: len(screen.list.items) == 3)
        await pilot.press("enter")
        await answered(app, QUERY)
        assert app.browser.target_line.target == Target(
            path="decisions/ssh.md", text="listens on port 2202"
        )
        assert app.browser.target_line.display
        engine.components.pins.file.path.write_text("")
        await pilot.press("M")
        await until(lambda: "No query is pinned yet." in screen_text(app))


async def test_it_is_told_when_pins_move() -> None:
    engine = StandIn()
    pinned(engine, moved=())
    app = make_app(Sessions(engine))
    async with on_stage(app, (120, 30), QUERY) as pilot:
        assert "38 of 41 pins pass" in screen_text(app).split("\n")[-2]
        pinned(engine, generation=42, passing=39)
        await until(
            lambda: "queue limit: runbooks/deploy.md #2 → #7" in screen_text(app), "a toast"
        )
        app.clear_notifications()
        await pilot.pause()
        status = "".join(part.text for part in app.browser.status.line(120))
        assert "39 of 41 pins pass" in status
        pinned(engine, problem="the pins could not be run: the disk is full")
        await until(lambda: "! the pins could not be run: the disk is full" in screen_text(app))


async def test_hostile_pins_are_text() -> None:
    engine = StandIn()
    pin = Pin(id=HOSTILE, query=HOSTILE, path=HOSTILE, text=HOSTILE)
    results = (
        replies.result(rank=4, pin=pin, problem=HOSTILE),
        replies.result(rank=7, pin=pin, before=2, history=(2, 7)),
    )
    engine.replies[PinsRequest] = replies.run(*results)
    pinned(engine, moved=(HOSTILE,))
    app = make_app(Sessions(engine))
    async with on_stage(app, (120, 30), QUERY) as pilot:
        pinned(engine, moved=(f"{HOSTILE} again",), generation=42)
        await pilot.pause()
        assert_harmless(app)
        await pilot.press("enter", "M")
        await panel(app)
        await pilot.pause()
        assert "✓ passes    #4" in assert_harmless(app)
        await pilot.press("j", "d")
        await pilot.pause()
        assert_harmless(app)
