"""A replay of the log in the browser: progress, the questions that differ, against what."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace
from textual.pilot import Pilot

from membrowse.tui.app import MembrowseApp
from membrowse.tui.screens.log import LogScreen
from membrowse.tui.screens.replay import ReplayScreen
from membrowse.wire.recalls import ReplayProgress, ReplayRequest
from membrowse.wire.tuning import Configurations, ConfigurationsRequest, SavedConfiguration
from tests.standin.engine import StandIn
from tests.tui.recalls import with_recalls
from tests.tui.stage import Sessions, make_app, on_stage, screen_text, until
from tests.tui.test_recall_shown import is_shown

Compare = Callable[..., bool]


async def replayed(app: MembrowseApp, pilot: Pilot[int], *keys: str) -> ReplayScreen:
    """Replay the log from its screen, and wait for the end."""
    await pilot.press("enter", "L")
    await until(lambda: isinstance(app.screen, LogScreen) and app.screen.list.items)
    await pilot.press(*keys, "r")
    await until(lambda: isinstance(app.screen, ReplayScreen) and app.screen._replay.summary)
    assert isinstance(app.screen, ReplayScreen)
    await pilot.pause()
    return app.screen


def with_saved(engine: StandIn) -> None:
    saved = SavedConfiguration(name="mine", overrides={"rerank.method": "none"})
    engine.replies[ConfigurationsRequest] = Configurations(saved=(saved,))


async def test_a_replay_lists_the_most_different_first_and_enter_opens_one() -> None:
    engine = StandIn()
    with_recalls(engine)
    app = make_app(Sessions(engine))
    async with on_stage(app) as pilot:
        screen = await replayed(app, pilot, "a")
        text = screen_text(app)
        assert "REPLAY  clara · today's answers against what the agents got" in text
        assert "questions against the log" in text and "overlap at k" in text and "% to " in text
        overlaps = [each.overlap for each in screen.list.items]
        assert overlaps == sorted(overlaps) and {e.agent for e in screen.list.items} == {"clara"}
        await pilot.press("escape", "r")
        await until(lambda: isinstance(app.screen, ReplayScreen))
        assert len(engine.requests(ReplayRequest)) == 1, "the finished replay is shown again"
        chosen = screen.list.items[1].id
        await pilot.press("j", "enter")
        await is_shown(app, chosen)
        assert app.screen is app.browser


async def test_a_replay_compares_with_the_saved_configurations_in_turn() -> None:
    engine = StandIn()
    with_recalls(engine, 6)
    with_saved(engine)
    engine.replies[ReplayRequest] = lambda request: [ReplayProgress(total=4)]
    app = make_app(Sessions(engine))
    async with on_stage(app, (80, 24)) as pilot:
        await pilot.press("enter", "L")
        await until(lambda: isinstance(app.screen, LogScreen) and app.screen.list.items)
        await pilot.press("r")
        await until(lambda: "0 of 4 questions ────" in screen_text(app))
        await pilot.press("c", "c")
        await until(lambda: len(engine.requests(ReplayRequest)) == 3)
        assert [each.against for each in engine.requests(ReplayRequest)] == ["", "mine", ""]


def test_a_replay_shown(snap_compare: Compare) -> None:
    engine = StandIn()
    with_recalls(engine)
    app = make_app(Sessions(engine))

    async def before(pilot: Pilot[int]) -> None:
        await until(lambda: app.browser.engine.state is not None)
        screen = await replayed(app, pilot)
        assert screen._replay.summary is not None
        screen._replay.summary = replace(screen._replay.summary, took_ms=9.8, seconds=0.4)
        screen._show()
        await pilot.pause()

    assert snap_compare(app, terminal_size=(80, 24), run_before=before)
