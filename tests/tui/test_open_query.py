"""Asking, and seeing the rankings side by side."""

from __future__ import annotations

import asyncio

import pytest
from textual import events

from membrowse.client.supervisor import Connected, GaveUp, Lost, Starting
from membrowse.settings import RerankSettings, Settings
from membrowse.wire.engine import HelloRequest
from membrowse.wire.search import (
    KEYWORD,
    RERANKED,
    VECTOR,
    Hit,
    PageRequest,
    Ranking,
    RankingState,
    SearchRequest,
    SearchResponse,
)
from tests.standin.corpus import corpus
from tests.standin.engine import StandIn
from tests.tui.stage import (
    QUERY,
    Sessions,
    answered,
    ask,
    make_app,
    on_stage,
    screen_text,
    until,
    with_query,
    with_rankings,
)


async def test_typing_asks_after_a_pause_and_fills_three_columns() -> None:
    sessions = Sessions()
    app = make_app(sessions)
    async with on_stage(app) as pilot:
        for key in "ssh port":
            app.post_message(events.Key("space" if key == " " else key, key))
        await answered(app, "ssh port")
        await pilot.pause()
        text = screen_text(app)
    assert all(name in text for name in ("1 KEYWORD", "2 VECTOR", "3 RERANKED"))
    assert "decisions/ssh.md:4" in text
    assert len(sessions.engine.asked) < len("ssh port"), "keys in quick succession are one query"


async def test_the_preview_takes_no_screen_over_before_anything_is_asked() -> None:
    app = make_app()
    async with on_stage(app) as pilot:
        await pilot.press("tab", "4")
        await pilot.pause()
        await ask(app, QUERY)
        text = screen_text(app)
    assert all(name in text for name in ("1 KEYWORD", "2 VECTOR", "3 RERANKED"))


async def test_columns_fill_independently() -> None:
    engine, gate = StandIn(), asyncio.Semaphore(1)
    engine.components.index.tokens.delete(engine.components.index.tokens.keys())

    async def when_released(response: SearchResponse) -> SearchResponse:
        await gate.acquire()
        return response

    engine.amend[SearchRequest] = when_released
    app = make_app(Sessions(engine))
    async with on_stage(app) as pilot:
        app.browser.query_bar.put(QUERY)
        views = app.browser.open_query.views
        await until(lambda: views[KEYWORD].total and not views[KEYWORD].waiting)
        await pilot.pause()
        assert views[VECTOR].waiting and views[RERANKED].waiting
        assert "ranking…" in screen_text(app)
        gate.release()
        await until(lambda: views[VECTOR].hits and not views[VECTOR].waiting)
        assert views[RERANKED].state is RankingState.LOADING
        gate.release()
        await answered(app, QUERY)
        assert views[RERANKED].state is RankingState.READY


async def test_rows_of_the_query_before_are_marked_while_the_engine_is_silent() -> None:
    engine, silence = StandIn(), asyncio.Event()
    app = make_app(Sessions(engine))
    async with on_stage(app):
        await ask(app)
        assert "1 KEYWORD  …" not in screen_text(app)

        async def held(response: SearchResponse) -> SearchResponse:
            await silence.wait()
            return response

        engine.amend[SearchRequest] = held
        app.browser.query_bar.put("another question")
        await until(lambda: "1 KEYWORD  …" in screen_text(app))
        silence.set()
        await answered(app, "another question")
        assert "1 KEYWORD  …" not in screen_text(app)


async def test_a_stale_reply_is_dropped() -> None:
    sessions = Sessions()
    app = make_app(sessions)
    async with on_stage(app, query=QUERY):
        browser = app.browser
        old = browser.open_query.number
        request = SearchRequest(text="queue", number=old - 1)
        async for response in sessions.engine.stream(request):
            browser.show_response(response)
        assert browser.open_query.analysis is not None
        assert browser.open_query.analysis.text == QUERY


async def test_what_was_made_of_the_query_is_shown() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY):
        text = screen_text(app)
    assert "port 12 · staging 22 · ssh 22" in text
    assert "stop words: which, does" in text
    assert "8 word pieces, 0 unknown" in text


