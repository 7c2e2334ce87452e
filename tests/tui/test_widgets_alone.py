"""The parts of the browser screen, each without the browser: what they request, post and show."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

from membrowse.client.engine import EngineRefused
from membrowse.tui.contrast import readable_variables
from membrowse.tui.keymap import Keymap
from membrowse.tui.messages import QueryAsked, ReplyUnwanted, ReplyWanted
from membrowse.tui.model.engine_view import EngineView, Phase
from membrowse.tui.model.open_query import OpenQuery
from membrowse.tui.model.questions import Question, Questions
from membrowse.tui.pins import Pins
from membrowse.tui.screens.prompts import ConfirmPrompt
from membrowse.tui.screens.target_finder import TargetFinder
from membrowse.tui.screens.why import WhyScreen
from membrowse.tui.widgets.explanation_pane import ExplanationPane
from membrowse.tui.widgets.preview import Preview
from membrowse.tui.widgets.query_bar import QueryBar
from membrowse.tui.widgets.rankings import Rankings
from membrowse.tui.widgets.target_line import TargetLine
from membrowse.tui.widgets.tuning_panel import TuningPanel
from membrowse.wire.diagnosis import DiagnosisRequest, SuggestionKind, SuggestionsRequest
from membrowse.wire.engine import Right
from membrowse.wire.explanation import ExplainRequest, SpellingRequest
from membrowse.wire.notes import ChunkRequest, Freshness
from membrowse.wire.pins import AddPinRequest, PinRun, PinsRequest, PinsState, RemovePinRequest
from membrowse.wire.request import Problem, Request
from membrowse.wire.search import RERANKED, PageRequest, SearchRequest, Target
from membrowse.wire.tuning import ConfigurationsRequest, TuneRequest
from tests.standin import replies
from tests.standin.engine import StandIn
from tests.tui.stage import NOW, QUERY, until
from tests.tui.test_target_and_why import choose

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Request[Any])

REFUSED = EngineRefused(Problem(message="not [now]"), 409)
FORGOTTEN = EngineRefused(Problem(message="no such response"), 404)


def clock() -> datetime:
    return NOW


class Host(App[None]):
    """An app with nothing but `widgets`; keeps every message, and replies when asked to."""

    AUTO_FOCUS = None

    def __init__(self, *widgets: Widget) -> None:
        super().__init__()
        self.keymap = Keymap({})
        self.engine = StandIn()
        self.notified: list[str] = []
        self._widgets = widgets
        self._messages: list[Message] = []

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        return variables | readable_variables(variables)

    def compose(self) -> ComposeResult:
        yield from self._widgets

    def keep(self, message: Message) -> None:
        """Keep a message; one that bubbles is seen more than once."""
        if not any(message is kept for kept in self._messages):
            self._messages.append(message)

    def notify(self, message: str, **others: Any) -> None:
        self.notified.append(message)

    def posted(self, kind: type[M]) -> list[M]:
        """The messages of a kind so far."""
        return [message for message in self._messages if isinstance(message, kind)]

    async def wanted(self, kind: type[R]) -> ReplyWanted[Any]:
        """Wait for a request of a kind, and take the last one."""

        def found() -> list[ReplyWanted[Any]]:
            return [m for m in self.posted(ReplyWanted) if isinstance(m.request, kind)]

        await until(found, str(kind))
        last = found()[-1]
        self._messages = [message for message in self._messages if message not in found()]
        return last

    async def reply(self, kind: type[R]) -> R:
        """Deliver the engine's reply to the last request of a kind, and return the request."""
        wanted = await self.wanted(kind)
        wanted.deliver(await self.engine.ask(wanted.request))
        request: R = wanted.request  # type: ignore[assignment]
        return request


@asynccontextmanager
async def running(*widgets: Widget) -> AsyncIterator[tuple[Host, Pilot[None]]]:
    """The widgets in an app of their own."""
    host = Host(*widgets)
    async with host.run_test(size=(120, 40), message_hook=host.keep) as pilot:
        yield host, pilot


async def answered(query: OpenQuery, text: str = QUERY, engine: StandIn | None = None) -> None:
    """Search for `text` and take the whole response."""
    number = query.search(text, keep=False)
    async for response in (engine or StandIn()).stream(SearchRequest(text=text, number=number)):
        query.receive(response)


