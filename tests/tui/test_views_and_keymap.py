"""Rows, help, palette, themes, exports, rebound keys, and what is shown on demand."""

from __future__ import annotations

import re
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from membrowse.client.remembered import Remembered
from membrowse.presentation.hits import RowStyle, hit_lines, matrix_lines
from membrowse.presentation.lines import Part, cells, clip_path, plain
from membrowse.presentation.ranks import letters
from membrowse.roots import Roots
from membrowse.settings import Settings, SettingsError
from membrowse.tui.actions import ACTIONS, Need, refusal, with_keys
from membrowse.tui.keymap import Keymap
from membrowse.tui.model.files_table import file_line, without_ghosts
from membrowse.tui.screens.changes import ChangesScreen
from membrowse.tui.screens.help import HelpScreen, help_lines
from membrowse.tui.screens.themes import ThemeScreen
from membrowse.wire.engine import Pending, Right
from membrowse.wire.explanation import ExplainRequest, Explanation
from membrowse.wire.notes import FileRecord, Freshness, NoteState
from membrowse.wire.search import (
    RANKINGS,
    RERANKED,
    RankingState,
    SearchRequest,
    SearchResponse,
    Target,
)
from tests.standin.engine import StandIn, replace
from tests.standin.replies import FOLDER, a_hit
from tests.tui.stage import (
    NOW,
    QUERY,
    Sessions,
    ask,
    make_app,
    on_stage,
    screen_text,
    until,
)

# Rows


def test_paths_lose_folders_before_the_name_of_the_file() -> None:
    path = "memory/decisions/0010-shorter-retention.md:7"
    assert clip_path(path, 60) == path
    assert clip_path(path, 43) == "…/decisions/0010-shorter-retention.md:7"
    assert clip_path(path, 30) == "…/0010-shorter-retention.md:7"
    assert clip_path(path, 20) == "…rter-retention.md:7"
    assert all(cells([Part(clip_path("长/" * 3000 + "名.md", n))]) <= n for n in range(1, 20))


def row_style(lines: int) -> RowStyle:
    return RowStyle(ranking=RERANKED, letters=letters(RANKINGS), now=NOW, total=40, lines=lines)


def test_a_row_names_the_innermost_heading_first_then_the_title() -> None:
    hit = a_hit(title="ADR-0010: Keep parcel history for 180 days", heading="Context › Why now")
    first = plain(hit_lines(hit, row_style(2), 64, Freshness.CURRENT)[0])
    assert "Why now · ADR-0010: Keep parcel" in first
    assert "Why now" in plain(hit_lines(hit, row_style(2), 38, Freshness.CURRENT)[0])


def test_a_third_line_has_the_sentence_with_the_words_of_the_query() -> None:
    snippet = "## Decision Nothing here. The ssh daemon listens on port 2202. More " + "text " * 30
    marks = tuple(
        (snippet.index(word), snippet.index(word) + len(word)) for word in ("ssh", "port")
    )
    third = hit_lines(a_hit(snippet=snippet, marks=marks), row_style(3), 60, Freshness.CURRENT)[2]
    assert plain(third).strip().startswith("… The ssh daemon listens on port 2202.")
    assert [part.text for part in third if part.style == "mark"] == ["ssh", "port"]


@pytest.mark.parametrize("lines", [1, 2, 3])
@pytest.mark.parametrize("width", [24, 38, 60, 78, 118])
@pytest.mark.parametrize("snippet", ["", "文" * 200, "a " * 120, "x" * 240])
def test_rows_of_any_height_fill_their_width(lines: int, width: int, snippet: str) -> None:
    marks = ((len(snippet) - 2, len(snippet)),) if snippet else ()
    hit = a_hit(snippet=snippet, marks=marks)
    for made in (hit_lines, matrix_lines):
        if made is hit_lines or width >= 60:
            rows = made(hit, row_style(lines), width, Freshness.CHANGED)
            assert [cells(row) for row in rows] == [width] * lines


@pytest.mark.parametrize("size", [(80, 24), (120, 30), (200, 50)], ids=str)
async def test_z_changes_the_rows_everywhere_and_is_remembered(size: tuple[int, int]) -> None:
    app = make_app()
    async with on_stage(app, size, QUERY) as pilot:
        first = app.browser.rankings.lines
        assert first == {24: 1, 30: 2, 50: 3}[size[1]]
        assert "2025-11-08.md:7" in screen_text(app), "a path at every width"
        await pilot.press("enter", "z")
        await pilot.pause()
        assert app.browser.rankings.active_list.rows_layout.height == first % 3 + 1
        await pilot.press("z", "z")
        assert app.browser.rankings.lines == first
        assert Remembered().memory.lines == first


