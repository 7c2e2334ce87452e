"""Rank flow, comparison and tokens: opened by a key, safe to look at, and back by escape."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from membrowse.client.engine import EngineRefused
from membrowse.presentation.comparison import comparison_rows
from membrowse.presentation.lines import Line, cells
from membrowse.presentation.rank_flow import make_plot, movers, plot_rows, story
from membrowse.presentation.tokens import TokenLines
from membrowse.tui.app import MembrowseApp
from membrowse.tui.screens.comparison import ComparisonScreen
from membrowse.tui.screens.rank_flow import RankFlowScreen
from membrowse.tui.screens.tokens import TokensScreen
from membrowse.wire.comparison import CompareRequest, Comparison
from membrowse.wire.rank_flow import RankFlow, RankFlowRequest
from membrowse.wire.request import Problem
from membrowse.wire.search import RANKINGS, RERANKED, Target
from membrowse.wire.tokens import AnalysedToken, TokenisedText, TokensRequest, WordPiece
from tests.standin.corpus import HOSTILE
from tests.standin.engine import StandIn
from tests.tui.stage import NOW, QUERY, Sessions, make_app, on_stage, screen_text, until
from tests.tui.test_hostile_text import assert_harmless, hostile_engine

SCREENS = (("X", RankFlowScreen), ("equals_sign", ComparisonScreen), ("u", TokensScreen))


def text_of(line: Line) -> str:
    return "".join(part.text for part in line)


async def shown(app: MembrowseApp, kind: type) -> None:
    """Wait until a screen of that kind shows its record."""
    await until(lambda: isinstance(app.screen, kind) and getattr(app.screen, "record", None))


# Rank flow


def a_flow(engine: StandIn | None = None, text: str = QUERY) -> RankFlow:
    return (engine or StandIn()).real(RankFlowRequest(text=text, depth=20))


def test_every_chunk_has_one_place_in_every_column() -> None:
    record = a_flow(text="staging backup 部署")
    plot = make_plot(record, 100)
    for ranking, order in zip(RANKINGS, plot.orders, strict=True):
        assert sorted(order) == list(range(len(record.flows)))
        ranks = [record.flows[at].ranks[ranking] for at in order]
        known = [rank for rank in ranks if rank is not None]
        assert known == sorted(known) and ranks[: len(known)] == known


@pytest.mark.parametrize("width", [30, 76, 116, 196])
def test_the_plot_keeps_to_its_width_and_stresses_one_chunk(width: int) -> None:
    record = a_flow()
    rows = plot_rows(make_plot(record, width), 4)
    assert all(cells(row) <= max(width, 4 * 5 + 3 * 3 + 1) for row in rows)
    places = [at for row in rows for at, char in enumerate(text_of(row)) if char == "●"]
    assert len(places) == len(set(places)) == len(RANKINGS), "one sign per ranking, without colour"


def test_the_story_names_every_rank_and_the_movers_are_named() -> None:
    record = a_flow(text="staging backup port")
    flow = record.flows[0]
    text = text_of(story(record, 0))
    assert all(f"{name} #{flow.ranks[name]}" in text for name in RANKINGS)
    moved = text_of(movers(record, 120))
    assert len(moved) <= 120 and movers(record, 10) == []


def test_a_long_path_in_the_flow_keeps_the_root_of_a_collection() -> None:
    record = a_flow()
    flows = [
        replace(flow, path=f"{root}/memory/decisions/of-last-year/ssh.md", ranks=ranks)
        for flow, root, ranks in zip(
            record.flows,
            ("work", "home"),
            ({"fused": 1, "reranked": 2}, {"fused": 2, "reranked": 1}),
            strict=False,
        )
    ]
    record = replace(record, flows=tuple(flows))
    roots = {"work": "wor", "home": "hom"}
    rows = "\n".join(map(text_of, plot_rows(make_plot(record, 100), 0, None, roots)))
    for text in (rows, text_of(movers(record, 120, roots))):
        assert "work/…/" in text and "home/…/" in text


async def test_moving_in_the_flow_moves_the_stress_and_enter_goes_there() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "j", "X")
        await shown(app, RankFlowScreen)
        screen = app.screen
        assert isinstance(screen, RankFlowScreen) and screen.plot.cursor_row == 1
        await pilot.press("j", "j")
        await until(lambda: screen.plot.cursor_row == 3)
        wanted = screen.plot.flow
        assert wanted is not None and "reranked #4" in screen_text(app)
        await pilot.press("enter")
        await until(lambda: app.screen is app.browser)
        cursor = app.browser.open_query.cursor
        assert cursor is not None and cursor.chunk == wanted.chunk


async def test_the_flow_keeps_its_chunk_when_the_index_changes() -> None:
    engine = StandIn()
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "X")
        await shown(app, RankFlowScreen)
        screen = app.screen
        assert isinstance(screen, RankFlowScreen)
        await pilot.press("j", "j")
        await until(lambda: screen.plot.cursor_row == 2)
        before, chunk = screen.record, screen.plot.flow
        engine.edit("logs/2025-11-08.md", "# Daily log\n\n## SSH\n\nNothing.\n")
        await until(lambda: screen.record is not before)
        assert chunk and screen.plot.flow and screen.plot.flow.chunk == chunk.chunk


# Comparison


def a_comparison(engine: StandIn, left: str, right: str) -> Comparison:
    """The first chunk of `left` against the second of `right`."""
    target = Target(chunk=engine.chunk(right, 1))
    return engine.real(CompareRequest(text=QUERY, left=engine.chunk(left), right=target))


def comparison_text(record: Comparison) -> str:
    return "\n".join(text_of(row.line) for row in comparison_rows(record, NOW, 116))


def test_a_comparison_tells_scores_differences_words_and_dates() -> None:
    text = comparison_text(a_comparison(StandIn(), "decisions/ssh.md", "MEMORY.md"))
    for said in (
        "1 place above MEMORY.md:12",
        "KEYWORD",
        "RERANKED",
        "left has more",
        "2026-07-17",
        "3d",
    ):
        assert said in text, said
    assert "Scanners" in text.split("only in the left")[1].split("only in the right")[0]
    assert "nearly the same words elsewhere" in text


@pytest.mark.parametrize("width", [30, 60, 77, 117, 197])
def test_a_comparison_keeps_its_figures_in_columns(width: int) -> None:
    rows = comparison_rows(a_comparison(StandIn(), "MEMORY.md", "MEMORY.md"), NOW, width)
    bars = [text_of(row.line).index("┼") for row in rows if "┼" in text_of(row.line)]
    assert len(set(bars)) == 1
    if width >= 77:
        assert all(cells(row.line) <= width for row in rows)


async def test_equals_marks_a_chunk_and_compares_it_with_the_next() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter", "equals_sign")
        await pilot.pause()
        assert app.browser.open_query.marked and "❯=" in screen_text(app)
        await pilot.press("equals_sign")
        assert not app.browser.open_query.marked, "= on the marked chunk forgets the mark"
        await pilot.press("equals_sign")
        marked = app.browser.open_query.marked
        await pilot.press("j", "equals_sign")
        await shown(app, ComparisonScreen)
        screen = app.screen
        assert isinstance(screen, ComparisonScreen)
        assert screen.record is not None
        assert screen.record.right.hit.chunk == marked != screen.record.left.hit.chunk
        await pilot.press("j")
        await until(lambda: screen.lines.at == 1)
        await pilot.press("enter")
        await until(lambda: app.screen is app.browser)
        await until(lambda: app.browser.open_query.row(RERANKED) == 0, "the marked chunk")
        assert not app.browser.open_query.marked


async def test_with_a_target_equals_compares_at_once() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        app.browser.target_line.target = Target(path="tools/hosts.md")
        await pilot.press("enter", "equals_sign")
        await shown(app, ComparisonScreen)
        assert "tools/hosts.md:4" in screen_text(app)
        await pilot.press("escape")
        assert app.screen is app.browser


async def test_scrolling_a_comparison_reaches_its_end() -> None:
    app = make_app()
    async with on_stage(app, (80, 24), QUERY) as pilot:
        app.browser.target_line.target = Target(path="logs/2026-01-22.md")
        await pilot.press("enter", "equals_sign")
        await shown(app, ComparisonScreen)
        await pilot.press("G")
        await pilot.pause()
        assert " of right" in screen_text(app)
        await pilot.press("k", "ctrl+u", "pageup", "g")
        await pilot.pause()
        assert "above logs/2026-01-22.md" in screen_text(app)


# Tokens


def tokenised(path: str = "", text: str = QUERY) -> list[TokenisedText]:
    """The tokens of `text`, and of the first chunk of the note at `path`."""
    engine = StandIn()
    chunk = engine.chunk(path) if path else ""
    return list(engine.real(TokensRequest(text=text, chunk=chunk)).texts)


def test_tokens_show_pieces_window_steps_and_stop_words() -> None:
    (found,) = tokenised(text="Which ports 部署 xyzzy")
    text = "\n".join(text_of(line) for line in TokenLines(found, 80))
    assert "of 256 word pieces" in text and "⟦署⟧" in text and "unknown" in text
    assert "Which" in text and "stop word" in text and "0 notes" in text
    _, chunk = tokenised("decisions/ssh.md")
    assert "SSH moved › Decision" in "\n".join(text_of(line) for line in TokenLines(chunk, 80))


@pytest.mark.parametrize("width", [24, 60, 80, 150])
def test_tokens_keep_to_their_width(width: int) -> None:
    text = HOSTILE.replace("\ud800", "")
    for found in tokenised("notes/部署.md", f"{text} {'x' * 5000}"):
        assert all(cells(line) <= width for line in TokenLines(found, width))


def test_a_text_of_megabytes_is_made_line_by_line() -> None:
    word = AnalysedToken(
        start=0, end=4, typed="word", folded="word", term="word", kind="word", stop_word=False, df=1
    )
    piece = WordPiece(piece="word", start=0, end=4, known=True)
    many = 1_000_000
    found = TokenisedText(
        label="query", header="", text="word " * many, tokens=(word,) * many,
        pieces=(piece,) * many, count=many + 2, window=256, unknown=0.0,
    )  # fmt: skip
    began = time.process_time()
    lines = TokenLines(found, 80)
    assert len(lines) > many and "word" in text_of(lines[-1])
    text = "\n".join(text_of(lines[at]) for at in range(400))
    assert "997,000 more pieces" in text
    assert "only the first 256 are read" in text
    assert time.process_time() - began < 1.0


async def test_tokens_stand_side_by_side_where_there_is_room() -> None:
    app = make_app()
    async with on_stage(app, (200, 50), QUERY) as pilot:
        await pilot.press("enter", "u")
        await shown(app, TokensScreen)
        screen = app.screen
        assert isinstance(screen, TokensScreen)
        await until(lambda: screen.right.display and "header" in screen_text(app))
        await pilot.press("tab")
        assert screen.right.has_focus
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert not screen.right.display and screen.left.has_focus
        await pilot.press("G", "k", "u")
        assert app.screen is app.browser


# All of them


async def test_what_the_engine_refuses_is_said_on_the_screen() -> None:
    engine = StandIn()

    def refuse(request: object) -> object:
        raise EngineRefused(Problem(message="the model [is] missing"), 409)

    engine.replies[RankFlowRequest] = engine.replies[TokensRequest] = refuse
    app = make_app(Sessions(engine))
    async with on_stage(app, query=QUERY) as pilot:
        await pilot.press("enter")
        for key in ("X", "u"):
            await pilot.press(key)
            await until(lambda: "the model [is] missing" in screen_text(app))
            await pilot.press("escape")
            assert app.screen is app.browser


async def test_hostile_text_is_shown_as_text_everywhere() -> None:
    app = make_app(Sessions(hostile_engine()))
    async with on_stage(app, (80, 24), f"staging {HOSTILE}") as pilot:
        app.browser.target_line.target = Target(path="b/[/tmp]\n.md")
        await pilot.press("enter")
        for key, kind in SCREENS:
            await pilot.press(key)
            await shown(app, kind)
            for move in ("G", "g"):
                await pilot.pause()
                assert "[" in assert_harmless(app)
                await pilot.press(move)
            await pilot.press("escape")
            await pilot.pause()
        assert app.screen is app.browser


async def test_they_survive_any_resize() -> None:
    app = make_app()
    async with on_stage(app, query=QUERY) as pilot:
        app.browser.target_line.target = Target(path="MEMORY.md")
        await pilot.press("enter")
        for key, kind in SCREENS:
            await pilot.press(key)
            await shown(app, kind)
            for size in ((40, 10), (200, 50)):
                await pilot.resize_terminal(*size)
                await pilot.pause()
            assert "port" in screen_text(app)
            await pilot.press("escape")