async def test_what_the_encoder_does_not_know_is_said_in_its_column() -> None:
    engine = StandIn()
    engine.amend[SearchRequest] = with_query(unknown=0.66, warnings=("the quote is not closed",))
    app = make_app(Sessions(engine))
    async with on_stage(app, (200, 50), "端口") as pilot:
        await pilot.pause()
        text = screen_text(app)
    assert "66% of the query unknown" in text
    assert "! the quote is not closed" in text


async def test_the_cursor_is_linked_and_its_rank_stands_at_every_foot() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "G")
        await until(lambda: app.browser.open_query.wanted is None)
        cursor = app.browser.open_query.cursor
        await pilot.pause()
        text = screen_text(app)
    assert cursor is not None and cursor.ranks[RERANKED] == 100
    assert "› #" in text and f"#{cursor.ranks[VECTOR]} of 100" in text
    assert "contains none of your words" in text


async def test_the_agents_cut_and_the_end_of_the_pool_are_lines() -> None:
    engine = StandIn(settings=Settings(rerank=RerankSettings(pool=20)))
    app = make_app(Sessions(engine))
    async with on_stage(app, (120, 80), QUERY) as pilot:
        await pilot.press("enter", "z", "z")
        await pilot.pause()
        assert app.browser.rankings.lines == 2
        lines = screen_text(app).split("\n")
    cut = next(at for at, line in enumerate(lines) if "the top 5 (default)" in line)
    pool = next(at for at, line in enumerate(lines) if "not reranked from here" in line)
    assert " 5 " in lines[cut - 2] and " 6 " in lines[cut + 1]
    assert "20 " in lines[pool - 2] and "21 " in lines[pool + 1]


async def test_an_unknown_ranking_gets_a_column() -> None:
    engine = StandIn()
    hit = Hit(
        rank=1,
        chunk=engine.chunk("decisions/ssh.md"),
        path="decisions/ssh.md",
        title="SSH moved",
        heading="Decision",
        start_line=3,
        end_line=5,
        start_offset=0,
        end_offset=9,
        date="2026-07-17",
        indexed_at="2026-07-20T10:00:00Z",
        ranks={"agent": 1},
        scores={"agent": 0.5},
        score=0.5,
        snippet="",
    )
    agent = Ranking(state=RankingState.READY, total=1, hits=(hit,))
    engine.amend[SearchRequest] = with_rankings({"agent": agent})
    app = make_app(Sessions(engine))
    async with on_stage(app, (160, 30), QUERY) as pilot:
        await pilot.pause()
        assert "AGENT" in screen_text(app)
        await pilot.press("enter", "tab")
        await pilot.pause()
        assert app.browser.open_query.active == "agent"
        assert "k–" in screen_text(app) or "k1" in screen_text(app)


async def test_a_ranking_that_is_off_says_why_and_leaves_the_others() -> None:
    engine = StandIn()
    failed = Ranking(
        state=RankingState.FAILED, message="model files do not match: run membrowse doctor"
    )
    engine.amend[SearchRequest] = with_rankings({VECTOR: failed})
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.pause()
        text = screen_text(app)
    assert "failed" in text and "model files do not match" in text
    assert "decisions/ssh.md:4" in text


async def test_pages_are_fetched_as_they_come_into_view() -> None:
    engine = StandIn(corpus(logs=160))
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        assert not engine.requests(PageRequest)
        await pilot.press("enter", "G")
        await until(lambda: app.browser.open_query.wanted is None, "the last page")
        cursor = app.browser.open_query.cursor
        assert cursor is not None and cursor.rank == len(engine.chunks)
        assert {
            page.offset for page in engine.requests(PageRequest) if page.ranking == RERANKED
        } == {300}


