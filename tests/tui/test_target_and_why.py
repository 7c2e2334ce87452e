"""Saying what was expected, seeing where it stands while the query is edited, and why."""

from __future__ import annotations

import asyncio

import msgspec
from textual.pilot import Pilot

from membrowse.client.engine import EngineRefused
from membrowse.tui.app import MembrowseApp
from membrowse.tui.model.fuzzy_match import lowered, match
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
from membrowse.wire.notes import FileRecord, NoteState
from membrowse.wire.request import Problem
from membrowse.wire.search import Target
from tests.tui.corpus import HOSTILE
from tests.tui.diagnosed import CHANGES, suggestions, why
from tests.tui.fake_engine import FakeEngine
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


async def ladder(app: MembrowseApp, *, changes: bool = True) -> WhyScreen:
    """Wait for the answer to why."""
    await until(lambda: isinstance(app.screen, WhyScreen), "the why screen")
    screen = app.screen
    assert isinstance(screen, WhyScreen)

    def complete() -> bool:
        report = screen.list.report
        return report is not None and bool(report.suggestions or not changes)

    await until(complete, "changes")
    return screen


def target_text(app: MembrowseApp) -> str:
    """The line of the target."""
    line = app.browser.target_line
    return "".join(part.text for part in line.line(app.size.width)) if line.display else ""


async def test_the_finder_lists_every_file_with_its_state() -> None:
    app = make_app()
    async with on_stage(app, (120, 40), QUERY) as pilot:
        await pilot.press("enter", "w")
        await find(app, pilot, "")
        text = screen_text(app)
        assert "the chunk under the cursor" in text and "a text …" in text
        assert "no target" not in text
        await find(app, pilot, "retdra"[::-1])
        assert "drafts/returns.md" not in screen_text(app)
        await find(app, pilot, "drret")
        assert "drafts/returns.md" in screen_text(app)
        assert "ignored · rule 2 of .membrowseignore" in screen_text(app)
        for letters, state in (("dump", "skipped · larger"), ("broken", "failed · cannot be read")):
            finder = await find(app, pilot, letters)
            assert state in screen_text(app)
        finder.input.value = "restore"
        finder.action_pick()  # in haste: what is typed counts, not the row that is shown
        await until(lambda: app.browser.target_line.target is not None)
        target = app.browser.target_line.target
        assert target is not None and "restore" in target.path


async def test_many_files_are_looked_through_in_slices() -> None:
    engine = FakeEngine()
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
    assert len(lowered("İSTANBUL ẞ")) == len("İSTANBUL ẞ")
    assert match(["a" * 30 + "b"], "a" * 4000) is None, "at once"


async def test_the_line_of_the_target_follows_the_query_while_it_is_edited() -> None:
    app = make_app()
    async with on_stage(app, (120, 30), QUERY) as pilot:
        assert target_text(app) == ""
        await pilot.press("enter")
        await expect(app, pilot, "decisions/ssh.md:9")
        await ladder(app)
        await pilot.press("escape")
        await answered(app, QUERY)
        before = target_text(app)
        assert "decisions/ssh.md:9" in before and " r" in before
        await ask(app, "every script that says -p 22 breaks")
        await until(lambda: "✓ within the agent's cut (k 5)" in target_text(app))
        assert target_text(app) != before
        await ask(app, "queue length before a deploy")
        await until(lambda: "✗ outside the agent's cut (k 5)" in target_text(app))
        app.browser.query_bar.put("")
        await until(lambda: "type a query" in target_text(app))


async def test_the_line_says_why_there_is_no_rank() -> None:
    app = make_app()
    async with on_stage(app, (120, 30), QUERY) as pilot:
        await pilot.press("enter")
        await expect(app, pilot, "drret")
        screen = await ladder(app, changes=False)
        assert screen.list.report is not None and not screen.list.report.in_top_k
        text = screen_text(app)
        assert "✗ fails" in text and "the rule stands in .membrowseignore, line 2" in text
        assert "later steps skipped: " in text
        await pilot.press("escape")
        await answered(app, QUERY)
        assert "✗ in no ranking: drafts/returns.md: rule 2" in target_text(app)


async def test_the_chunk_under_the_cursor_and_no_target() -> None:
    app = make_app()
    async with on_stage(app, (120, 30), QUERY) as pilot:
        await pilot.press("enter", "j", "j")
        cursor = app.browser.open_query.cursor
        assert cursor is not None
        await pilot.press("w")
        await find(app, pilot, "")
        await pilot.press("enter")
        await ladder(app)
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
        await ladder(app)
        assert app.browser.target_line.target == Target(text="scanners filled the logs")
        await pilot.press("w")
        await find(app, pilot, "")
        await pilot.press("down", "down", "enter")
        assert isinstance(app.screen, TargetFinder), "a text is asked for"
        await pilot.press("escape")
        assert isinstance(app.screen, TargetFinder)
        await pilot.press("escape")
        assert isinstance(app.screen, WhyScreen)