async def test_the_split_and_the_explanation_are_remembered() -> None:
    app = make_app()
    async with on_stage(app, (200, 50), QUERY) as pilot:
        await pilot.press("enter", "x")
        before = app.browser.preview.size.height
        await pilot.press("right_curly_bracket")
        await pilot.pause()
        assert app.browser.preview.size.height > before
        chosen = app.browser.preview.size.height
    again = make_app()
    async with on_stage(again, (200, 50), QUERY) as pilot:
        await pilot.pause()
        assert again.browser.explanation_pane.following
        assert again.browser.preview.size.height == chosen


# Truth


async def test_nothing_is_final_while_the_folder_is_read() -> None:
    engine = StandIn()
    engine.change(reading=True, notes=0, pending=Pending(new=146))
    app = make_app(Sessions(engine))
    async with on_stage(app, (120, 30)) as pilot:
        await pilot.pause()
        text = screen_text(app)
        assert "Reading 146 notes…" in text
        await ask(app, "zzz ssh")
        await pilot.pause()
        text = screen_text(app)
        for word in ("ready", "current", "nowhere", "0 notes", "contains none", "no note"):
            assert word not in text.casefold(), word
        assert "146 notes still to read" in text
        engine.change(reading=False, notes=49, pending=Pending())
        await until(lambda: "current" in screen_text(app))
        await until(lambda: "still to read" not in screen_text(app))
        assert "zzz 0 notes" in screen_text(app)


async def test_a_verdict_is_provisional_while_chunks_are_encoded() -> None:
    engine = StandIn()

    def early(response: SearchResponse) -> SearchResponse:
        if response.target is None:
            return response
        left = "84 of 100 chunks still to encode"
        return replace(response, target=replace(response.target, provisional=left))

    engine.amend[SearchRequest] = early
    app = make_app(Sessions(engine))
    async with on_stage(app, (160, 30), QUERY) as pilot:
        app.browser.target_line.expect(Target(path="decisions/ssh.md"))
        await until(lambda: "so far; 84 of 100 chunks still to encode" in screen_text(app))
        assert "✓" not in screen_text(app).split("\n")[3]
        del engine.amend[SearchRequest]
        engine.change(generation=engine.state.generation + 1)
        await until(lambda: "✓ within" in screen_text(app))
        await pilot.pause()


async def test_figures_that_nobody_asked_for_are_shown_on_demand() -> None:
    engine = StandIn()
    engine.change(kept_in="Milvus at vectors.lan:19530")
    app = make_app(Sessions(engine))
    async with on_stage(app, (200, 50), QUERY) as pilot:
        text = screen_text(app)
        assert " ms" not in text and "generation" not in text and "0 new" not in text
        await pilot.press("enter", "i")
        await until(lambda: "generation" in screen_text(app))
        assert " ms" in screen_text(app) and "float32" in screen_text(app)
        assert "index kept in   Milvus at vectors.lan:19530" in screen_text(app)


async def test_the_model_that_loads_is_named_in_the_status_line() -> None:
    engine = StandIn()
    engine.change(encoder=replace(engine.state.encoder, state=RankingState.LOADING))
    app = make_app(Sessions(engine))
    async with on_stage(app, (80, 24)) as pilot:
        await pilot.pause()
        assert "loading the model…" in screen_text(app)


# Help, palette, themes, exports


async def test_help_shows_signs_first_and_filters() -> None:
    app = make_app()
    async with on_stage(app) as pilot:
        await pilot.press("enter", "f1")
        await until(lambda: isinstance(app.screen, HelpScreen))
        assert "Signs on the screen" in screen_text(app)
        await pilot.press("slash", *"theme")
        await until(lambda: "Choose a theme." in screen_text(app))
        assert "Signs on the screen" not in screen_text(app)
        await pilot.press("enter", "escape")
        await until(lambda: "Signs on the screen" in screen_text(app))
        await pilot.press("q")
        await until(lambda: app.screen is app.browser)


def test_every_title_in_the_palette_begins_with_a_verb_and_names_no_id() -> None:
    titles = [action.title for action in ACTIONS if action.palette]
    assert all(title[0].isupper() and len(title) > 4 for title in titles)
    assert not [title for title in titles if any(action.id in title for action in ACTIONS)]
    assert len("\n".join(plain(line) for line in help_lines(words="zzz")).split("\n")) == 1


async def test_moving_in_the_themes_shows_them_and_escape_brings_back_the_old_one() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "T")
        await until(lambda: isinstance(app.screen, ThemeScreen))
        await pilot.press("j", "j")
        await until(lambda: app.theme != "membrowse")
        await pilot.press("escape")
        await until(lambda: app.screen is app.browser)
        assert app.theme == "membrowse" and Remembered().memory.theme in ("", "membrowse")
        await pilot.press("T", "j", "enter")
        await until(lambda: app.screen is app.browser)
        assert Remembered().memory.theme == app.theme != "membrowse"


