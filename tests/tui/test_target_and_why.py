"""Saying what was expected, seeing where it stands while the query is edited, and why."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from textual.pilot import Pilot

from membrowse.client.engine import EngineRefused
from membrowse.presentation.lines import cells, plain
from membrowse.tui.app import MembrowseApp
from membrowse.tui.model.fuzzy_match import lower_case, match
from membrowse.tui.model.target_choices import FinderInput, found_file, found_line
from membrowse.tui.screens.suggested_edit import SuggestedEditScreen
from membrowse.tui.screens.target_finder import TargetFinder
from membrowse.tui.screens.why import WhyScreen
from membrowse.wire.diagnosis import (
    Diagnosis,
    DiagnosisRequest,
    Edit,
    Suggestion,
    SuggestionKind,
    Suggestions,
    SuggestionsRequest,
)
from membrowse.wire.notes import FileRecord, FilesRequest, NoteState
from membrowse.wire.request import Problem
from membrowse.wire.search import Target
from tests.standin.corpus import BROKEN, HOSTILE, PINS
from tests.standin.engine import StandIn
from tests.tui.stage import QUERY, Sessions, answered, ask, make_app, on_stage, screen_text, until


async def find(app: MembrowseApp, pilot: Pilot[int], letters: str) -> TargetFinder:
    """Type letters into the finder and wait until it has looked."""
    await until(lambda: isinstance(app.screen, TargetFinder), "the finder")
    finder = app.screen
    assert isinstance(finder, TargetFinder)
    await until(lambda: finder._records is not None, "the files")
    finder.input.value = letters
    await until(lambda: finder.list.typed.text == letters, "the rows")
    await pilot.pause()
    return finder


async def expect(app: MembrowseApp, pilot: Pilot[int], letters: str) -> None:
    """Make the first file with these letters the target."""
    await pilot.press("W")
    await find(app, pilot, letters)
    await pilot.press("enter")
    await until(lambda: app.browser.target_line.target is not None, "a target")


async def why_screen(app: MembrowseApp, *, suggestions: bool = True) -> WhyScreen:
    """Wait for the diagnosis, and for its suggestions if wanted."""
    await until(lambda: isinstance(app.screen, WhyScreen), "the why screen")
    screen = app.screen
    assert isinstance(screen, WhyScreen)

    def complete() -> bool:
        report = screen.list.report
        return report is not None and bool(report.suggestions or not suggestions)

    await until(complete, "the diagnosis")
    return screen


def target_text(app: MembrowseApp) -> str:
    """The line of the target."""
    line = app.browser.target_line
    return "".join(part.text for part in line.line(app.size.width)) if line.display else ""


def test_a_found_file_keeps_its_root_and_the_marks_of_the_letters() -> None:
    path = "work/memory/decisions/of-last-year/ssh.md"
    found = found_file(FileRecord(path=path, state=NoteState.INDEXED), path, ["work", "ssh"])
    assert found is not None
    for width, roots, shown, marked in (
        (60, {"work": "wor"}, "work/…/of-last-year/ssh.md:3", ["work", "ssh"]),
        (60, {}, "● …/decisions/of-last-year/ssh.md:3", ["ssh"]),
        (200, {}, f"{path}:3", ["work", "ssh"]),
    ):
        line = found_line(found, FinderInput("work ssh:3"), width, roots)
        assert shown in plain(line) and cells(line) <= width
        assert [part.text for part in line if part.style == "mark"] == marked


async def test_the_finder_lists_every_file_with_its_state() -> None:
    app = make_app(Sessions(StandIn(others=BROKEN)))
    async with on_stage(app, (120, 40), QUERY) as pilot:
        await pilot.press("enter", "w")
        finder = await find(app, pilot, "")
        text = screen_text(app)
        assert "the chunk under the cursor" in text and "a text …" in text
        assert "no target" not in text
        states = [record.state for record, _ in finder._records or ()]
        assert states.index(NoteState.IGNORED) > states.count(NoteState.INDEXED) - 1, "notes first"
        await find(app, pilot, "retdra"[::-1])
        assert "drafts/returns.md" not in screen_text(app)
        await find(app, pilot, "drret")
        assert "drafts/returns.md" in screen_text(app)
        assert "ignored · ignored by line 2" in screen_text(app)
        for letters, state in (
            ("dump", "skipped · too large"),
            ("logs/.mem", "failed · invalid rule"),
        ):
            finder = await find(app, pilot, letters)
            assert state in screen_text(app)
        finder.input.value = "restore"
        finder.action_pick()  # in haste: what is typed counts, not the row that is shown
        await until(lambda: app.browser.target_line.target is not None)
        target = app.browser.target_line.target
        assert target is not None and "restore" in target.path


async def test_many_files_are_looked_through_in_slices() -> None:
    engine = StandIn()
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "w")
        finder = await find(app, pilot, "")
        records = [
            FileRecord(path=f"area-{at % 37}/notes/{at}.md", state=NoteState.INDEXED)
            for at in range(20_000)
        ]
        finder.show_files(records)
        finder.input.value = "notes"
        turns = 0
        while len(finder.list.files) != 20_000 or finder.list.typed.text != "notes":
            turns += 1
            await asyncio.sleep(0)
        assert turns > 5, "keys were let in meanwhile"
        await find(app, pilot, "a36/19")
        assert all("area-36" in found.record.path for found in finder.list.files[:5])


def test_letters_are_found_in_order_and_whole_words_first() -> None:
    assert match(["ssh"], "decisions/ssh.md") is not None
    assert match(["hss"], "decisions/ssh.md") is None
    whole, parts = match(["port"], "notes/port.md"), match(["port"], "p/o/r/t.md")
    assert whole is not None and parts is not None and whole[0] > parts[0]
    assert whole[1] == {6, 7, 8, 9}
    assert len(lower_case("İSTANBUL ẞ")) == len("İSTANBUL ẞ")
    assert match(["a" * 30 + "b"], "a" * 4000) is None, "at once"


async def test_the_line_of_the_target_follows_the_query_while_it_is_edited() -> None:
    app = make_app()
    async with on_stage(app, (120, 30), QUERY) as pilot:
        assert target_text(app) == ""
        await pilot.press("enter")
        await expect(app, pilot, "decisions/ssh.md:12")
        await why_screen(app, suggestions=False)
        await pilot.press("escape")
        await answered(app, QUERY)
        before = target_text(app)
        assert "decisions/ssh.md:12" in before and " r" in before
        await ask(app, "every script that says -p 22 breaks")
        await until(lambda: "✓ within the top 5 (default)" in target_text(app))
        assert target_text(app) != before
        await ask(app, "queue length before a deploy")
        await until(lambda: "✗ outside the top 5 (default)" in target_text(app))
        app.browser.query_bar.put("")
        await until(lambda: app.browser.target_line.target is None)


async def test_the_line_says_why_there_is_no_rank() -> None:
    app = make_app()
    async with on_stage(app, (120, 30), QUERY) as pilot:
        await pilot.press("enter")
        await expect(app, pilot, "drret")
        screen = await why_screen(app, suggestions=False)
        assert screen.list.report is not None and not screen.list.report.in_top_k
        text = screen_text(app)
        assert "✗ fails" in text and "line 2 of .membrowseignore: drafts/*.md" in text
        assert "later steps skipped: " in text
        await pilot.press("escape")
        await answered(app, QUERY)
        assert "✗ in no ranking: drafts/returns.md: ignored by line 2" in target_text(app)


async def test_the_chunk_under_the_cursor_and_no_target() -> None:
    app = make_app()
    async with on_stage(app, (120, 30), QUERY) as pilot:
        await pilot.press("enter", "j", "j")
        cursor = app.browser.open_query.cursor
        assert cursor is not None
        await pilot.press("w")
        await find(app, pilot, "")
        await pilot.press("enter")
        await why_screen(app, suggestions=False)
        assert app.browser.target_line.target == Target(
            chunk=cursor.chunk, path=cursor.path, line=cursor.start_line
        )
        await pilot.press("w")
        await find(app, pilot, "")
        text = screen_text(app)
        assert "why is it not in the top?" in text and "no target" in text
        await pilot.press("down", "down", "down", "enter")
        await until(lambda: app.browser.target_line.target is None)
        await until(lambda: app.screen is app.browser)
        assert target_text(app) == ""


async def test_a_text_is_looked_for_where_no_file_has_the_letters() -> None:
    app = make_app()
    async with on_stage(app, (120, 30), QUERY) as pilot:
        await pilot.press("enter", "w")
        finder = await find(app, pilot, "scanners filled the logs")
        assert not finder.list.files
        assert "a text …" in screen_text(app)
        await pilot.press("enter")
        await why_screen(app, suggestions=False)
        assert app.browser.target_line.target == Target(text="scanners filled the logs")
        await pilot.press("w")
        await find(app, pilot, "")
        await pilot.press("down", "down", "enter")
        assert isinstance(app.screen, TargetFinder), "a text is asked for"
        await pilot.press("escape")
        assert isinstance(app.screen, TargetFinder)
        await pilot.press("escape")
        assert isinstance(app.screen, WhyScreen)


async def test_why_shows_the_steps_at_once_then_suggestions_which_escape_gives_up() -> None:
    gate, given_up = asyncio.Event(), asyncio.Event()
    engine = StandIn(others=PINS)

    async def slowly(suggestions: Suggestions) -> Suggestions:
        try:
            await gate.wait()
        except asyncio.CancelledError:
            given_up.set()
            raise
        return suggestions

    engine.amend[SuggestionsRequest] = slowly
    app = make_app(Sessions(engine))
    async with on_stage(app, (120, 40), QUERY) as pilot:
        await pilot.press("enter")
        await expect(app, pilot, "runbooks/restore")
        screen = await why_screen(app, suggestions=False)
        await pilot.pause()
        text = screen_text(app)
        assert "3 places below the cut of 5" in text and "◌ trying changes" in text
        assert "#5 logs/2026-01-01.md" in text, "the step that fails is open"
        assert "late-interaction: " not in text, "the others are closed"
        asked = engine.requests(DiagnosisRequest, SuggestionsRequest)
        assert [type(request) for request in asked] == [DiagnosisRequest, SuggestionsRequest]
        await pilot.press("escape")
        await until(given_up.is_set)
        assert app.screen is app.browser
        gate.set()
        await pilot.press("w")
        screen = await why_screen(app)
        await pilot.pause()
        text = screen_text(app)
        assert "fusion.weight 0.4 → 0.26" in text and "#5" in text
        assert "! breaks 1 of 4 pins, fixes 1" in text and "rebuild" in text
        assert "70 tried" in text
        await pilot.press("k", "enter")
        await pilot.pause()
        assert "late-interaction: " in screen_text(app)
        assert screen.list.at == 6


async def test_suggestions_below_the_last_line_are_announced() -> None:
    app = make_app(Sessions(StandIn(others=PINS)))
    async with on_stage(app, (80, 24), QUERY) as pilot:
        await pilot.press("enter")
        await expect(app, pilot, "runbooks/restore")
        screen = await why_screen(app)
        assert screen.list.report is not None
        await until(lambda: "↓ 5 suggestions" in screen_text(app).split("\n")[1], "how many")
        await pilot.press("G")
        await until(lambda: "why not?" in screen_text(app).split("\n")[1], "none is below")


async def choose(pilot: Pilot[Any], screen: WhyScreen, kind: SuggestionKind) -> Suggestion:
    """Apply the first suggestion of that kind."""
    assert screen.list.report is not None
    found = screen.list.report.suggestions
    queries = [change for change in found if change.kind is SuggestionKind.QUERY]
    if kind is SuggestionKind.QUERY:
        await pilot.press("G", "enter", "enter")  # opens the folded queries, and takes the first
        return queries[0]
    others = [change for change in found if change.kind is not SuggestionKind.QUERY]
    at = [change.kind for change in others].index(kind)
    await pilot.press("G", *["k"] * (len(others) - 1 - at + bool(queries)), "enter")
    return others[at]


async def test_each_kind_of_suggestion_is_applied() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter")
        await expect(app, pilot, "runbooks/restore")
        edit = (await choose(pilot, await why_screen(app), SuggestionKind.NOTE)).edit
        assert edit is not None and edit.after.startswith(edit.before)
        await until(lambda: isinstance(app.screen, SuggestedEditScreen))
        await pilot.pause()
        text = screen_text(app)
        assert f"− {edit.before[:20]}" in text and f"+ {edit.before[:20]}" in text
        await pilot.press("y")
        await until(lambda: app.clipboard == edit.after)
        await pilot.press("e")
        await until(lambda: "$VISUAL or $EDITOR" in screen_text(app), "the toast")
        setting = await choose(pilot, await why_screen(app), SuggestionKind.SETTING)
        await until(lambda: app.browser.tuning_panel.tuning.changed == setting.settings)
        await until(lambda: app.browser.tuning_panel.has_focus)
        await pilot.pause()
        ((key, value),) = setting.settings.items()
        assert f"≈ trying: {key} {value}" in screen_text(app)
        await pilot.press("escape", "w")
        change = await choose(pilot, await why_screen(app), SuggestionKind.QUERY)
        await answered(app, change.query)
        assert app.screen is app.browser


async def test_a_new_generation_asks_why_again_and_a_refusal_is_said() -> None:
    engine = StandIn()

    def asked() -> int:
        return len(engine.requests(DiagnosisRequest, SuggestionsRequest))

    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter")
        await expect(app, pilot, "runbooks/restore")
        screen = await why_screen(app)
        await pilot.press("k")
        await until(lambda: screen.list.at == 6)
        before = asked()
        engine.edit("new.md", "# New\n")
        await until(lambda: asked() == before + 2)
        await pilot.pause()
        assert screen.list.at == 6
        engine.change(agent_min_score=0.2)
        await until(lambda: asked() == before + 4, "what it rests on changed")

        def refuse(request: DiagnosisRequest) -> Diagnosis:
            raise EngineRefused(Problem(message="the index is being built [/tmp]"), 503)

        engine.replies[DiagnosisRequest] = refuse
        engine.edit("new.md", "# Newer\n")
        await until(lambda: "being built [/tmp]" in screen_text(app))
        assert "f chooses another target" in screen_text(app)


async def test_hostile_targets_answers_and_names_are_text() -> None:
    engine = StandIn()
    record = FileRecord(path=HOSTILE.replace("\ud800", ""), state=NoteState.FAILED, reason=HOSTILE)
    engine.amend[FilesRequest] = lambda records: [*records, record]

    def hostile(known: Diagnosis) -> Diagnosis:
        steps = tuple(
            msgspec.structs.replace(step, finding=HOSTILE, evidence=(HOSTILE, f"+{HOSTILE}"))
            for step in known.steps
        )
        return msgspec.structs.replace(known, verdict=HOSTILE, steps=steps)

    def hostile_suggestions(known: Suggestions) -> Suggestions:
        edit = Edit(path=HOSTILE, line=1, before=HOSTILE, after=HOSTILE)
        change = Suggestion(
            kind=SuggestionKind.NOTE, change=HOSTILE, rank=1, edit=edit, pins=1, broken=(HOSTILE,)
        )
        return msgspec.structs.replace(known, suggestions=(change,))

    engine.amend |= {DiagnosisRequest: hostile, SuggestionsRequest: hostile_suggestions}
    app = make_app(Sessions(engine))
    async with on_stage(app, (120, 50), QUERY) as pilot:
        from tests.tui.test_hostile_text import assert_harmless

        await pilot.press("enter", "w")
        await find(app, pilot, "52caGk")
        assert "[@click=app.quit]x[/]" in assert_harmless(app)
        await pilot.press("enter")
        await why_screen(app)
        await pilot.pause()
        assert "[@click=app.quit]x[/]" in assert_harmless(app)
        await pilot.press("G", "enter")
        await until(lambda: isinstance(app.screen, SuggestedEditScreen))
        await pilot.pause()
        assert_harmless(app)
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert_harmless(app)
