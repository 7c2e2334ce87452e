"""Tuning: the open query is re-ranked with other values; nothing is saved until it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from membrowse.settings import Settings
from membrowse.tui.app import MembrowseApp
from membrowse.tui.model.tunable_settings import ROOT_LIMIT, TUNABLE_SETTINGS
from membrowse.tui.screens.browser import BrowserScreen
from membrowse.tui.screens.configurations import ConfigurationsScreen
from membrowse.tui.screens.prompts import NamePrompt
from membrowse.wire.engine import Right, RootState
from membrowse.wire.overrides import Overrides
from membrowse.wire.search import RERANKED, Target
from membrowse.wire.tuning import (
    TUNABLE,
    ConfigurationsRequest,
    SaveConfigurationRequest,
    SavedConfiguration,
    TuneRequest,
    UseConfigurationRequest,
)
from tests.standin.corpus import HOSTILE, PINS
from tests.standin.engine import StandIn
from tests.tui.stage import QUERY, Sessions, ask, make_app, on_stage, screen_text, until
from tests.tui.test_hostile_text import assert_harmless

WEIGHT, RERANKER, POOL, K, CAREFUL = 1, 3, 4, 6, 9
"""Rows of the panel."""


def with_careful() -> StandIn:
    """An engine that has a saved configuration."""
    engine = StandIn()
    overrides: Overrides = {"rerank.pool": 100, "rerank.blend": 0.4}
    engine.real(SaveConfigurationRequest(name="careful", overrides=overrides))
    engine.real(UseConfigurationRequest(name=""))
    return engine


def saved(engine: StandIn) -> dict[str, Overrides]:
    """The saved configurations by name."""
    kept = engine.real(ConfigurationsRequest()).saved
    return {each.name: each.overrides for each in kept}


def tries(engine: StandIn) -> list[TuneRequest]:
    return engine.requests(TuneRequest)


@asynccontextmanager
async def tuning(
    engine: StandIn | None = None,
    size: tuple[int, int] = (100, 30),
    rights: tuple[Right, ...] = tuple(Right),
) -> AsyncIterator[tuple[MembrowseApp, Pilot[int], StandIn]]:
    """The browser with a query answered and the panel open, its values there."""
    engine = engine or StandIn()
    engine.rights = rights
    app = make_app(Sessions(engine))
    async with on_stage(app, size, QUERY) as pilot:
        await pilot.press("enter", "t")
        await until(lambda: app.browser.tuning_panel.tuning.known is not None, "the values")
        await pilot.pause()
        yield app, pilot, engine


async def tried(app: MembrowseApp, **values: object) -> None:
    """Wait until these values, and no others, are tried and shown."""
    wanted = {key.replace("_", ".", 1): value for key, value in values.items()}
    panel, query = app.browser.tuning_panel, app.browser.open_query
    await until(lambda: panel.tuning.changed == wanted, f"{wanted}, not {panel.tuning.changed}")

    def searched() -> bool:
        overrides = panel.tuning.overrides if panel.tuning.trying else None
        return (panel._request.overrides if panel._request else None) == overrides

    await until(lambda: searched() and query.complete, "the response")


def order(app: MembrowseApp) -> list[str]:
    """The reranked chunks, first to last."""
    hits = app.browser.open_query.views[RERANKED].hits
    return [hits[row].chunk for row in sorted(hits)]


@pytest.mark.parametrize("size", [(80, 24), (120, 30), (200, 50)])
async def test_the_rankings_are_in_view_whatever_was_maximised(size: tuple[int, int]) -> None:
    app = make_app()
    async with on_stage(app, size, QUERY) as pilot:
        await pilot.press("enter", "x")
        await until(lambda: app.browser.explanation_pane.explanation is not None, "the explanation")
        if not app.browser.maximised:
            await pilot.press("5", "plus")
        assert app.browser.maximised == "explanation"
        await pilot.press("t")
        assert app.browser.tuning_panel.has_focus
        assert app.browser.rankings.active_list.region.height > 2


def test_every_tunable_setting_is_in_the_panel_and_its_default_is_within_bounds() -> None:
    assert tuple(setting.key for setting in TUNABLE_SETTINGS) == TUNABLE
    for setting in TUNABLE_SETTINGS:
        section, _, name = setting.key.partition(".")
        default = getattr(getattr(Settings(), section), name)
        assert setting.stepped(default, 0, far=False) == default
        if not setting.choices:
            assert setting.parse(str(default)) == default
    with pytest.raises(ValueError, match="weight is 0 to 1"):
        TUNABLE_SETTINGS[WEIGHT].parse("7")
    with pytest.raises(ValueError, match="pool is a whole number"):
        TUNABLE_SETTINGS[4].parse("2.5")
    with pytest.raises(ValueError, match="not a number"):
        TUNABLE_SETTINGS[4].parse("1.2.3")


async def test_changing_a_setting_re_ranks_and_resetting_restores() -> None:
    async with tuning() as (app, pilot, engine):
        before = order(app)
        await pilot.press("j", "right", "right", "left", "l", *["shift+right"] * 4)
        await tried(app, fusion_weight=0.84)
        assert tries(engine)[-1].overrides == {"fusion.weight": 0.84}
        await until(lambda: order(app) != before, "another order")
        await pilot.pause()
        text = screen_text(app)
        assert "≈ trying: fusion.weight 0.84" in text and "was 0.4" in text
        assert "▲" in text and "▼" in text
        await pilot.press("r")
        await tried(app)
        await until(lambda: order(app) == before, "the saved order")
        await pilot.pause()
        assert "trying" not in screen_text(app)
        before_turning = len(tries(engine))
        for _ in range(10):
            app.browser.tuning_panel.action_step(1)
        await tried(app, fusion_weight=0.6)
        assert len(tries(engine)) == before_turning + 1, "a quick succession is tried once"


async def test_digits_type_a_value_and_what_cannot_be_is_said() -> None:
    async with tuning() as (app, pilot, engine):
        app.browser.tuning_panel.go_to(POOL)
        await pilot.press(*"100")
        await pilot.pause()
        assert "100▏" in screen_text(app)
        await pilot.press("enter")
        await tried(app, rerank_pool=100)
        await pilot.press("j", *"77", "enter")
        await pilot.pause()
        assert "✗ blend is 0 to 1" in screen_text(app)
        await pilot.press(*".75", "backspace", "k")
        await tried(app, rerank_pool=100, rerank_blend=0.7)
        app.browser.tuning_panel.action_reset_all()
        await tried(app)
        before = order(app)
        app.browser.tuning_panel.go_to(RERANKER)
        await pilot.press("right")
        await until(lambda: "cross-encoder needs a model" in screen_text(app))
        await until(lambda: app.browser.open_query.complete)
        assert order(app) == before, "the saved ranking stays"
        await pilot.press("right")
        await tried(app, rerank_method="none")
        await pilot.pause()
        assert "with a reranker only" in screen_text(app)


async def test_the_cut_and_the_target_follow_what_is_tried() -> None:
    async with tuning() as (app, pilot, engine):
        app.browser.target_line.expect(Target(path="decisions/ssh.md"))
        app.browser.tuning_panel.go_to(K)
        await pilot.press("left", "left", "left")
        await tried(app, agent_k=2)
        await until(lambda: tries(engine) and tries(engine)[-1].target is not None)
        await pilot.pause()
        text = screen_text(app)
        assert "the agent's cut (k 2)" in text
        assert "◎ decisions/ssh.md" in text


async def test_what_is_tried_outlives_the_query_and_ends_with_the_panel() -> None:
    engine = StandIn(others=PINS)
    async with tuning(engine) as (app, pilot, engine):
        before = order(app)
        await pilot.press("j", "shift+left")
        await until(lambda: "3 of 4 pins pass" in screen_text(app).split("\n")[3], "the pins")
        assert [request.pins for request in tries(engine)] == [False, True]
        assert order(app) != before
        await pilot.press("slash")
        await ask(app, "queue length before a deploy")
        assert tries(engine)[-1].text == "queue length before a deploy"
        assert tries(engine)[-1].overrides == {"fusion.weight": 0.3}
        await ask(app, QUERY)
        await pilot.press("enter", "t")
        assert app.browser.tuning_panel.has_focus and app.browser.tuning_panel.tuning.trying
        await pilot.press("escape")
        await until(lambda: order(app) == before, "the saved order")
        assert not app.browser.tuning_panel.display and app.browser.rankings.active_list.has_focus
        await pilot.press("t")
        assert not app.browser.tuning_panel.tuning.trying


async def test_saving_needs_the_right() -> None:
    async with tuning(rights=(Right.READ, Right.REINDEX)) as (app, pilot, engine):
        assert app.browser.refusal_of("save") != ""
        await pilot.press("j", "right", "s")
        await until(lambda: "change saved configurations" in screen_text(app), "the toast")
        assert "Permission denied: only the engine's owner can" in screen_text(app)
        assert isinstance(app.screen, BrowserScreen) and "" == engine.state.configuration


async def test_saving_under_a_name_puts_it_in_force() -> None:
    async with tuning(with_careful()) as (app, pilot, engine):
        await pilot.press("s")
        await until(lambda: "No setting is changed" in screen_text(app), "the toast")
        await pilot.press("j", "right")
        await tried(app, fusion_weight=0.42)
        await pilot.press("s")
        await until(lambda: isinstance(app.screen, NamePrompt))
        app.screen.query_one("#name", Input).value = "careful"
        await pilot.pause()
        assert "replace the one with this name" in screen_text(app)
        await pilot.press(*"-ish", "enter")
        await until(lambda: engine.state.configuration == "careful-ish")
        assert saved(engine)["careful-ish"] == {"fusion.weight": 0.42}
        await until(lambda: not app.browser.tuning_panel.tuning.trying)
        await pilot.pause()
        text = screen_text(app)
        assert "in force: careful-ish" in text and "≈ trying" not in text


async def test_a_saved_configuration_is_used_extended_and_forgotten() -> None:
    async with tuning(with_careful()) as (app, pilot, engine):
        app.browser.tuning_panel.go_to(CAREFUL)
        await pilot.press("enter")
        await until(lambda: engine.state.configuration == "careful")
        await until(lambda: app.browser.tuning_panel.tuning.value("rerank.pool") == 100)
        app.browser.tuning_panel.go_to(WEIGHT)
        await pilot.press("right")
        await tried(app, fusion_weight=0.42)
        await until(lambda: tries(engine), "a try")
        wanted = {"rerank.pool": 100, "rerank.blend": 0.4, "fusion.weight": 0.42}
        assert tries(engine)[-1].overrides == wanted, "over what is in force"
        await pilot.press("s")
        await until(lambda: isinstance(app.screen, NamePrompt))
        await pilot.pause()
        text = screen_text(app)
        assert all(f"{key} {value}" in text for key, value in wanted.items()), "all that is saved"
        await pilot.press("escape")
        await pilot.press("d")
        await until(lambda: "not on a saved configuration" in screen_text(app))
        app.browser.tuning_panel.go_to(CAREFUL)
        await pilot.press("d", "n")
        assert "careful" in saved(engine)
        await pilot.press("d", "y")
        await until(lambda: "careful" not in saved(engine) and engine.state.configuration == "")
        asked = len(engine.asked)
        engine.real(SaveConfigurationRequest(name="others", overrides={"fusion.weight": 0.2}))
        await until(lambda: len(engine.asked) > asked, "the query again")
        await until(lambda: app.browser.tuning_panel.tuning.value("fusion.weight") == 0.2)


async def test_a_setting_that_the_environment_fixes_does_not_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MEMBROWSE_FUSION_WEIGHT", "0.4")
    async with tuning() as (app, pilot, engine):
        await pilot.press("j", "right", *"0.9", "enter")
        await pilot.pause()
        assert "fixed by an environment variable" in screen_text(app)
        assert not app.browser.tuning_panel.tuning.trying


async def test_two_configurations_side_by_side() -> None:
    engine = StandIn(others=PINS)
    async with tuning(engine) as (app, pilot, engine):
        await pilot.press("j", "shift+left")
        await tried(app, fusion_weight=0.3)
        await pilot.press("b")
        await until(lambda: isinstance(app.screen, ConfigurationsScreen))
        screen = app.screen
        assert isinstance(screen, ConfigurationsScreen)
        await until(lambda: screen.sides[1].head.tried, "an answer")
        await until(lambda: "3 of 4 pins pass" in screen_text(app), "the pins")
        text = screen_text(app)
        assert "A values tried" in text and "B the defaults" in text
        assert ".99 of 1, rank-biased" in text and "▲" in text
        await pilot.press("j", "tab")
        one, other = (side.open_query.cursor for side in screen.sides)
        assert one is not None and other is not None and one.chunk == other.chunk
        assert screen.sides[1].list.has_focus
        await pilot.press("escape")
        await until(lambda: app.browser.tuning_panel.has_focus, "back at the panel")
        assert app.browser.tuning_panel.tuning.changed == {"fusion.weight": 0.3}


async def test_hostile_names_and_reasons_are_text() -> None:
    engine = StandIn()
    hostile = SavedConfiguration(name=HOSTILE, overrides={"fusion.weight": 0.3})
    engine.amend[ConfigurationsRequest] = lambda known: msgspec.structs.replace(
        known, saved=(hostile,), in_force=HOSTILE
    )
    async with tuning(engine) as (app, pilot, _):
        assert "in force: ␛[31mred" in assert_harmless(app)
        await pilot.press("j", "right", "s")
        await until(lambda: isinstance(app.screen, NamePrompt))
        await pilot.pause()
        assert_harmless(app)
        await pilot.press("escape", "b")
        await until(lambda: isinstance(app.screen, ConfigurationsScreen))
        await pilot.pause()
        assert_harmless(app)


async def test_the_limit_per_root_is_offered_where_there_are_roots() -> None:
    async with tuning(size=(80, 24)) as (app, pilot, engine):
        engine.change(roots=(RootState(name="work", path="/w"),))
        await until(lambda: "per root   0" in screen_text(app), "the setting")
        panel = app.browser.tuning_panel
        names = [setting.name for setting in panel.tuning.settings]
        await until(lambda: all(name in screen_text(app) for name in names), "all settings")
        panel.go_to(names.index("per root"))
        await pilot.press("right", "right")
        await until(lambda: panel.tuning.overrides == {ROOT_LIMIT: 2})
        engine.change(roots=())
        await pilot.pause()
        assert panel.tuning.setting is not None and panel.tuning.setting.key == ROOT_LIMIT


async def test_the_panel_stands_where_there_is_room() -> None:
    async with tuning(size=(80, 24)) as (app, pilot, _):
        for size, beside in (((80, 24), False), ((200, 50), True), ((120, 30), False)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert (app.browser.tuning_panel.region.x > 0) is beside
            assert app.browser.rankings.active_list.region.height > 3
            names = [setting.name for setting in app.browser.tuning_panel.tuning.settings]
            assert "per root" not in names and all(name in screen_text(app) for name in names)