async def test_a_view_is_exported_as_picture_and_text(own_home: Path) -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "E")
        await until(lambda: "Exported" in screen_text(app))
        (text,) = (own_home / "exports").glob("*.txt")
        assert "RERANKED" in text.read_text() and "Exported" not in text.read_text()
        assert text.with_suffix(".svg").read_text().startswith("<svg")
        await pilot.press("E")
        await until(lambda: len(list((own_home / "exports").glob("*.svg"))) == 2)


async def test_a_report_is_written_by_the_command(
    monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    from membrowse.tui import export

    ran: list[tuple[str, ...]] = []

    def run(*command: str) -> CompletedProcess[bytes]:
        ran.append(command)
        return CompletedProcess(command, 2, b"", b"no such note\n")

    monkeypatch.setattr(export.interpreter, "run", run)  # type: ignore[attr-defined]
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "ctrl+e")
        await until(lambda: "Cannot write the report: no such note" in screen_text(app))
    (command,) = ran
    assert command[:3] == ("membrowse", "report", "-o") and command[-2:] == ("--", QUERY)
    assert command[command.index("--folder") + 1] == str(FOLDER)


# Keys


def test_keys_are_rebound_by_id() -> None:
    keymap = Keymap({"view.rows": "Z,@", "query.focus": "ctrl+g"})
    bound = {action.id: action.keys for action in keymap.bound(ACTIONS)}
    assert bound["view.rows"] == "Z,at"
    assert bound["query.focus"] == "ctrl+g"


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"view.row": "Z"}, "did you mean view.rows?"),
        ({"nonsense": "Z"}, "there is no action 'nonsense'"),
        (
            {"view.rows": "e"},
            "e is the key of both hit.edit (in the lists) and view.rows (in the lists)",
        ),
        ({"view.rows": "j"}, "list.down"),
        ({"view.rows": "ctrl+"}, "there is no key"),
        ({"view.rows": "contrl+x"}, "there is no key 'contrl+x'"),
        ({"view.rows": ""}, "view.rows has no key"),
        ({"query.older": "a"}, "which types in the query"),
        ({"app.quit": "E"}, "app.export"),
    ],
)
def test_a_key_that_cannot_be_is_an_error_that_names_all(
    chosen: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Keymap(chosen)
    assert message in str(caught.value)


async def test_a_rebound_key_acts_and_is_shown() -> None:
    settings = Settings(keys={"view.rows": "Z", "hit.explain": "f9"})
    app = make_app(settings=settings)
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "z")
        assert app.browser.rankings.lines == 2
        await pilot.press("Z")
        assert app.browser.rankings.lines == 3
        await pilot.press("x")
        assert not app.browser.explanation_pane.following
        await pilot.press("f9")
        assert app.browser.explanation_pane.following
        await pilot.pause()
        assert "f9 explain" in screen_text(app) and "Z rows" in screen_text(app)


async def test_no_text_names_a_key_that_is_rebound_to_another() -> None:
    names = {"query.focus": "f2", "question.next": "f3", "view.files": "f4", "hit.explain": "f6"}
    names |= {"target.why": "f7", "tune.open": "f8", "pin.show": "f9", "panel.preview": "f10"}
    names |= {"app.open": "f11", "app.retry": "f12", "query.leave": "ctrl+g", "app.help": "ctrl+t"}
    engine = StandIn()
    app = make_app(Sessions(engine), settings=Settings(keys=names))
    async with on_stage(app, (120, 40)) as pilot:
        await pilot.pause()
        guide = screen_text(app)
        assert "f2   type the query; ctrl+g leaves it" in guide
        assert "f6  f7   explain a hit" in guide and "not indexed [f4]" in guide
        engine.change(notes=0, chunks=0)
        await until(lambda: "ctrl+g, then f4 shows every file" in screen_text(app))
        await ask(app, QUERY)
        await pilot.press("ctrl+g")
        await until(lambda: "f10 PREVIEW" in screen_text(app))
        await pilot.press("f8")
        await until(lambda: "f8 TUNE" in screen_text(app))


