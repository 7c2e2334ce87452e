"""How the main states look. After a change that is meant: `pytest --snapshot-update`, and look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot

from membrowse.client.supervisor import GaveUp
from membrowse.tui.app import MembrowseApp
from membrowse.wire.engine import Pending, Progress
from membrowse.wire.search import RERANKED, VECTOR, Ranking, RankingState, SearchRequest
from tests.standin.corpus import BROKEN
from tests.standin.engine import StandIn
from tests.standin.replies import FOLDER
from tests.tui.stage import QUERY, Sessions, ask, make_app, settled, until, with_rankings

Compare = Callable[..., bool]
Before = Callable[[Pilot[int]], Awaitable[None]]


def steps(app: MembrowseApp, query: str, *keys: str, then: Any = None) -> Before:
    """Wait for the engine, ask, press keys, wait for the preview."""

    async def before(pilot: Pilot[int]) -> None:
        await until(lambda: app.browser.engine.state is not None, "a connection")
        if query:
            await ask(app, query)
        await pilot.press(*keys)
        if then is not None:
            await then(pilot)
        await pilot.pause()

    return before


@pytest.mark.parametrize("size", [(80, 24), (120, 30), (200, 50)], ids=str)
def test_a_query_answered(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = make_app()
    before = steps(app, QUERY, "enter", "j", "j")
    assert snap_compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", [(80, 24), (120, 30)], ids=str)
def test_nothing_asked_yet(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = make_app()
    app.remembered.query("how long does a restore take?", FOLDER)
    app.remembered.query(QUERY, FOLDER)
    assert snap_compare(app, terminal_size=size, run_before=steps(app, ""))


def test_one_line_rows_and_wide_characters(snap_compare: Compare) -> None:
    app = make_app()
    before = steps(app, "ssh 端口", "enter", "z", "z")
    assert snap_compare(app, terminal_size=(120, 30), run_before=before)


def test_indexing_with_a_model_that_loads(snap_compare: Compare) -> None:
    engine = StandIn()
    loading = Ranking(
        state=RankingState.LOADING, message="the encoder is loading: this takes a second"
    )
    engine.amend[SearchRequest] = with_rankings({VECTOR: loading})
    engine.change(
        progress=Progress(
            phase="encoding", chunks_done=312, chunks_total=992, chunks_per_second=94.2,
            seconds_left=7.2,
        ),
        pending=Pending(new=120, changed=2),
        encoder=msgspec.structs.replace(engine.state.encoder, state=RankingState.LOADING),
        changed=("MEMORY.md",),
        deleted=("decisions/ssh.md",),
    )  # fmt: skip
    app = make_app(Sessions(engine))
    assert snap_compare(app, terminal_size=(120, 30), run_before=steps(app, QUERY, "enter"))


def test_no_hit_for_any_word(snap_compare: Compare) -> None:
    app = make_app()
    assert snap_compare(app, terminal_size=(120, 30), run_before=steps(app, "zzz qqq"))


def test_nothing_indexed(snap_compare: Compare) -> None:
    engine = StandIn(files={})
    engine.change(last_change=None)
    app = make_app(Sessions(engine))
    assert snap_compare(app, terminal_size=(100, 30), run_before=steps(app, ""))


def test_the_engine_given_up(snap_compare: Compare) -> None:
    sessions = Sessions()
    app = make_app(sessions)

    async def give_up(pilot: Pilot[int]) -> None:
        sessions.say(GaveUp("it ended three times within a minute", "12:00 start\n12:01 killed"))
        await until(lambda: app.browser.engine.log_tail)

    before = steps(app, QUERY, then=give_up)
    assert snap_compare(app, terminal_size=(100, 30), run_before=before)


def test_the_files_screen(snap_compare: Compare) -> None:
    app = make_app(Sessions(StandIn(others=BROKEN)))

    async def files(pilot: Pilot[int]) -> None:
        await until(lambda: getattr(app.screen, "list", None) and app.screen.list.items)  # type: ignore[attr-defined]

    before = steps(app, "", "tab", "f", then=files)
    assert snap_compare(app, terminal_size=(140, 30), run_before=before)


def test_the_welcome(snap_compare: Compare, tmp_path: Path) -> None:
    app = make_app(folder=None, demo=lambda: tmp_path)

    async def before(pilot: Pilot[int]) -> None:
        await until(lambda: len(app.screen_stack) > 1)
        await settled(app, pilot)

    assert snap_compare(app, terminal_size=(80, 24), run_before=before)


@pytest.mark.parametrize("look", ["NO_COLOR", "ansi-dark", "textual-light"])
def test_other_looks(snap_compare: Compare, look: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if look == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    app = make_app()
    if look != "NO_COLOR":
        app.theme = look
    before = steps(app, QUERY, "enter", "1", "j")
    assert snap_compare(app, terminal_size=(120, 30), run_before=before)


@pytest.mark.parametrize("key", ["f1", "y", "ctrl+p"])
def test_dialogs(snap_compare: Compare, key: str) -> None:
    app = make_app()

    async def open_(pilot: Pilot[int]) -> None:
        await until(lambda: len(app.screen_stack) > 1)
        await settled(app, pilot)
        for field in app.screen.query("Input"):
            field.cursor_blink = False  # type: ignore[attr-defined]

    before = steps(app, QUERY, "enter", key, then=open_)
    assert snap_compare(app, terminal_size=(100, 30), run_before=before)


def test_reranked_while_token_vectors_are_missing(snap_compare: Compare) -> None:
    engine = StandIn()
    app = make_app(Sessions(engine))

    async def before(pilot: Pilot[int]) -> None:
        await until(lambda: app.browser.engine.state is not None)
        await ask(app, QUERY)
        ranking = app.browser.open_query.views[RERANKED]
        ranking.cached, ranking.message = 12, "token vectors of 8 chunks are being encoded"
        app.browser._show_rankings()
        await pilot.pause()

    assert snap_compare(app, terminal_size=(120, 30), run_before=before)
