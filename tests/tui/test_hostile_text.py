"""Untrusted text is shown, never interpreted: in every place where text is shown."""

from __future__ import annotations

import unicodedata

import msgspec
import pytest

from membrowse.client.supervisor import GaveUp
from membrowse.text import shown
from membrowse.tui.app import MembrowseApp
from membrowse.tui.model import copy_formats
from membrowse.wire.engine import IndexChange
from membrowse.wire.notes import ChunkRequest, FileRecord, FilesRequest, NoteState
from membrowse.wire.search import KEYWORD, Hit, Ranking, RankingState, SearchRequest, Term
from tests.standin.corpus import HOSTILE
from tests.standin.engine import StandIn
from tests.standin.replies import FOLDER, a_hit
from tests.tui.stage import (
    Sessions,
    ask,
    make_app,
    on_stage,
    screen_text,
    until,
    with_query,
    with_rankings,
)

MARKUP = ("[/tmp]", "[bold]", "[@click=app.quit]x[/]", "[not a tag", "\\[x]", "[/]", "]", "[red]")
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n"]
INVISIBLE = ["\u200b", "\u202e", "\u2066", "\ufeff", "\u00ad", "\u2028", "\ud800", "\U000e0041"]
SAFE_CONTROLS = {"\n"}


def hostile_engine() -> StandIn:
    """An engine whose notes, names, states and messages are all hostile."""
    every = "".join(CONTROLS) + "".join(INVISIBLE) + " ".join(MARKUP)
    written, hostile = (text.replace("\0", "").replace("\ud800", "") for text in (every, HOSTILE))
    files = {
        f"a/{hostile} staging.md": f"# T {hostile}\n\n## H {hostile}\n\nssh {written}\n",
        "b/[/tmp]\n.md": f"# {written}\n\n## ssh {written}\n\nstaging\n",
        "c/long.md": f"# long\n\nstaging {'[' * 400} ssh\n",
        **{
            f"d/{at}{mark}.md": f"# {mark}\n\n## {mark}\n\nstaging {mark}\n"
            for at, mark in enumerate(MARKUP)
        },
    }
    engine = StandIn(files)
    engine.amend[SearchRequest] = with_query(
        warnings=(HOSTILE,),
        dropped=(HOSTILE,),
        filters=(f"path:{HOSTILE}",),
        required=(HOSTILE,),
        terms=(Term(term=HOSTILE, df=3),),
    )
    change = IndexChange(at="2026-07-20T10:04:31Z", path=HOSTILE, notes=1, chunks=2)
    encoder = msgspec.structs.replace(engine.state.encoder, name=HOSTILE, precision="[/]")
    watcher = msgspec.structs.replace(engine.state.watcher, kind="polling", message=HOSTILE)
    engine.change(changed=tuple(files)[:1], last_change=change, encoder=encoder, watcher=watcher)
    failed = FileRecord(path=HOSTILE, state=NoteState.FAILED, reason=f"{HOSTILE} {every}" * 3)
    engine.amend[FilesRequest] = lambda records: [*records, failed]
    return engine


def assert_harmless(app: MembrowseApp) -> str:
    """Nothing on the screen is a control, direction or invisible character."""
    text = screen_text(app)
    seen = set(text) - SAFE_CONTROLS
    bad = {c for c in seen if unicodedata.category(c) in ("Cc", "Cs") or shown(c) != c}
    assert not bad, [hex(ord(char)) for char in bad]
    return text


@pytest.mark.parametrize("size", [(120, 30), (80, 24)])
async def test_rankings_and_preview_show_hostile_notes_as_text(size: tuple[int, int]) -> None:
    app = make_app(Sessions(hostile_engine()))
    async with on_stage(app, size, "staging ssh") as pilot:
        await pilot.press("enter")
        for _ in range(11):
            await pilot.press("j")
            await until(lambda: app.browser.preview.view is not None)
            await pilot.pause()
            text = assert_harmless(app)
        await pilot.press("v")
        await pilot.pause()
        assert_harmless(app)
        await pilot.press("escape", "z", "4")
        await pilot.pause()
        text = assert_harmless(app)
    assert "[" in text


