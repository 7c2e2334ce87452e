"""Typing and replacing the query, leaving it, and what escape closes."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from membrowse.tui.app import MembrowseApp
from membrowse.wire.search import Target
from tests.standin.replies import FOLDER
from tests.tui.stage import QUERY, answered, ask, make_app, on_stage, screen_text, until

SIZES = [(80, 24), (120, 30), (200, 50)]


def query(app: MembrowseApp) -> str:
    return app.browser.query_bar.input.value


def in_query(app: MembrowseApp) -> bool:
    return app.browser.query_bar.input.has_focus


def target(app: MembrowseApp) -> Target | None:
    return app.browser.target_line.target


async def expect_ssh(app: MembrowseApp, pilot: Pilot[int]) -> None:
    app.browser.target_line.expect(Target(path="decisions/ssh.md"))
    await until(lambda: app.browser.open_query.complete and app.browser.target_line.match)
    await pilot.pause()


async def test_slash_selects_the_query_so_that_typing_replaces_it() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "slash", *"dump")
        await answered(app, "dump")
        assert query(app) == "dump"


@pytest.mark.parametrize("key", ["left", "right", "home", "end"])
async def test_slash_and_an_arrow_keep_the_query(key: str) -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "slash", key, "x")
        assert sorted(query(app)) == sorted(f"{QUERY}x")


async def test_a_paste_into_the_query_replaces_what_slash_selected() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "slash")
        app.post_message(events.Paste("When did\nthe deploy fail?"))
        await answered(app, "When did the deploy fail?")
        assert in_query(app)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_paste_into_a_list_replaces_the_query_and_stays_there(
    size: tuple[int, int],
) -> None:
    app = make_app()
    async with on_stage(app, size, QUERY) as pilot:
        await pilot.press("enter", "j")
        app.post_message(events.Paste("When did the\n deploy fail?"))
        await answered(app, "When did the deploy fail?")
        assert not in_query(app)
        assert app.remembered.queries(FOLDER)[0] == "When did the deploy fail?"


async def test_a_paste_on_the_first_screen_asks() -> None:
    app = make_app()
    async with on_stage(app) as pilot:
        await pilot.press("escape")
        app.post_message(events.Paste("nightly dump"))
        await answered(app, "nightly dump")
        assert app.browser.rankings.active_list.has_focus


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("key", ["enter", "escape", "tab", "shift+tab"])
async def test_an_empty_query_can_be_left(key: str, size: tuple[int, int]) -> None:
    app = make_app()
    async with on_stage(app, size) as pilot:
        await pilot.press(key)
        assert not in_query(app)
        await pilot.press("j", "x", "4", "1", "escape", "enter")
        assert query(app) == "" and not in_query(app)
        await pilot.press("slash", "q")
        assert query(app) == "q"


async def test_enter_and_a_letter_in_one_burst_leave_the_query_as_it_is() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY):
        for key in ("enter", "j", "j"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(lambda: app.browser.open_query.row("reranked") == 2)
        assert query(app) == QUERY


async def test_a_query_left_at_once_is_searched() -> None:
    app = make_app()
    async with on_stage(app) as pilot:
        for key in (*"dump", "enter"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await answered(app, "dump")
        await pilot.pause()
        assert app.browser.rankings.active_list.has_focus


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("opened", [["x"], ["t"], ["plus"], ["equals_sign"], ["4"], ["x", "plus"]])
async def test_escape_closes_what_is_open_and_never_lands_in_the_query(
    opened: list[str], size: tuple[int, int]
) -> None:
    app = make_app()
    async with on_stage(app, size, QUERY) as pilot:
        await pilot.press("enter", *opened)
        await pilot.pause()
        browser = app.browser
        for _ in range(4):
            await pilot.press("escape")
            await pilot.pause()
            assert not in_query(app)
        assert not browser._open_things()
        assert browser.rankings.active_list.has_focus
        await pilot.press("j")
        assert query(app) == QUERY


async def test_escape_closes_the_newest_first() -> None:
    app = make_app()
    async with on_stage(app, (200, 50), QUERY) as pilot:
        browser = app.browser
        await pilot.press("enter", "x", "t")
        await pilot.press("escape")
        assert browser.explanation_pane.following and not browser.tuning_panel.display
        await pilot.press("t", "tab", "1", "x", "x")
        await pilot.press("escape")
        assert not browser.explanation_pane.following and browser.tuning_panel.display


async def test_escape_clears_a_message_and_steps_back() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "x")
        app.say("a message\nof two lines")
        await until(lambda: "a message · of two lines" in screen_text(app).split("\n")[0])
        await pilot.press("escape")
        await until(lambda: "a message" not in screen_text(app), "no message")
        assert not app.browser.explanation_pane.following


async def test_a_message_is_one_line_and_replaces_the_one_before() -> None:
    app = make_app()
    async with on_stage(app, (80, 24), QUERY) as pilot:
        app.say("first")
        app.say("second " * 40, "warning")
        await until(lambda: "! second" in screen_text(app))
        await pilot.pause()
        lines = screen_text(app).split("\n")
        assert [at for at, line in enumerate(lines) if "second" in line] == [0]
        assert "first" not in screen_text(app) and lines[0].endswith("…")
        for number in range(3):
            app.say(f"message {number}")
            await until(lambda n=number: f"message {n}" in screen_text(app).split("\n")[0])  # type: ignore[misc]


@pytest.mark.parametrize("replace", ["typed", "pasted", "history"])
async def test_a_target_falls_away_with_its_query(replace: str) -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter")
        await expect_ssh(app, pilot)
        app.remembered.query("nightly dump", FOLDER)
        if replace == "typed":
            await pilot.press("slash", *"dump")
        elif replace == "pasted":
            app.post_message(events.Paste("dump"))
        else:
            await pilot.press("slash", "ctrl+up")
        await until(lambda: app.browser.open_query.text != QUERY)
        assert target(app) is None
        assert "◎" not in screen_text(app)


async def test_a_target_stays_while_its_query_is_edited() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter")
        await expect_ssh(app, pilot)
        await pilot.press("slash", "end", "x")
        await answered(app, f"{QUERY}x")
        assert target(app) == Target(path="decisions/ssh.md")


async def test_a_target_falls_away_when_the_query_is_emptied() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter")
        await expect_ssh(app, pilot)
        await pilot.press("slash", "backspace")
        await until(lambda: not app.browser.open_query.text)
        assert target(app) is None


async def test_a_key_clears_the_target() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "c")
        await until(lambda: "There is no target" in screen_text(app))
        await expect_ssh(app, pilot)
        await pilot.press("c")
        assert target(app) is None
        await until(lambda: app.browser.open_query.complete)


async def test_a_query_longer_than_its_field_ends_in_an_ellipsis_while_it_is_not_edited() -> None:
    app = make_app()
    async with on_stage(app, (80, 24), query="why does staging " * 12) as pilot:
        await pilot.press("enter")
        await until(lambda: "… literal" in screen_text(app).split("\n")[1], "the ellipsis")
        await pilot.press("slash", "end")
        await until(lambda: "…" not in screen_text(app).split("\n")[1], "its end")


async def test_the_number_of_a_question_falls_away_with_its_text(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"query": "ssh port"}\n{"query": "restore drill"}\n')
    app = make_app(questions=file)
    async with on_stage(app) as pilot:
        await pilot.pause()
        assert "2 questions ]" in screen_text(app)
        await pilot.press("enter", "right_square_bracket")
        await answered(app, "ssh port")
        assert "question 1/2" in screen_text(app)
        await pilot.press("slash", "x")
        await answered(app, "x")
        assert "question 1/2" not in screen_text(app)
        await pilot.press("enter", "right_square_bracket")
        await answered(app, "restore drill")
        assert query(app) == "restore drill"


async def test_only_whole_queries_enter_the_history() -> None:
    app = make_app()
    async with on_stage(app) as pilot:
        await ask(app, "how lo")
        await ask(app, "how long")
        assert not app.remembered.queries(FOLDER)
        await pilot.press("enter")
        await until(lambda: app.remembered.queries(FOLDER))
        assert app.remembered.queries(FOLDER) == ("how long",)


async def test_an_unfocused_query_shows_its_beginning() -> None:
    app = make_app()
    long = f"first {'word ' * 60}last"
    async with on_stage(app, (80, 24)) as pilot:
        await ask(app, long)
        await pilot.pause()
        assert "last" in screen_text(app).split("\n")[1]
        await pilot.press("enter")
        await pilot.pause()
        assert "first word" in screen_text(app).split("\n")[1]


@pytest.mark.parametrize("key", ["f", "M", "X", "u"])
async def test_q_steps_back_from_a_screen(key: str) -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", key)
        await until(lambda: app.screen is not app.browser)
        await pilot.pause()
        await pilot.press("q")
        await until(lambda: app.screen is app.browser)
        assert app.return_code is None
