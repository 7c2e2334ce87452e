"""How target, why, tuning and pins look; see `test_snapshots` for how to update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from membrowse.tui.screens.configurations import ConfigurationsScreen
from membrowse.wire.engine import Right
from membrowse.wire.search import Target
from tests.standin.corpus import PINS
from tests.standin.engine import StandIn
from tests.tui.stage import QUERY, Sessions, answered, ask, make_app, until
from tests.tui.test_pins import edited, panel
from tests.tui.test_target_and_why import expect, find, why_screen

Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 30), (200, 50)]


def furnished() -> Any:
    """The app over an engine that has pins and grants every right."""
    engine = StandIn(others=PINS, rights=tuple(Right))
    return make_app(Sessions(engine))


async def begin(app: Any, pilot: Pilot[int]) -> None:
    """The query answered, the list focused."""
    await until(lambda: app.browser.engine.state is not None, "a connection")
    await ask(app, QUERY)
    await pilot.press("enter")


def test_the_finder(snap_compare: Compare) -> None:
    app = furnished()

    async def before(pilot: Pilot[int]) -> None:
        await begin(app, pilot)
        await pilot.press("w")
        await find(app, pilot, "dm")

    assert snap_compare(app, terminal_size=(120, 30), run_before=before)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_why(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = furnished()

    async def before(pilot: Pilot[int]) -> None:
        await begin(app, pilot)
        await expect(app, pilot, "runbooks/restore")
        await why_screen(app)
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_tuning_with_a_target(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = furnished()

    async def before(pilot: Pilot[int]) -> None:
        await begin(app, pilot)
        app.browser.target_line.expect(Target(path="runbooks/restore.md", line=8))
        await answered(app, QUERY)
        app.browser.tuning_panel.try_settings({"fusion.weight": 0.26})
        tuning = app.browser.tuning_panel.tuning
        await until(lambda: tuning.tried and tuning.tried.a.passing is not None, "the pins")
        await until(lambda: app.browser.tuning_panel.has_focus)
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=before)


def test_two_configurations_side_by_side(snap_compare: Compare) -> None:
    app = furnished()

    async def before(pilot: Pilot[int]) -> None:
        await begin(app, pilot)
        app.browser.tuning_panel.try_settings({"fusion.weight": 0.1})
        await until(lambda: app.browser.tuning_panel.tuning.tried, "a response")
        await pilot.press("b")
        await until(lambda: isinstance(app.screen, ConfigurationsScreen))
        heads = [side.head for side in app.screen.sides]
        await until(lambda: all(h.tried and h.tried.passing is not None for h in heads))
        await pilot.pause()

    assert snap_compare(app, terminal_size=(120, 30), run_before=before)


@pytest.mark.parametrize("size", SIZES[:2], ids=str)
def test_the_pins(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = make_app(Sessions(edited()))

    async def before(pilot: Pilot[int]) -> None:
        await begin(app, pilot)
        await pilot.press("M")
        await panel(app)
        await pilot.press("j")
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=before)