def a_view(rights: tuple[Right, ...] = tuple(Right), **changes: Any) -> EngineView:
    """A connected engine."""
    state = replies.state(**changes)
    return EngineView(phase=Phase.CONNECTED, rights=frozenset(rights), state=state)


# Target


async def test_a_target_is_shown_with_its_match_until_it_is_cleared() -> None:
    query = OpenQuery()
    line = TargetLine(query, clock)
    async with running(line) as (host, pilot):
        assert not line.display
        target = Target(path="decisions/ssh.md")
        line.expect(target)
        await pilot.pause()
        assert line.display and len(host.posted(TargetLine.Changed)) == 1
        number = query.search(QUERY, keep=False)
        request = SearchRequest(text=QUERY, number=number, target=target)
        async for response in host.engine.stream(request):
            query.receive(response)
            line.receive(response)
        text = "".join(part.text for part in line.line(120))
        assert "decisions/ssh.md" in text and "within the top 5 (default)" in text
        line.forget_match()
        assert line.match is None and line.target == target
        line.expect(None)
        assert not line.display and line.line(120) == []


async def test_why_asks_for_a_target_diagnoses_it_and_hands_on_what_is_applied() -> None:
    query = OpenQuery()
    line = TargetLine(query, clock)
    await answered(query)
    async with running(line) as (host, pilot):
        line.show_engine(a_view())
        line.diagnose()
        await until(lambda: isinstance(host.screen, TargetFinder))
        finder = host.screen
        assert isinstance(finder, TargetFinder)
        await until(lambda: finder.input.has_focus)
        finder.input.value = "listens"
        await until(lambda: finder.list.typed.text == "listens")
        await pilot.press("enter")
        await until(lambda: isinstance(host.screen, WhyScreen))
        assert line.target == Target(text="listens")
        request = await host.reply(DiagnosisRequest)
        assert (request.text, request.target) == (QUERY, line.target)
        line.expect(Target(path="runbooks/restore.md"))
        line.diagnose()
        assert (await host.reply(DiagnosisRequest)).target == line.target, "the same screen"
        await host.reply(SuggestionsRequest)
        screen = host.screen
        assert isinstance(screen, WhyScreen) and screen.list.report is not None
        chosen = await choose(pilot, screen, SuggestionKind.SETTING)
        await until(lambda: host.posted(TargetLine.Applied))
        assert host.posted(TargetLine.Applied)[0].suggestion == chosen
        assert not isinstance(host.screen, WhyScreen)


# Tuning


async def test_changed_values_are_tried_once_changing_has_paused() -> None:
    query = OpenQuery()
    panel = TuningPanel(query, clock)
    await answered(query)
    async with running(panel.banner, panel) as (host, pilot):
        search = SearchRequest(text=QUERY, number=query.number)
        assert not panel.search(search), "nothing is tried"
        panel.show_engine(a_view())
        panel.open()
        await host.reply(ConfigurationsRequest)
        await until(lambda: len(host.posted(TuningPanel.Changed)) == 1)
        await pilot.press("j")
        for _ in range(3):
            panel.action_step(1)
        await until(lambda: len(host.posted(TuningPanel.Changed)) == 2)
        assert panel.tuning.changed == {"fusion.weight": 0.46} and panel.banner.display
        assert panel.search(search)
        request = await host.reply(TuneRequest)
        assert request.overrides == {"fusion.weight": 0.46} and request.number == query.number
        await pilot.pause()
        (tried,) = host.posted(TuningPanel.Tried)
        assert panel.tuning.tried is tried.response
        assert panel.with_cut(a_view()).agent_k == tried.response.a.agent_k
        panel.action_close()
        await pilot.pause()
        assert not panel.display and not panel.banner.display and not panel.tuning.trying
        assert len(host.posted(TuningPanel.Changed)) == 3
        assert not panel.search(search)