async def test_refusals_help_and_palette_name_the_bound_keys() -> None:
    keymap = Keymap({"target.why": "f7", "tune.open": "f8", "preview.next": "f9"})
    help_text = "\n".join(plain(line) for line in help_lines(keymap.bound(ACTIONS)))
    assert "f9 and N go on to others" in help_text
    assert not re.search(r"\{[a-z]+\.", help_text)
    for action in keymap.bound(ACTIONS):
        for need in action.needs:
            text = with_keys(refusal(action, set(), set(Right)), keymap.key)
            assert "{" not in text, (action.id, need)
    assert with_keys(Need.TARGET.value, keymap.key).startswith("There is neither a target (f7)")


async def test_ctrl_z_suspends(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app()
    suspended: list[bool] = []
    monkeypatch.setattr(app, "action_suspend_process", lambda: suspended.append(True))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("ctrl+z", "enter", "ctrl+z")
    assert suspended == [True, True]


# The chunk


@pytest.mark.parametrize("size", [(80, 24), (80, 20), (120, 30)], ids=str)
async def test_n_goes_from_match_to_match_in_the_preview(size: tuple[int, int]) -> None:
    app = make_app()
    async with on_stage(app, size, QUERY) as pilot:
        await pilot.press("enter", "n")
        await until(lambda: "lines with a word of the query" in screen_text(app))
        found = app.browser.preview.text._found
        await pilot.press("n")
        await until(lambda: app.browser.preview.text._found != found)
        await pilot.press("N")
        await until(lambda: app.browser.preview.text._found == found)
        await pilot.press("ctrl+f", *"bastion", "enter")
        await until(lambda: "with “bastion”" in screen_text(app))
        await pilot.press("ctrl+f", *"zzz", "enter")
        await until(lambda: "does not contain “zzz”" in screen_text(app))


async def test_d_shows_what_changed_since_the_note_was_indexed() -> None:
    engine = StandIn()
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "d")
        await until(lambda: "has not changed since it was indexed" in screen_text(app))

        def changed(explanation: Explanation) -> Explanation:
            diff = ("@@ -7 +7 @@", "-port 22", "+port 2202")
            new = replace(explanation.indexed, freshness=Freshness.CHANGED, diff=diff)
            return replace(explanation, indexed=new)

        engine.amend[ExplainRequest] = changed
        await pilot.press("d")
        await until(lambda: isinstance(app.screen, ChangesScreen))
        await pilot.pause()
        assert "-port 22" in screen_text(app) and "+port 2202" in screen_text(app)
        await pilot.press("q")
        await until(lambda: app.screen is app.browser)


# Files and tuning


def test_a_file_that_is_gone_is_no_ghost_and_an_unknown_size_is_a_dash(tmp_path: Path) -> None:
    (tmp_path / "there.jsonl").write_text("x")
    records = [
        FileRecord(path=name, state=NoteState.IGNORED) for name in ("there.jsonl", ".a.md.swp")
    ]
    records.append(FileRecord(path="gone.md", state=NoteState.DELETED))
    kept = without_ghosts(Roots.of_folder(tmp_path), records)
    assert [record.path for record in kept] == ["there.jsonl", "gone.md"]
    assert without_ghosts(Roots.of_folder(tmp_path / "none"), records) == records
    not_utf8 = [FileRecord(path="caf\ufffd.md", state=NoteState.SKIPPED)]
    assert without_ghosts(Roots.of_folder(tmp_path), not_utf8) == not_utf8
    assert "0 B" not in plain(file_line(kept[0], NOW, 120))
    deep = FileRecord(path=f"workspace/{'a' * 50}.md", state=NoteState.NEW)
    assert "wor…/…aaa" in plain(file_line(deep, NOW, 80, {"workspace": "wor"}))


async def test_a_and_b_are_not_the_same_thing() -> None:
    app = make_app()
    async with on_stage(app, (120, 40), QUERY) as pilot:
        await pilot.press("enter", "t")
        await until(lambda: app.browser.tuning_panel.tuning.known is not None)
        await pilot.press("b")
        await until(lambda: "Both sides are the same" in screen_text(app))
        assert "in force: the defaults" in screen_text(app)
        assert "keyword ◂" in screen_text(app)


async def test_a_target_has_a_curve_of_its_own_in_the_rank_flow() -> None:
    from membrowse.presentation.rank_flow import make_plot, plot_rows
    from membrowse.wire.rank_flow import RankFlowRequest

    record = StandIn().real(RankFlowRequest(text=QUERY, depth=20))
    plot = make_plot(record, 78)
    rows = plot_rows(plot, 0, plot.orders[-1][12])
    styles = {part.style for row in rows for part in row if "⠀" < part.text.strip()[:1] <= "⣿"}
    assert styles == {"brand", "accent", "dim"}
    for row in rows[14:19]:
        curves = [part for part in row if part.style == "dim" and "⠀" < part.text.strip()[:1]]
        assert len("".join(part.text for part in curves)) < plot.gap, "no hedge"