async def test_a_line_of_a_megabyte_is_shown_in_part_and_says_so() -> None:
    engine, line = hostile_engine(), f"staging {'[' * 1_000_000} ssh"
    engine.amend[ChunkRequest] = lambda view: msgspec.structs.replace(
        view, lines=(line,) * len(view.lines), marks=()
    )
    app = make_app(Sessions(engine))
    async with on_stage(app, query="long staging") as pilot:
        browsing = app.browser.open_query
        row = next(r for r, h in browsing.views["reranked"].hits.items() if h.path == "c/long.md")
        app.browser.rankings.move_to("reranked", row)
        await until(
            lambda: app.browser.preview.view and app.browser.preview.view.path == "c/long.md"
        )
        await pilot.press("enter", "4", "plus", "G")
        await pilot.pause()
        assert "more characters" in assert_harmless(app)


async def test_query_echo_terms_and_warnings() -> None:
    app = make_app(Sessions(hostile_engine()))
    async with on_stage(app) as pilot:
        await ask(app, HOSTILE)
        await pilot.pause()
        text = assert_harmless(app)
    assert "[/tmp] [bold]" in text


async def test_files_screen_and_a_reason_in_full() -> None:
    app = make_app(Sessions(hostile_engine()))
    async with on_stage(app) as pilot:
        await pilot.press("tab", "f")
        await until(lambda: "failed" in screen_text(app))
        assert_harmless(app)
        await pilot.press("enter")
        await pilot.pause()
        assert "[bold]not bold[/bold]" in assert_harmless(app)


async def test_problems_logs_and_toasts() -> None:
    sessions = Sessions(hostile_engine())
    app = make_app(sessions)
    async with on_stage(app) as pilot:
        app.say(f"{HOSTILE}\nsecond", "error")
        sessions.engine.change(problem=HOSTILE)
        await pilot.pause()
        assert "[/tmp] [bold]" in assert_harmless(app)
        sessions.say(GaveUp(HOSTILE, HOSTILE))
        await until(lambda: app.browser.engine.log_tail)
        await pilot.pause()
        assert "[/tmp] [bold]" in assert_harmless(app)


async def test_messages_of_a_ranking_and_an_unknown_ranking_name() -> None:
    engine = hostile_engine()
    engine.amend[SearchRequest] = with_rankings(
        {
            KEYWORD: Ranking(state=RankingState.FAILED, message=HOSTILE),
            HOSTILE: Ranking(state=RankingState.OFF, message=HOSTILE),
        }
    )
    app = make_app(Sessions(engine))
    async with on_stage(app, (160, 40), "staging") as pilot:
        await pilot.pause()
        assert_harmless(app)


async def test_history_shows_hostile_queries_as_text() -> None:
    app = make_app()
    app.remembered.query(HOSTILE, FOLDER)
    async with on_stage(app) as pilot:
        assert_harmless(app)
        await pilot.press("tab", "H")
        await pilot.pause()
        assert "[/tmp]" in assert_harmless(app)


async def test_what_is_copied_has_no_control_characters() -> None:
    app = make_app(Sessions(hostile_engine()))
    async with on_stage(app, query="staging ssh") as pilot:
        hit = next(
            hit
            for hit in app.browser.open_query.views["reranked"].hits.values()
            if "\x1b" in hit.path
        )
        for _, make in copy_formats.OF_A_HIT.values():
            text = make(hit)
            assert all(c == "\n" or shown(c) == c for c in text)
        app.browser.rankings.move_to("reranked", hit.rank - 1)
        await until(
            lambda: app.browser.preview.view and app.browser.preview.view.chunk == hit.chunk
        )
        view = app.browser.preview.view
        assert view is not None
        assert all(c == "\n" or shown(c) == c for c in copy_formats.as_text(view))
        await pilot.pause()


def test_json_keeps_what_it_escapes() -> None:
    hit = a_hit(path=HOSTILE.replace("\ud800", "") + "\U000e0041")
    assert msgspec.json.decode(copy_formats.as_json(hit), type=Hit) == hit