async def test_a_changed_file_is_marked_at_once() -> None:
    engine = StandIn()
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        engine.change(changed=("logs/2025-11-08.md",), deleted=("decisions/ssh.md",))
        await until(lambda: bool(app.browser.engine.changed))
        await pilot.pause()
        text = screen_text(app)
    assert "! changed" in text and "✗ deleted" in text
    assert "! file changed since" in text


async def test_live_reranking_keeps_the_cursor_on_its_chunk_or_successor() -> None:
    engine = StandIn()
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "j")
        await pilot.pause()
        before = app.browser.open_query.cursor
        old = engine.chunk("decisions/ssh.md")
        assert before is not None and before.chunk == old
        engine.edit("decisions/ssh.md", "# SSH\n\nIntroduction\n\n## Decision\n\nport 2202 ssh\n")
        await until(lambda: app.browser.open_query.generation == engine.state.generation)
        await until(lambda: app.browser.open_query.complete)
        after = app.browser.open_query.cursor
        assert engine.asked[-1].track[0] == old
        assert after is not None and after.chunk == engine.chunk("decisions/ssh.md", 1)


async def test_scroll_stays_with_the_chunk_when_the_ranking_moves() -> None:
    engine = StandIn()
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", *["j"] * 14)
        await pilot.pause()
        ranking = app.browser.rankings.active_list
        row = ranking.cursor_row
        assert row is not None
        height = ranking.rows_layout.y(row) - ranking.scroll_offset.y
        for number in range(3):
            engine.edit(f"new/{number}.md", "# Staging ssh port\n\nstaging ssh port 2202\n")
        await until(lambda: app.browser.open_query.generation == engine.state.generation)
        await until(lambda: app.browser.open_query.complete)
        await pilot.pause()
        now = ranking.cursor_row
        assert now is not None and now != row
        assert ranking.rows_layout.y(now) - ranking.scroll_offset.y == height


async def test_sessions_come_and_go_and_the_same_query_is_asked_again() -> None:
    sessions = Sessions()
    app = make_app(sessions)
    async with on_stage(app, query=QUERY) as pilot:
        sessions.say(Lost("it was killed"))
        sessions.say(Starting("starting an engine"))
        await until(lambda: not app.browser.engine.connected)
        await pilot.pause()
        assert "being restarted" in screen_text(app)
        asked = len(sessions.engine.asked)
        sessions.say(Connected(sessions.engine, await sessions.engine.ask(HelloRequest())))
        await until(lambda: len(sessions.engine.asked) > asked)
        assert sessions.engine.asked[-1].text == QUERY


async def test_giving_up_shows_the_reason_and_the_log_and_a_way_on() -> None:
    sessions = Sessions()
    app = make_app(sessions)
    async with on_stage(app, query=QUERY) as pilot:
        sessions.say(GaveUp("it died three times within a minute", "line one\nSegmentation fault"))
        await until(lambda: app.browser.engine.log_tail)
        await pilot.pause()
        text = screen_text(app)
        assert "it died three times" in text and "Segmentation fault" in text and "F5" in text
        await pilot.press("f5")
        await until(lambda: len(sessions.folders) == 2)
        await until(lambda: app.browser.engine.connected)


async def test_typing_before_the_engine_is_there_is_answered_once_it_is() -> None:
    sessions = Sessions()
    sessions.connects = False
    app = make_app(sessions)
    async with on_stage(app) as pilot:
        await pilot.press("s", "s", "h")
        sessions.say(Starting("starting an engine"))
        await until(lambda: "starting an engine" in screen_text(app))
        sessions.say(await sessions.connected())
        await answered(app, "ssh")


@pytest.mark.parametrize("size", [(80, 24), (120, 30), (250, 70), (60, 15), (20, 6)])
async def test_every_size_is_survived(size: tuple[int, int]) -> None:
    app = make_app()
    async with on_stage(app, size, QUERY) as pilot:
        await pilot.press("enter", "j", "4", "j", "escape", "+", "+", "z", "1", "2", "3")
        await pilot.resize_terminal(130, 40)
        await pilot.resize_terminal(70, 20)
        await pilot.resize_terminal(*size)
        await ask(app, "queue")
        assert app.is_running