async def test_values_that_the_engine_refuses_are_not_tried_again() -> None:
    query = OpenQuery()
    panel = TuningPanel(query, clock)
    await answered(query)
    async with running(panel) as (host, pilot):
        panel.show_engine(a_view())
        panel.try_settings({"fusion.weight": 0.7, "keyword.k1": 2.0})
        search = SearchRequest(text=QUERY, number=query.number)
        assert panel.search(search)
        wanted = await host.wanted(TuneRequest)
        assert isinstance(wanted.request, TuneRequest)
        assert wanted.request.overrides == {"fusion.weight": 0.7, "keyword.k1": 2.0}
        assert wanted.refused is not None
        wanted.refused(REFUSED)
        assert panel.tuning.problem == "not [now]" and not panel.search(search)
        await pilot.pause()
        assert host.posted(ReplyUnwanted)


async def test_a_reply_to_an_earlier_search_is_dropped_and_the_pins_follow_the_latest() -> None:
    query = OpenQuery()
    panel = TuningPanel(query, clock)
    await answered(query)
    async with running(panel) as (host, pilot):
        panel.show_engine(a_view(pins=PinsState(total=41, passing=38, generation=1)))
        panel.try_settings({"fusion.weight": 0.7})
        assert panel.search(SearchRequest(text=QUERY, number=1))
        early = await host.wanted(TuneRequest)
        assert panel.search(SearchRequest(text=QUERY, number=2))
        early.deliver(await host.engine.ask(early.request))
        assert panel.tuning.tried is None
        await host.reply(TuneRequest)
        assert panel.tuning.tried is not None
        pins = await host.wanted(TuneRequest)
        assert pins.request.pins and pins.request.number == 2
        assert pins.request.overrides == {"fusion.weight": 0.7}


# Pins


async def test_a_query_is_pinned_to_the_chunk_under_the_cursor_and_unpinned_when_asked() -> None:
    query = OpenQuery()
    line = TargetLine(query, clock)
    await answered(query)
    async with running(line) as (host, pilot):
        pins = Pins(host.screen, query, line)
        cursor = query.cursor
        assert cursor is not None
        pins.toggle()
        wanted = await host.wanted(PinsRequest)
        none = PinRun(
            generation=1, at="", file="golden.jsonl", settings_digest="", results=(), measures={}
        )
        wanted.deliver(none)
        request = await host.reply(AddPinRequest)
        assert request.text == QUERY and request.target.chunk == cursor.chunk
        assert "Pinned" in host.notified[-1]
        line.expect(Target(path=cursor.path))
        pins.toggle()
        await host.reply(PinsRequest)
        await until(lambda: isinstance(host.screen, ConfirmPrompt))
        await pilot.press("y")
        await host.reply(RemovePinRequest)
        assert "Unpinned" in host.notified[-1]


async def test_pins_that_moved_are_announced_once() -> None:
    query = OpenQuery()
    async with running() as (host, _):
        pins = Pins(host.screen, query, TargetLine(query, clock))
        before = a_view(pins=PinsState(total=2, passing=2, generation=1))
        after = a_view(pins=PinsState(total=2, passing=1, generation=2, moved=("a: b #1 → #9",)))
        pins.announce_moves(before, after)
        pins.announce_moves(after, after)
        pins.announce_moves(a_view(pins=PinsState()), after)
        assert len(host.notified) == 1 and "a: b #1 → #9" in host.notified[0]


# Explanation


async def test_an_explanation_follows_the_cursor_and_a_late_one_is_dropped() -> None:
    query = OpenQuery()
    pane = ExplanationPane(query, clock)
    await answered(query, "staging deplyo")
    async with running(pane) as (host, pilot):
        pane.follow()
        await pilot.pause()
        assert not host.posted(ReplyWanted), "it is not started"
        pane.start()
        early = await host.wanted(ExplainRequest)
        query.put_cursor(RERANKED, 1)
        pane.follow()
        request = await host.reply(ExplainRequest)
        assert query.cursor is not None and request.chunk == query.cursor.chunk
        assert pane.explanation is not None and pane.explanation.hit.chunk == request.chunk
        early.deliver(await host.engine.ask(early.request))
        assert pane.explanation.hit.chunk == request.chunk
        await host.reply(SpellingRequest)
        query.put_cursor(RERANKED, 0)
        pane.follow()
        await host.reply(ExplainRequest)
        await pilot.pause()
        assert not host.posted(ReplyWanted), "spellings are asked for once per query"
        pane.stop()
        await pilot.pause()
        assert pane.explanation is None and len(host.posted(ExplanationPane.Changed)) == 4


