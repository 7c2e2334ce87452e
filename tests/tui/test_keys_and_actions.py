"""Keys, palette, help: every action from one registry."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input

from membrowse.client.remembered import Remembered
from membrowse.tui import external_programs
from membrowse.tui.actions import ACTIONS, Where, of
from membrowse.tui.screens.browser import BrowserScreen
from membrowse.tui.screens.files import FilesScreen
from membrowse.tui.screens.help import help_lines
from membrowse.wire.engine import RebuildRequest, ReindexRequest, Right
from tests.standin.engine import StandIn
from tests.tui.stage import QUERY, Sessions, ask, make_app, on_stage, screen_text, settled, until

HARMFUL = {"ctrl+c", "ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m"}


def test_ids_are_unique_and_keys_do_not_clash_where_they_act() -> None:
    assert max(Counter(action.id for action in ACTIONS).values()) == 1
    for places in ((Where.BROWSER, Where.LIST, Where.APP), (Where.FILES, Where.LIST, Where.APP)):
        keys = Counter(key for action in of(*places) for key in action.keys.split(","))
        shared = {key for key, count in keys.items() if count > 1}
        own = {"enter", "q"}
        assert shared <= own, "enter on a list is the list's own, and q goes back first"


def test_harmful_keys_are_left_alone() -> None:
    keys = {key for action in ACTIONS for key in action.keys.split(",")}
    assert not keys & HARMFUL


def test_every_binding_of_ours_has_an_id() -> None:
    app = make_app()
    for node in (app, app.browser, app.browser.query_bar.input, app.browser.rankings.matrix.list):
        own = [b for _, b in node._bindings if not isinstance(node, Input) or b.id]
        ours = [b for b in own if not b.system and b.action.split("(")[0] not in _TEXTUALS]
        assert all(binding.id for binding in ours), ours


_TEXTUALS = {
    "app.focus_next",
    "app.focus_previous",
    "screen.copy_text",
    "scroll_up",
    "scroll_down",
    "scroll_left",
    "scroll_right",
    "scroll_home",
    "scroll_end",
    "page_up",
    "page_down",
    "page_left",
    "page_right",
}


def test_help_names_every_action() -> None:
    text = "\n".join("".join(part.text for part in line) for line in help_lines(width=400))
    assert all(action.tooltip in text for action in ACTIONS)


async def test_letters_type_in_the_query_and_act_in_the_list() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        browser = app.browser
        await pilot.press("end", "z", "question_mark")
        assert browser.query_bar.input.value == f"{QUERY}z?"
        await ask(app)
        await pilot.press("enter", "z")
        assert browser.rankings.lines == 3 and browser.query_bar.input.value == QUERY
        await pilot.press("slash")
        assert browser.focused is browser.query_bar.input


async def test_up_and_down_move_the_results_while_typing() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("down", "down", "up")
        assert app.browser.open_query.row("reranked") == 1
        assert app.browser.focused is app.browser.query_bar.input
        await pilot.press("end", "x")
        assert app.browser.query_bar.input.value == f"{QUERY}x"


async def test_moving_in_a_list() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        browsing = app.browser.open_query

        async def after(*keys: str) -> int | None:
            await pilot.press(*keys)
            await until(lambda: browsing.wanted is None)
            return browsing.row("reranked")

        assert await after("enter") == 0
        assert await after("j", "down", "k") == 1
        assert await after("G") == 99
        assert await after("g") == 0
        assert await after("end", "home") == 0
        half = await after("ctrl+d")
        assert half is not None and half > 1
        assert await after("ctrl+u") == 0
        page = await after("pagedown")
        assert page is not None and page > half
        assert await after("pageup") == 0


async def test_escape_steps_back_and_never_quits() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter")
        assert "▏▸3 RERANKED" in screen_text(app)
        await pilot.press("plus")
        assert "\n▸3 RERANKED" in screen_text(app), "no line at its left"
        await pilot.press("plus", "4", "plus")
        assert app.browser.maximised == "preview"
        await pilot.press("escape")
        assert app.browser.maximised == ""
        await pilot.press("escape")
        assert app.browser.rankings.active_list.has_focus
        await pilot.press("escape", "escape")
        assert app.browser.rankings.active_list.has_focus
        assert app.is_running and app.return_code is None


async def test_q_quits_from_a_list_and_types_in_the_query() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("q")
        assert app.browser.query_bar.input.value.endswith("q")
        await pilot.press("enter", "q")
        await until(lambda: app.return_code == 0, "the end")


async def test_panels_by_number_and_tab_keep_the_chunk() -> None:
    engine = StandIn()
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "j", "1")
        browser = app.browser
        assert browser.open_query.active == "keyword"
        cursor = browser.open_query.cursor
        assert cursor is not None and cursor.chunk == engine.chunk("decisions/ssh.md")
        await pilot.press("2", "tab", "tab")
        assert browser.preview.text.has_focus
        await pilot.press("tab")
        assert browser.focused is browser.rankings.columns["keyword"].list
        await pilot.press("shift+tab")
        assert browser.preview.text.has_focus


async def test_in_a_narrow_window_one_list_is_ordered_by_the_ranking_chosen() -> None:
    app = make_app()
    async with on_stage(app, (80, 24), QUERY) as pilot:
        await pilot.press("enter", "1")
        await pilot.pause()
        text = screen_text(app)
        assert "1 KEYWORD" in text and "2 VECTOR" not in text
        assert "score" in text and "note" in text
        await pilot.press("2")
        await pilot.pause()
        assert "2 VECTOR" in screen_text(app)
        await pilot.resize_terminal(120, 30)
        await pilot.pause()
        assert app.browser.focused is app.browser.rankings.columns["vector"].list


async def test_an_action_without_the_right_is_dim_and_says_why() -> None:
    engine = StandIn(rights=(Right.READ,))
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        assert app.browser.refusal_of("reindex_note") != ""
        await pilot.press("enter", "r")
        await until(
            lambda: "Permission denied: only the engine's owner can reindex" in screen_text(app),
            "the toast",
        )
        assert engine.reindexed == []


async def test_rebuilding_needs_more_than_the_right_to_reindex() -> None:
    app = make_app(Sessions(StandIn(rights=(Right.READ, Right.REINDEX))))
    async with on_stage(app, query=QUERY):
        assert app.browser.refusal_of("reindex_note") == ""
        assert "owner can rebuild the index" in app.browser.refusal_of("rebuild")


async def test_reindexing_pausing_and_rebuilding() -> None:
    engine = StandIn(rights=tuple(Right))
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "r")
        await until(lambda: len(engine.reindexed) == 1)
        assert engine.reindexed[0] == ReindexRequest(paths=("logs/2025-11-08.md",))
        await pilot.press("R")
        await until(lambda: len(engine.reindexed) == 2)
        await pilot.press("B", "n", "B", "y")
        await until(lambda: len(engine.reindexed) == 3)
        assert engine.reindexed[2] == RebuildRequest()
        await pilot.press("p")
        await until(lambda: engine.state.watcher.paused)
        await pilot.pause()
        assert "watching paused" in screen_text(app)
        await pilot.press("p")
        await until(lambda: not engine.state.watcher.paused)


async def test_copying_says_what_was_tried() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "y", "l")
        await until(lambda: "OSC 52" in screen_text(app))
        assert app.clipboard == "logs/2025-11-08.md:7"
        await pilot.press("y", "t")
        await until(lambda: app.clipboard.startswith("## SSH"))
        await pilot.press("y", "j")
        await until(lambda: app.clipboard.startswith("{"))
        await pilot.press("y", "p")
        await until(lambda: app.clipboard == "logs/2025-11-08.md")


async def test_the_editor_gets_the_line_and_failures_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "logs" / "2025-11-08.md"
    note.parent.mkdir()
    note.write_text("# x\n")
    editor = tmp_path / "vim"
    editor.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/seen\n')
    editor.chmod(0o755)
    app = make_app(folder=tmp_path)
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "e")
        await until(lambda: "$VISUAL or $EDITOR" in screen_text(app))
        monkeypatch.setenv("EDITOR", str(editor))
        assert (
            external_programs.run_editor(external_programs.installed_editor_command(note, 7)) == ""
        )
        assert (tmp_path / "seen").read_text().strip() == f"+7 {note}"


async def test_history_by_key_and_by_list() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "slash")
        await ask(app, "nightly dump")
        await pilot.press("enter", "slash", "ctrl+up", "ctrl+up")
        assert app.browser.query_bar.input.value == QUERY
        await pilot.press("ctrl+down")
        assert app.browser.query_bar.input.value == "nightly dump"
        await pilot.press("enter", "H")
        await pilot.press(*"port", "enter")
        await until(lambda: app.browser.query_bar.input.value == QUERY)


async def test_stepping_through_questions(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    expected = '{"query": "ssh port", "id": "a", "path": "decisions/ssh.md", "k": 5}'
    file.write_text(f'{expected}\n\nnot json\n{{"query": "restore drill"}}\n')
    app = make_app(questions=file)
    async with on_stage(app) as pilot:
        await until(lambda: "line 3" in screen_text(app), "the bad line")
        await pilot.press("tab", "right_square_bracket")
        await until(lambda: app.browser.open_query.text == "ssh port")
        await until(lambda: "◎ decisions/ssh.md" in screen_text(app), "what it should find")
        await pilot.press("right_square_bracket")
        await until(lambda: app.browser.open_query.text == "restore drill")
        await pilot.pause()
        assert "question 2/2" in screen_text(app) and app.browser.target_line.target is None
        await pilot.press("left_square_bracket")
        await until(lambda: app.browser.open_query.text == "ssh port")


async def test_an_empty_query_takes_the_key_of_the_next_question_and_a_typed_one_does_not(
    tmp_path: Path,
) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"query": "ssh port"}\n{"query": "restore drill"}\n')
    app = make_app(questions=file)
    async with on_stage(app) as pilot:
        await until(lambda: "]   ask the first of 2 questions" in screen_text(app), "the offer")
        await pilot.press("right_square_bracket")
        await until(lambda: app.browser.open_query.text == "ssh port")
        await pilot.press("right_square_bracket")
        await until(lambda: app.browser.open_query.text == "restore drill")
        await pilot.press("slash", *"a[0", "right_square_bracket")
        assert app.browser.query_bar.text == "a[0]"
    app = make_app()
    async with on_stage(app) as pilot:
        await pilot.press("right_square_bracket")
        assert app.browser.query_bar.text == "]"


async def test_operators_are_switched_on_and_shown() -> None:
    sessions = Sessions()
    app = make_app(sessions)
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("ctrl+o")
        await until(lambda: sessions.engine.asked[-1].syntax == "operators")
        await pilot.pause()
        assert "operators" in screen_text(app).split("\n")[1]


async def test_the_palette_runs_actions_on_the_screen_below() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "colon")
        await pilot.press(*"files")
        await settled(app, pilot)
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, FilesScreen), "the files screen")


async def test_rows_and_keys_can_be_clicked() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.click(app.browser.rankings.columns["vector"].list, offset=(10, 4))
        await pilot.pause()
        assert app.browser.open_query.active == "vector"
        assert app.browser.open_query.row("vector") == 2
        line = screen_text(app).split("\n")[-1]
        await pilot.click(app.browser.keys, offset=(line.index("z rows"), 0))
        await until(lambda: app.browser.rankings.lines == 3)


async def test_rendered_markdown_on_request() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "v")
        await until(lambda: not isinstance(app.screen, BrowserScreen))
        await pilot.pause()
        assert "Staging ssh listens" in screen_text(app)
        await pilot.press("escape")


async def test_theme_is_remembered(own_home: Path) -> None:
    app = make_app()
    async with on_stage(app) as pilot:
        app.theme = "nord"
        await pilot.pause()
    assert Remembered().memory.theme == "nord"
    assert Path(own_home, "state", "ui.json").stat().st_mode & 0o777 == 0o600


async def test_keys_in_quick_succession_are_all_counted() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter")
        for _ in range(7):
            app.post_message(events.Key("j", "j"))
        await until(lambda: app.browser.open_query.row("reranked") == 7)
