"""The explanation: follows the cursor, adds up, and draws the chunk's heat."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from membrowse.client.engine import EngineRefused
from membrowse.presentation.explanation import explanation_lines
from membrowse.presentation.figures import exact
from membrowse.presentation.heat_map import heat_map
from membrowse.text import shown
from membrowse.tui.app import MembrowseApp
from membrowse.tui.model.preview_lines import preview_lines
from membrowse.wire.explanation import ExplainRequest, Explanation, HeatSpan
from membrowse.wire.notes import ChunkRequest, Freshness
from membrowse.wire.request import Problem
from tests.standin.corpus import HOSTILE
from tests.standin.engine import StandIn
from tests.tui.stage import NOW, QUERY, Sessions, ask, make_app, on_stage, screen_text, until
from tests.tui.test_hostile_text import assert_harmless, hostile_engine


def explained(app: MembrowseApp) -> bool:
    """Whether the pane explains the chunk under the cursor."""
    cursor, explanation = app.browser.open_query.cursor, app.browser.explanation_pane.explanation
    return bool(cursor and explanation and explanation.hit.chunk == cursor.chunk)


def an_explanation(engine: StandIn, chunk: str = "") -> Explanation:
    chunk = chunk or engine.chunk("decisions/ssh.md")
    return engine.real(ExplainRequest(text=QUERY, chunk=chunk))


def lines_of(explanation: Explanation, *, full: bool = True, width: int = 100) -> list[str]:
    """The lines of an explanation as text."""
    lines = explanation_lines(explanation, (), NOW, width, full=full)
    return ["".join(part.text for part in line) for line in lines]


# Following


async def test_the_explanation_stands_beside_the_preview_and_follows_the_cursor() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "x")
        await until(lambda: explained(app))
        assert app.browser.preview.display and app.browser.rankings.active_list.display
        await pilot.press("j", "j")
        await until(lambda: explained(app))
        assert "MEMORY.md:12" in screen_text(app)
        await pilot.press("x")
        pane = app.browser.explanation_pane
        assert not pane.display and not pane.following


async def test_an_explanation_that_comes_too_late_is_dropped() -> None:
    engine, gate = StandIn(), asyncio.Event()
    app = make_app(Sessions(engine))

    async def slowly(explanation: Explanation) -> Explanation:
        await gate.wait()
        return explanation

    async with on_stage(app, query=QUERY) as pilot:
        engine.amend[ExplainRequest] = slowly
        await pilot.press("enter", "x")
        await until(lambda: "explaining …" in screen_text(app))
        late = an_explanation(engine, engine.chunk("tools/hosts.md"))
        app.browser.explanation_pane.take(ExplainRequest(text=QUERY, chunk="x"), late)
        assert app.browser.explanation_pane.explanation is None
        gate.set()
        await until(lambda: explained(app))
        assert "explaining …" not in screen_text(app)


async def test_a_new_query_is_explained_anew() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "x")
        await until(lambda: explained(app))
        await ask(app, "how long does a restore take?")
        await until(lambda: explained(app))
        shown = app.browser.explanation_pane.explanation
        assert shown is not None and shown.query == "how long does a restore take?"


async def test_a_refusal_is_said_in_the_pane() -> None:
    engine = StandIn()

    def refuse(request: ExplainRequest) -> Explanation:
        raise EngineRefused(Problem(message="the index is being [rebuilt]"), 409)

    engine.replies[ExplainRequest] = refuse
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "x")
        await until(lambda: "the index is being [rebuilt]" in screen_text(app))


async def test_near_spellings_are_added_when_they_arrive() -> None:
    app = make_app()
    async with on_stage(app, query="staging deplyo") as pilot:
        await pilot.press("enter", "x")
        await until(lambda: "similar: deploy" in screen_text(app))
        await pilot.press("j")
        await until(lambda: explained(app))
        assert "similar: deploy" in screen_text(app)


async def test_on_a_small_screen_it_has_the_whole_screen_and_scrolls() -> None:
    app = make_app()
    async with on_stage(app, (80, 24), QUERY) as pilot:
        await pilot.press("enter", "x")
        await until(lambda: explained(app))
        browser = app.browser
        assert browser.maximised == "explanation" and not browser.rankings.display
        assert "KEYWORD" in screen_text(app)
        await pilot.press("G")
        await until(lambda: "up to date" in screen_text(app))
        await pilot.press("g", "j", "ctrl+d", "ctrl+u", "k")
        assert browser.explanation_pane.text.scroll_offset.y == 0
        await pilot.press("escape")
        await pilot.pause()
        assert browser.rankings.active_list.has_focus and browser.explanation_pane.following
        assert "heat ▁▃▅▇" in screen_text(app), "the heat stays in the preview"
        await pilot.press("x", "x")
        await pilot.pause()
        assert not browser.explanation_pane.following and "heat" not in screen_text(app)


async def test_it_survives_any_resize() -> None:
    app = make_app()
    async with on_stage(app, (120, 30), QUERY) as pilot:
        await pilot.press("enter", "x", "5")
        await until(lambda: explained(app))
        for size in ((80, 24), (40, 10), (250, 70), (120, 30)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        assert app.browser.explanation_pane.display and "KEYWORD" in screen_text(app)


async def test_the_panel_is_reached_by_tab_and_five_and_maximised() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        browser = app.browser
        await pilot.press("enter", "5")
        assert browser.explanation_pane.following and browser.explanation_pane.text.has_focus
        await pilot.press("plus")
        await until(lambda: "weight 1" in screen_text(app), "the small print")
        await pilot.press("plus", "shift+tab")
        assert browser.preview.text.has_focus
        await pilot.press("tab", "escape")
        assert browser.rankings.active_list.has_focus


# What is said


def test_every_sum_is_shown_with_what_it_is_the_sum_of() -> None:
    engine = StandIn()
    for chunk in engine.chunks[:8]:
        explanation = an_explanation(engine, chunk.id)
        sums = [line.split("=")[1].split()[0] for line in lines_of(explanation) if "  = " in line]
        wanted = [explanation.keyword.score] if explanation.keyword.rank else []
        wanted += [explanation.vector.score or 0.0, explanation.fused.score]
        wanted += [explanation.reranked.score or 0.0] if explanation.reranked.in_pool else []
        wanted += [explanation.reranked.raw or 0.0]
        assert sums == [exact(score) for score in wanted]


def test_every_figure_of_the_record_is_said_in_full() -> None:
    text = "\n".join(lines_of(an_explanation(StandIn())))
    for figure in (
        "k1 1.2, b 0.75",
        "idf",
        "2 × at",
        "mean 16.61",
        "0.6 × .899",
        "between 0 and 9.840",
    ):
        assert figure in text, figure
    assert "explain 3 ms" in text and "generation 1" in text


def test_findings_are_said_in_words() -> None:
    explanation = an_explanation(StandIn())
    changed = msgspec.structs.replace
    explanation = changed(
        explanation,
        keyword=changed(explanation.keyword, rank=None, excluded="fails tag:ops"),
        vector=changed(
            explanation.vector,
            hnsw_asked=10,
            hnsw_missed=True,
            hnsw_exact_rank=3,
            effect="66% unknown to the encoder: vector's weight 0.5 → 0.17",
        ),
        reranked=changed(explanation.reranked, in_pool=False, fused_rank=63, raw=None, tokens=()),
        indexed=changed(
            explanation.indexed, freshness=Freshness.CHANGED, diff=("-port 22\n", "+port 2202\n")
        ),
    )
    text = "\n".join(lines_of(explanation, full=False))
    for said in (
        "not ranked: fails tag:ops",
        "HNSW missed it: #3",
        "weight 0.5 → 0.17",
        "beyond the pool: fused #63",
        "! file changed since",
        "+port 2202",
    ):
        assert said in text, said


@pytest.mark.parametrize("width", [20, 40, 58, 78, 100, 200])
def test_no_line_is_wider_than_the_pane(width: int) -> None:
    engine = StandIn()
    explanation = an_explanation(engine, engine.chunk("notes/部署.md"))
    for full in (True, False):
        assert all(len(line) <= width for line in lines_of(explanation, full=full, width=width))


async def test_hostile_text_is_shown_as_text() -> None:
    app = make_app(Sessions(hostile_engine()))
    async with on_stage(app, (120, 30), f"staging {HOSTILE}") as pilot:
        await pilot.press("enter", "x")
        for key in ("G", "g", "j"):
            await until(lambda: explained(app))
            await pilot.pause()
            assert_harmless(app)
            await pilot.press(key)


# Heat


async def test_a_hostile_refusal_is_shown_as_text() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "x")
        await until(lambda: explained(app))
        app.browser.explanation_pane.say(HOSTILE)
        await until(lambda: app.browser.explanation_pane.explanation is None)
        assert_harmless(app)
        assert shown(app.browser.explanation_pane.waiting) == app.browser.explanation_pane.waiting


async def test_switching_off_restores_the_preview() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter")
        await pilot.pause()
        plain = list(app.browser.preview.text.lines)
        await pilot.press("x")
        await until(lambda: explained(app))
        styles = {part.style for line in app.browser.preview.text.lines for part in line}
        assert styles & {"mark3", "mark4", "heat4"}
        await pilot.press("x")
        await pilot.pause()
        after = app.browser.preview.text.lines
        text = ["".join(part.text for part in line) for line in after]
        assert [line.split() for line in text if line.split()]
        assert {part.style for line in after for part in line} == {
            part.style for line in plain for part in line
        }


async def test_heat_is_legible_without_colour() -> None:
    engine = StandIn()
    view = await engine.ask(_request(engine.chunk("decisions/ssh.md")))
    lines = preview_lines(view, 80, heat_map(view, an_explanation(engine)))
    text = ["".join(part.text for part in line) for line in lines]
    assert any("┃▇ The «ssh»" in line for line in text)
    assert all("┃▇" not in line for line in text if "## " in line)


async def test_heat_of_another_chunk_is_not_drawn() -> None:
    engine = StandIn()
    view = await engine.ask(_request(engine.chunk("decisions/ssh.md", 1)))
    assert heat_map(view, an_explanation(engine)) == {}


async def test_heat_finds_its_place_in_a_line_that_was_split() -> None:
    engine = StandIn()
    explanation = an_explanation(engine)
    view = await engine.ask(_request(engine.chunk("decisions/ssh.md")))
    line = "before the chunk. " + explanation.text.split("\n")[0]
    at = view.start_line - view.first_line
    lines = (*view.lines[:at], line, *view.lines[at + 1 :])
    heat = (HeatSpan(start=2, end=5, strength=1.0, answers="x"),)
    warm = heat_map(
        msgspec.structs.replace(view, lines=lines), msgspec.structs.replace(explanation, heat=heat)
    )
    (stretch,) = warm[view.start_line]
    assert line[stretch.start : stretch.end] == "SSH" and stretch.level == 4


def _request(chunk: str) -> ChunkRequest:
    return ChunkRequest(chunk=chunk, text=QUERY)


async def test_it_needs_a_chunk_and_an_engine() -> None:
    app = make_app()
    async with on_stage(app) as pilot:
        await pilot.press("tab", "x")
        await until(lambda: "no chunk under the cursor" in screen_text(app))
        assert not app.browser.explanation_pane.following