async def test_why_shows_the_ladder_at_once_then_changes_which_escape_gives_up() -> None:
    gate, given_up = asyncio.Event(), asyncio.Event()
    engine = FakeEngine()
    asked: list[type] = []

    def diagnose(request: DiagnosisRequest) -> Diagnosis:
        asked.append(type(request))
        return why(engine, request)

    async def suggest(request: SuggestionsRequest) -> Suggestions:
        asked.append(type(request))
        try:
            await gate.wait()
        except asyncio.CancelledError:
            given_up.set()
            raise
        return suggestions(engine, request)

    engine.answers |= {DiagnosisRequest: diagnose, SuggestionsRequest: suggest}
    app = make_app(Sessions(engine))
    async with on_stage(app, (120, 40), QUERY) as pilot:
        await pilot.press("enter")
        await expect(app, pilot, "decisions/ssh")
        screen = await ladder(app, changes=False)
        await pilot.pause()
        text = screen_text(app)
        assert "one place below the agent's cut of 5" in text and "◌ trying changes" in text
        assert "MaxSim .61" in text, "the rung that fails is open"
        assert "logs/2026-03-01.md:7" not in text, "the others are closed"
        assert asked == [DiagnosisRequest, SuggestionsRequest]
        await pilot.press("escape")
        await until(given_up.is_set)
        assert app.screen is app.browser
        gate.set()
        await pilot.press("w")
        screen = await ladder(app)
        await pilot.pause()
        text = screen_text(app)
        assert "fusion.weight 0.5 → 0.62" in text and "#3" in text
        assert "! breaks 2 of 41 pins, fixes 1" in text and "restore drill" in text
        assert "57 tried" in text
        await pilot.press("j", "enter")
        await pilot.pause()
        assert "logs/2026-03-01.md:7" in screen_text(app)
        assert screen.list.at == 7


async def test_each_kind_of_change_is_applied() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter")
        await expect(app, pilot, "decisions/ssh")
        await ladder(app)
        await pilot.press("G", "k", "k", "enter")
        await until(lambda: isinstance(app.screen, SuggestedEditScreen))
        await pilot.pause()
        text = screen_text(app)
        assert "− ## Decision" in text and "+ ## Decision: the ssh port of staging" in text
        await pilot.press("y")
        await until(lambda: app.clipboard == "## Decision: the ssh port of staging")
        await pilot.press("e")
        await until(lambda: "$VISUAL or $EDITOR" in screen_text(app), "the toast")
        await until(lambda: isinstance(app.screen, WhyScreen))
        await pilot.press("j", "enter")
        await until(lambda: app.browser.tuning_panel.tuning.changed == {"fusion.weight": 0.62})
        await until(lambda: app.browser.tuning_panel.has_focus)
        await pilot.pause()
        assert "≈ trying: fusion.weight 0.62" in screen_text(app)
        await pilot.press("escape", "w")
        await ladder(app)
        await pilot.press("G")
        await until(lambda: "what the agent could have asked instead: 1" in screen_text(app))
        assert CHANGES[-1].change not in screen_text(app)
        await pilot.press("enter")
        await until(lambda: CHANGES[-1].change in screen_text(app))
        await pilot.press("enter")
        await answered(app, CHANGES[-1].query)
        assert app.screen is app.browser


async def test_a_new_generation_asks_why_again_and_a_refusal_is_said() -> None:
    engine = FakeEngine()
    asked: list[DiagnosisRequest | SuggestionsRequest] = []

    def diagnose(request: DiagnosisRequest) -> Diagnosis:
        asked.append(request)
        return why(engine, request)

    def suggest(request: SuggestionsRequest) -> Suggestions:
        asked.append(request)
        return suggestions(engine, request)

    engine.answers |= {DiagnosisRequest: diagnose, SuggestionsRequest: suggest}
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter")
        await expect(app, pilot, "decisions/ssh")
        screen = await ladder(app)
        await pilot.press("j")
        await until(lambda: screen.list.at == 7)
        before = len(asked)
        engine.change(generation=42)
        await until(lambda: len(asked) == before + 2)
        await pilot.pause()
        assert screen.list.at == 7
        engine.change(agent_min_score=0.2)
        await until(lambda: len(asked) == before + 4, "what it rests on changed")

        def refuse(request: DiagnosisRequest) -> Diagnosis:
            raise EngineRefused(Problem(message="the index is being built [/tmp]"), 503)

        engine.answers[DiagnosisRequest] = refuse
        engine.change(generation=43)
        await until(lambda: "being built [/tmp]" in screen_text(app))
        assert "f chooses another target" in screen_text(app)


async def test_hostile_targets_answers_and_names_are_text() -> None:
    engine = FakeEngine()
    engine.files_extra = [FileRecord(path=HOSTILE, state=NoteState.FAILED, reason=HOSTILE)]

    def hostile(request: DiagnosisRequest) -> Diagnosis:
        known = why(engine, msgspec.structs.replace(request, target=Target(path="x")))
        rungs = tuple(
            msgspec.structs.replace(rung, finding=HOSTILE, evidence=(HOSTILE, f"+{HOSTILE}"))
            for rung in known.steps
        )
        return msgspec.structs.replace(known, verdict=HOSTILE, steps=rungs)

    def hostile_suggestions(request: SuggestionsRequest) -> Suggestions:
        edit = Edit(path=HOSTILE, line=1, before=HOSTILE, after=HOSTILE)
        change = Suggestion(
            kind=SuggestionKind.NOTE, change=HOSTILE, rank=1, edit=edit, pins=1, broken=(HOSTILE,)
        )
        known = suggestions(engine, request)
        return msgspec.structs.replace(known, suggestions=(change,))

    engine.answers |= {DiagnosisRequest: hostile, SuggestionsRequest: hostile_suggestions}
    app = make_app(Sessions(engine))
    async with on_stage(app, (120, 50), QUERY) as pilot:
        from tests.tui.test_hostile_text import assert_harmless

        await pilot.press("enter", "w")
        await find(app, pilot, "52caGk")
        assert "[@click=app.quit]x[/]" in assert_harmless(app)
        await pilot.press("enter")
        await ladder(app)
        await pilot.pause()
        assert "[@click=app.quit]x[/]" in assert_harmless(app)
        await pilot.press("G", "enter")
        await until(lambda: isinstance(app.screen, SuggestedEditScreen))
        await pilot.pause()
        assert_harmless(app)
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert_harmless(app)