async def test_an_explanation_that_is_late_or_refused_says_so() -> None:
    query = OpenQuery()
    pane = ExplanationPane(query, clock)
    async with running(pane) as (host, _):
        pane.start()
        assert pane.waiting == "There is no chunk under the cursor."
        await answered(query)
        pane.follow()
        wanted = await host.wanted(ExplainRequest)
        await until(lambda: pane.waiting == "explaining …")
        assert wanted.refused is not None
        wanted.refused(REFUSED)
        assert pane.waiting == "not [now]" and pane.explanation is None


# The rest


async def test_rankings_fetch_pages_and_fetch_again_what_was_lost() -> None:
    query = OpenQuery()
    rankings = Rankings(query, clock)
    async with running(rankings) as (host, pilot):
        await answered(query, engine=host.engine)
        rankings.lay_out(narrow=False, alone=False)
        rankings.show_response(a_view(), ("reranked",))
        rankings.move_to(RERANKED, 60)
        await until(lambda: host.posted(Rankings.CursorMoved))
        assert query.wanted == (RERANKED, 60)
        wanted = await host.wanted(PageRequest)
        assert wanted.lost is not None and wanted.refused is not None
        wanted.lost()
        rankings.active_list.want_rows()
        await host.reply(PageRequest)
        assert query.wanted is None and query.row(RERANKED) == 60
        wanted.refused(FORGOTTEN)
        await until(lambda: host.posted(Rankings.Outdated))


async def test_rankings_become_one_list_and_go_to_the_best_known_rank() -> None:
    query = OpenQuery()
    rankings = Rankings(query, clock)
    async with running(rankings) as (host, pilot):
        await answered(query, engine=host.engine)
        rankings.lay_out(narrow=True, alone=False)
        rankings.show_response(a_view(), ("reranked",))
        assert rankings.active_list is rankings.matrix.list
        assert rankings.go_to({"keyword": 2, RERANKED: 3}) and query.row(RERANKED) == 2
        assert rankings.go_to({"keyword": 2, RERANKED: None}) and query.row("keyword") == 1
        assert query.active == "keyword" and rankings.matrix.list.ranking == "keyword"
        assert not rankings.go_to({RERANKED: None})
        rankings.lay_out(narrow=False, alone=True)
        shown = [name for name, column in rankings.columns.items() if column.display]
        assert shown == ["keyword"]


async def test_the_preview_follows_the_cursor_and_notices_changes_of_the_file() -> None:
    query = OpenQuery()
    preview = Preview(query, clock)
    await answered(query)
    async with running(preview) as (host, _):
        preview.follow()
        request = await host.reply(ChunkRequest)
        cursor = query.cursor
        assert cursor is not None and request.chunk == cursor.chunk
        freshness = [preview.freshness]
        preview.show_engine(a_view(changed=(cursor.path,)))
        freshness.append(preview.freshness)
        assert freshness == [Freshness.CURRENT, Freshness.CHANGED]
        query.clear()
        preview.follow()
        assert preview.view is None


async def test_the_query_bar_posts_a_pause_in_typing_and_steps_through_queries() -> None:
    bar = QueryBar(lambda: ["newest", "older"])
    async with running(bar) as (host, pilot):
        for text in ("s", "ss", "ssh"):
            bar.input.value = text
        await until(lambda: host.posted(QueryBar.Edited))
        assert len(host.posted(QueryBar.Edited)) == 1 and bar.text == "ssh"
        bar.put_older(1)
        bar.put_older(1)
        bar.put_older(1)
        assert bar.text == "older"
        bar.put_older(-1)
        assert bar.text == "newest"
        bar.load_questions(Questions((Question("one"), Question("two"))))
        bar.step_question(1)
        bar.step_question(1)
        assert bar.text == "two"
        bar.put("x", "operators")
        assert bar.syntax == "operators"
        bar.toggle_syntax()
        await pilot.pause()
        assert bar.syntax == "literal" and not host.posted(QueryAsked)
