"""How explanation, rank flow, comparison and tokens look; `test_snapshots` says how to update."""

from __future__ import annotations

from typing import Any

import pytest

from membrowse.tui.app import MembrowseApp
from membrowse.wire.search import Target
from tests.tui.stage import QUERY, make_app, until
from tests.tui.test_explanation import explained
from tests.tui.test_snapshots import Before, Compare, steps

SIZES = [(80, 24), (120, 30), (200, 50)]


def explaining(app: MembrowseApp, query: str, *keys: str) -> Before:
    async def then(pilot: Any) -> None:
        await until(lambda: explained(app))

    return steps(app, query, "enter", "j", "j", "x", *keys, then=then)


def opening(app: MembrowseApp, query: str, key: str) -> Before:
    async def then(pilot: Any) -> None:
        await until(lambda: getattr(app.screen, "record", None) is not None)

    return steps(app, query, "enter", "j", "j", key, then=then)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_an_explanation(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = make_app()
    before = explaining(app, QUERY)
    assert snap_compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("look", ["NO_COLOR", "ansi-dark"])
def test_heat_in_other_looks(
    snap_compare: Compare, look: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if look == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    app = make_app()
    if look != "NO_COLOR":
        app.theme = look
    before = explaining(app, "where are the nightly dumps restored?")
    assert snap_compare(app, terminal_size=(120, 30), run_before=before)


@pytest.mark.parametrize("size", [(80, 24), (120, 30)], ids=str)
def test_a_rank_flow(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = make_app()
    before = opening(app, "restore the staging backup to which port?", "X")
    assert snap_compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", [(80, 24), (120, 30)], ids=str)
def test_a_comparison(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = make_app()
    app.browser.target_line.target = Target(path="logs/2026-01-22.md")
    assert snap_compare(app, terminal_size=size, run_before=opening(app, QUERY, "equals_sign"))


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=str)
def test_tokens(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = make_app()
    before = opening(app, "Which ports do 部署 SSH use?", "u")
    assert snap_compare(app, terminal_size=size, run_before=before)
