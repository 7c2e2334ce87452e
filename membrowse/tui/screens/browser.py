"""The main screen: the query, its rankings side by side, the preview, the status."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.dom import DOMNode

from membrowse.client.engine import EngineRefused
from membrowse.presentation import figures
from membrowse.tui.actions import Action, Need, Where, bindings
from membrowse.tui.agent_search import AgentSearch
from membrowse.tui.messages import (
    EditWanted,
    QueryAsked,
    ReindexWanted,
    ReplyWanted,
    ReportWanted,
    SearchWanted,
    WatchingWanted,
)
from membrowse.tui.model.details import details_text
from membrowse.tui.model.engine_view import (
    Basis,
    EngineView,
    Phase,
    state_basis,
    trouble_lines,
    with_recall,
)
from membrowse.tui.model.filter_choices import chips
from membrowse.tui.model.open_query import OpenQuery
from membrowse.tui.model.questions import Questions
from membrowse.tui.model.replay import Replay
from membrowse.tui.pins import Pins
from membrowse.tui.screens.engine_screen import LATE, Clock, EngineScreen
from membrowse.tui.widgets.bars import Trouble
from membrowse.tui.widgets.explanation_pane import ExplanationPane
from membrowse.tui.widgets.guide import Guide
from membrowse.tui.widgets.plain_input import pasted
from membrowse.tui.widgets.preview import Preview
from membrowse.tui.widgets.query_bar import QueryBar
from membrowse.tui.widgets.rankings import Rankings
from membrowse.tui.widgets.recall_line import RecallLine
from membrowse.tui.widgets.target_line import TargetLine
from membrowse.tui.widgets.tuning_panel import TuningPanel
from membrowse.wire.agents import AGENT
from membrowse.wire.comparison import CompareRequest
from membrowse.wire.diagnosis import SuggestionKind
from membrowse.wire.explanation import ExplainRequest, Explanation
from membrowse.wire.notes import Freshness
from membrowse.wire.pins import Pin
from membrowse.wire.rank_flow import RankFlowRequest
from membrowse.wire.search import (
    NO_FILTERS,
    RERANKED,
    Filters,
    Hit,
    SearchRequest,
    SearchResponse,
    Target,
)

if TYPE_CHECKING:
    from membrowse.client.remembered import Remembered
    from membrowse.wire.agents import AgentProfile

NARROW = 100
"""Cells under which the columns become one list with a rank matrix."""

SHORT = 22
"""Lines under which the preview is shown on demand only."""

EXPLAINING = 26
"""Lines from which preview and explanation share the space under the rankings."""

TUNING_BESIDE = 150
"""Cells from which the tuning panel is beside the rankings, not under them."""

TUNING_BELOW = 42
"""Lines from which the preview stays while the tuning panel is under the rankings."""

_FOLLOWING_GOES_ON = {"follow", "back", "clear_message"}
"""Actions that do not stop following; `back` stops it as its one step."""

RANKINGS, PREVIEW, EXPLANATION = "rankings", "preview", "explanation"


class BrowserScreen(EngineScreen):
    """Composes the widgets around one open query, lays them out and routes their messages.

    Each widget owns its state; the open query is shared, and only this screen searches.
    """

    PLACES = (Where.BROWSER, Where.QUERY, Where.TUNE)
    AUTO_FOCUS = ""  # Textual would choose the first widget: the query
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.BROWSER)]

    def __init__(
        self,
        clock: Clock,
        engine: EngineView,
        remembered: Remembered,
        lines: int,
        profile: AgentProfile | None = None,
    ) -> None:
        super().__init__(clock, engine)
        self.remembered = remembered
        self.open_query = OpenQuery()
        self.maximised = ""
        """`rankings` (of which the active one is shown), `preview`, `explanation` or empty."""
        self.query_bar = QueryBar(self._history)
        self.target_line = TargetLine(self.open_query, clock)
        self.recall_line = RecallLine(clock)
        self.trouble = Trouble()
        self.guide = Guide()
        self.rankings = Rankings(self.open_query, clock, lines=lines)
        self.preview = Preview(self.open_query, clock)
        self.explanation_pane = ExplanationPane(self.open_query, clock)
        self._agent = profile.name if profile else ""
        self.tuning_panel = TuningPanel(self.open_query, clock, self._agent)
        self.agent_search = AgentSearch(
            self, self.open_query, profile, self.recall_line.show, lambda: self.engine.store
        )
        self.pins = Pins(self, self.open_query, self.target_line)
        self._lower = Horizontal(self.preview, self.explanation_pane, id="lower")
        self._furnished = False
        self._replay = Replay()
        self._recall_text: str | None = None
        """The query of the recall that is shown, as it is in the query bar."""
        self._opened: list[str] = []
        """What escape closes, the newest last."""
        self._basis: Basis | None = None
        """What the latest search depends on, besides the generation."""

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.query_bar
        yield self.recall_line
        yield self.target_line
        yield self.tuning_panel.banner
        yield self.trouble
        yield self.guide
        yield self.status
        yield self.keys

    def on_mount(self) -> None:
        self.set_focus(self.query_bar.input)
        self.call_after_refresh(self._furnish)

    async def _furnish(self) -> None:
        """Mount the panels after the first paint, which needs none: no query is open."""
        self.rankings.display = self._lower.display = False
        await self.mount_all([self.rankings, self._lower, self.tuning_panel], before=self.status)
        self._furnished = True
        if self.remembered.memory.split:
            self._split(self.remembered.memory.split)
        if self.remembered.memory.explaining:
            self.explanation_pane.start()
        self.lay_out()
        self.show_engine(self.engine)

    def _history(self) -> tuple[str, ...]:
        """The earlier queries of this folder, the most recent first."""
        return self.remembered.queries(self.engine.folder) if self.engine.folder else ()

    # Layout

    def on_resize(self, event: events.Resize) -> None:
        if self._furnished:
            self.lay_out()

    def lay_out(self) -> None:
        """Show the panels that fit a screen of this size, or the one that is maximised."""
        width, height, big = self.size.width, self.size.height, self.maximised
        guiding = not self.open_query.text or self.engine.phase is Phase.GAVE_UP
        below = big in (PREVIEW, EXPLANATION)
        narrow = width < NARROW
        self.guide.display = guiding
        self.rankings.display = not guiding and not below
        self.rankings.lay_out(narrow=narrow, alone=big == RANKINGS)
        self.preview.display = not guiding and (big == PREVIEW or (not big and height >= SHORT))
        explaining = self.explanation_pane.following and not guiding
        self.explanation_pane.display = explaining and (
            big == EXPLANATION or (not big and self._explains_beside)
        )
        self.explanation_pane.show_full(big == EXPLANATION)
        shown = (self.preview.display, self.explanation_pane.display)
        self._lower.display = any(shown)
        self._lower.set_class(below, "-full")
        self._lower.set_class(all(shown), "-explaining")
        tuning, beside = self.tuning_panel.display, width >= TUNING_BESIDE
        self.set_class(tuning and beside, "-tuning-beside")
        if tuning and not beside and height < TUNING_BELOW:
            self._lower.display = False
        self._note_opened()
        self._keep_focus()

    def on_screen_resume(self) -> None:
        """Focus the list if what had the focus went while another screen was on top."""
        if self._furnished and self.focused is None:
            self._focus_list()

    def _keep_focus(self) -> None:
        """Move the focus from the guide to the list that takes its place, and back."""
        if self.guide.has_focus and not self.guide.display:
            self._focus_list()
        elif self.guide.display and self.focused is not self.query_bar.input:
            self.set_focus(self.guide)

    @property
    def _explains_beside(self) -> bool:
        """Whether there is room for the explanation beside the preview."""
        return self.size.width >= NARROW and self.size.height >= EXPLAINING

    def key_places(self) -> tuple[Where, ...]:
        if self.focused is self.query_bar.input:
            return (Where.QUERY,)
        return (Where.TUNE,) if self.focused is self.tuning_panel else (Where.BROWSER,)

    def on_descendant_focus(self) -> None:
        self.show_keys()

    # The engine

    def engine_changed(self, before: EngineView) -> None:
        view = self.engine
        self.trouble.show_lines(trouble_lines(view))
        self.guide.show(view, self._history())
        self.target_line.show_engine(view)
        if not self._furnished:
            return
        if before.phase is not view.phase:
            self.lay_out()
        was = (before.changed, before.deleted, before.reading)
        if was != (view.changed, view.deleted, view.reading):
            self._show_rankings()
        self.preview.show_engine(view)
        self.recall_line.show_engine(view)
        self.tuning_panel.show_engine(view)
        self.pins.announce_moves(before, view)
        self._search_again_if_outdated(before)

    def with_agent(self, view: EngineView) -> EngineView:
        return with_recall(view, self.recall_line.recall)

    @property
    def _with_cut(self) -> EngineView:
        """The engine's view with the cut that the rankings show."""
        return self.tuning_panel.with_cut(self.with_agent(self.engine))

    def _show_rankings(self) -> None:
        self.rankings.show(self._with_cut)

    def _search_again_if_outdated(self, before: EngineView) -> None:
        """Search again if the engine would now respond differently."""
        if not self.open_query.text or not self.engine.connected:
            return
        state = self.engine.state
        if not before.connected:
            self.search_again()
        elif state is not None and self.open_query.complete:
            newer = state.generation > self.open_query.generation
            if newer or state_basis(state) != self._basis:
                self.search_again()

    def start_over(self) -> None:
        """Close the query and forget the target: another folder is opened."""
        self.query_bar.put("")
        self.query_bar.pick(NO_FILTERS)
        self.target_line.reset()
        self._leave_recall()
        self.search("")

    def show_questions(self, questions: Questions) -> None:
        """Take the list of questions to step through."""
        self.query_bar.load_questions(questions)
        self.guide.show_questions(len(questions.items))
        self.show_keys()

    # Searching

    def search(self, text: str, *, keep: bool = False) -> None:
        """Search for `text`; with `keep`, cursor and scroll stay with their chunks."""
        if not self._furnished:
            self.call_after_refresh(self.search, text)
            return
        if not text.strip():
            self._close_query()
            return
        query = self.open_query
        track = list(query.agent.chunks) if query.agent else []
        if keep and query.cursor is not None:
            track += [query.cursor.chunk, *self.rankings.remember_anchors()]
        is_first = not query.text
        number = query.search(text, self.query_bar.syntax, self.query_bar.filters, keep=keep)
        self._basis = state_basis(self.engine.state) if self.engine.state else None
        if is_first:
            self.lay_out()
        request = SearchRequest(
            text=text,
            syntax=query.syntax,
            client="tui",
            number=number,
            progressive=True,
            track=tuple(dict.fromkeys(track)),
            target=self.target_line.target,
            filters=query.filters,
        )
        if not self.tuning_panel.search(request):
            query.saved_ranks = None
            refused = partial(self._show_refusal, number)
            self.app.post_message(SearchWanted(request, self.show_response, refused))
        self.set_timer(LATE, partial(self._say_late, number))

    def _say_late(self, number: int) -> None:
        """Mark what is still of the query before; an engine may be busy, or hang."""
        if number == self.open_query.number and not self.open_query.complete:
            self.rankings.show()

    def _close_query(self) -> None:
        self.open_query.clear()
        self.query_bar.show(None)
        self.target_line.reset()
        self.preview.show(None)
        self.lay_out()

    def search_again(self) -> None:
        """Search for the same query, if one is open."""
        if self.open_query.text:
            self.search(self.open_query.text, keep=True)

    def show_response(self, response: SearchResponse) -> None:
        """Show a response, or what is complete of it."""
        query = self.open_query
        arrived = query.receive(response)
        if response.number != query.number:
            return
        self.query_bar.show(response.query)
        if query.agent is not None:
            put_off = self.query_bar.put_off if query.agent.is_asked_now else ()
            self.recall_line.show_filters(response.query.filters, put_off)
        self.target_line.receive(response)
        self.rankings.show_response(self._with_cut, arrived)
        self.show_keys()
        if response.complete:
            query.keeping = True
            self._follow_cursor()
            self._search_again_if_outdated(self.engine)

    def _show_refusal(self, number: int, error: EngineRefused) -> None:
        """Show why the engine does not answer the query, instead of hits of another query."""
        if number != self.open_query.number:
            return
        self.open_query.refuse(error.problem.message)
        self.query_bar.show(None)
        self.target_line.forget_match()
        self._show_rankings()
        self.show_keys()
        self._follow_cursor()

    def _follow_cursor(self) -> None:
        self.preview.follow()
        self.explanation_pane.follow()

    # Messages of the widgets

    def on_query_bar_edited(self) -> None:
        asked, bar = self.open_query, self.query_bar
        if self._recall_text not in (None, bar.text):
            self._leave_recall()
        elif self._recall_text is not None and (bar.text, bar.syntax) == (asked.text, asked.syntax):
            return  # it was asked when the recall was opened
        self.search(bar.text)

    def on_query_bar_replaced(self, message: QueryBar.Replaced) -> None:
        if message.target is None:
            self.target_line.reset()
        else:
            self.target_line.expect(message.target)

    def on_paste(self, event: events.Paste) -> None:
        """Ask what is pasted anywhere but into an input."""
        if text := pasted(event):
            self.query_bar.ask_another(text)
            self.app.post_message(QueryAsked(text))

    def on_rankings_cursor_moved(self) -> None:
        self.show_keys()
        if self.open_query.wanted is None or self.open_query.absent is not None:
            self._follow_cursor()

    def on_rankings_chosen(self) -> None:
        self.action_panel(4)

    def on_rankings_outdated(self) -> None:
        self.search_again()

    def on_recall_line_opened(self, message: RecallLine.Opened) -> None:
        """Show a recall beside the rankings of its query."""
        asked, query = message.view.recall, self.open_query
        again = query.agent is not None and query.agent.recall.recall.id == asked.id != ""
        query.show_recall(message.view)
        self.header.show(self.with_agent(self.engine))
        self._show_rankings()
        if again:
            self.search_again()
            return
        missed = next(iter(message.view.missed), None)
        if (asked.query, asked.syntax) != (query.text, query.syntax):
            self.query_bar.ask_another(asked.query, missed, asked.syntax)
        elif missed is not None:
            self.target_line.expect(missed)
        self.query_bar.filters = asked.narrowed_to
        self._recall_text = self.query_bar.text
        self.search(self._recall_text)
        self._focus_list()

    def _leave_recall(self) -> None:
        """Show our rankings alone again."""
        self._recall_text = None
        self.recall_line.close()
        self.open_query.close_recall()
        self.target_line.refresh()
        self.header.show(self.engine)
        if self._furnished:
            self._show_rankings()

    def _step_back_from_recall(self) -> None:
        """Stop following; if it does not, leave the recall."""
        if self.recall_line.following:
            self.recall_line.stop_following()
        else:
            self._leave_recall()
            self._pick_filters(self.query_bar.picked)
            self._focus_list()

    def _clear_filters(self) -> None:
        self._pick_filters(NO_FILTERS)

    def _pick_filters(self, filters: Filters) -> None:
        """Rank these notes from now on."""
        changed = filters != self.query_bar.filters
        self.query_bar.pick(filters)
        self._note_opened()
        self.show_keys()
        if changed:
            self.search_again()

    def on_explanation_pane_changed(self) -> None:
        pane = self.explanation_pane
        self.preview.show_heat(pane.explanation, heating=pane.following)

    def on_target_line_changed(self) -> None:
        self.search_again()
        self.show_keys()

    def on_target_line_applied(self, message: TargetLine.Applied) -> None:
        suggestion = message.suggestion
        if suggestion.kind is SuggestionKind.QUERY:
            self.query_bar.put(suggestion.query)
        else:
            self.tuning_panel.try_settings(dict(suggestion.settings))

    def on_target_line_pin_wanted(self) -> None:
        self.pins.toggle()

    def on_tuning_panel_changed(self) -> None:
        self.search_again()

    def on_tuning_panel_tried(self, message: TuningPanel.Tried) -> None:
        tried = message.response.a
        if tried.response.number == self.open_query.number:
            self.open_query.saved_ranks = tried.saved_ranks
            self.show_response(tried.response)

    def on_tuning_panel_updated(self) -> None:
        self.show_keys()

    def on_tuning_panel_toggled(self) -> None:
        opened = self.tuning_panel.display
        if opened and self.maximised in (PREVIEW, EXPLANATION):
            self.maximised = ""  # otherwise no ranking would be seen to change
        self.lay_out()
        if not opened:
            self._focus_list()
        self._show_rankings()

    # Actions: availability

    def met_needs(self) -> set[Need]:
        met = self.tuning_panel.met_needs()
        if self.open_query.cursor is not None:
            met |= {Need.HIT, Need.TARGET}
        if self.target_line.target is not None:
            met |= {Need.TARGET, Need.EXPECTED}
        if self.open_query.text:
            met.add(Need.QUERY)
        if self.open_query.agent is not None:
            met.add(Need.SHOWN_RECALL)
        if self.agent_search.available:
            met.add(Need.AGENT)
        if self.query_bar.filters:
            met.add(Need.FILTERS)
        if self.query_bar.questions.items:
            met.add(Need.QUESTIONS)
        return met

    def labelled(self, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        if not self.guide.display:
            return actions
        return tuple(
            replace(action, label="leave the query") if action.id == "query.leave" else action
            for action in actions
        )

    def performer(self, where: Where) -> DOMNode:
        return self.tuning_panel if where is Where.TUNE else super().performer(where)

    # Actions: query

    def action_focus_query(self) -> None:
        if self.maximised:
            self.action_maximise()
        self.set_focus(self.query_bar.input)
        self.query_bar.select()

    def action_leave_query(self) -> None:
        self.query_bar.search_now()
        self._focus_list()

    def _focus_list(self) -> None:
        """Focus the active list, or the guide in its place."""
        self.set_focus(self.guide if self.guide.display else self.rankings.active_list)

    def action_result(self, by: int) -> None:
        self.rankings.move_by(by)

    def action_operators(self) -> None:
        self.query_bar.toggle_syntax()

    def action_history(self, by: int) -> None:
        self.query_bar.put_older(by)

    def action_recent(self, at: int) -> None:
        self.query_bar.put_recent(at)

    def action_show_history(self) -> None:
        self.query_bar.choose_from_history()

    def action_question(self, by: int) -> None:
        self.query_bar.step_question(by)

    def action_question_if_empty(self) -> None:
        """Ask the next question, and leave the query, so that the key goes on to others."""
        self.query_bar.step_question(1)
        self._focus_list()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key of questions is typed unless the query is empty and there are questions."""
        if action == "question_if_empty":
            return not self.query_bar.text and bool(self.query_bar.questions.items)
        return super().check_action(action, parameters)

    # Actions: filters

    def action_filter(self) -> None:
        from membrowse.tui.screens.filter_picker import FilterPicker

        def picked(filters: Filters | None) -> None:
            if filters is not None:
                self._pick_filters(filters)

        self.app.push_screen(FilterPicker(self.query_bar.filters), picked)

    def action_drop_filter(self, *fields: str) -> None:
        without = dict.fromkeys(fields, "")
        self._pick_filters(msgspec.structs.replace(self.query_bar.filters, **without))

    def action_drop_last_filter(self) -> None:
        self.action_drop_filter(*chips(self.query_bar.filters)[-1].fields)

    # Actions: panels

    @property
    def lower_panels(self) -> dict[str, Preview | ExplanationPane]:
        """The panels under the rankings that can be reached, by name, with keys from 4."""
        panels: dict[str, Preview | ExplanationPane] = {PREVIEW: self.preview}
        if self.explanation_pane.following:
            panels[EXPLANATION] = self.explanation_pane
        return panels

    @property
    def lower_panel(self) -> str:
        """The panel under the rankings that has the focus, or an empty string."""
        return next((name for name, panel in self.lower_panels.items() if panel.text.has_focus), "")

    def action_panel(self, number: int) -> None:
        names = self.open_query.columns
        if number == 4:
            if self.open_query.text and not self.preview.display:
                self.maximised = PREVIEW
                self.lay_out()
            self._focus_panel(self.preview)
        elif number == 5:
            if not self.explanation_pane.display:
                self._start_explaining()
            self._focus_panel(self.explanation_pane)
        elif number <= len(names):
            self._select_ranking(names[number - 1])

    def action_agent_panel(self) -> None:
        self._select_ranking(AGENT)

    def _focus_panel(self, panel: Preview | ExplanationPane) -> None:
        if panel.display:
            self.set_focus(panel.text)

    def _select_ranking(self, name: str) -> None:
        if self.guide.display:
            return
        if self.maximised:
            self.maximised = RANKINGS
            self.lay_out()
        self.rankings.select(name)

    def action_next_panel(self, by: int) -> None:
        if self.focused is self.query_bar.input:
            self.action_leave_query()
            return
        panels = [*self.open_query.columns, *self.lower_panels]
        at = self.lower_panel or self.open_query.active
        name = panels[(panels.index(at) + by) % len(panels)]
        if name in self.lower_panels:
            self.action_panel(4 + list(self.lower_panels).index(name))
        else:
            self._select_ranking(name)

    def action_maximise(self) -> None:
        if self.maximised:
            self._restore()
        elif self.open_query.text:
            self.maximised = self.lower_panel or RANKINGS
            self.lay_out()

    def action_back(self) -> None:
        self._note_opened()
        if self.lower_panel == PREVIEW and not self.maximised:
            self._focus_list()
        elif self._opened:
            self._open_things()[self._opened[-1]]()

    def _open_things(self) -> dict[str, Callable[[], None]]:
        """What is open, and how to close it."""
        closers: dict[str, Callable[[], None]] = {}
        if self.recall_line.display:
            closers["recall"] = self._step_back_from_recall
        elif self.query_bar.filters:
            closers["filters"] = self._clear_filters
        if self.open_query.marked:
            closers["mark"] = self._unmark
        if self.tuning_panel.display:
            closers["tuning"] = self.tuning_panel.action_close
        if self.explanation_pane.following:
            closers["explanation"] = self._stop_explaining
        if self.maximised:
            closers["maximised"] = self._restore
        return closers

    def _note_opened(self) -> None:
        """Note what was opened and closed since the last time."""
        now = self._open_things()
        kept = [name for name in self._opened if name in now]
        self._opened = [*kept, *(name for name in now if name not in kept)]

    def _restore(self) -> None:
        """Show all panels instead of the maximised one."""
        restored, self.maximised = self.maximised, ""
        self.lay_out()
        panel = self.lower_panels.get(restored)
        if panel is not None and not panel.display:
            self._focus_list()

    def _unmark(self) -> None:
        self.open_query.marked = ""
        self._show_rankings()

    def action_rows(self) -> None:
        self.rankings.next_rows()
        self.remembered.layout(lines=self.rankings.lines)

    def action_split(self, by: int) -> None:
        """Give the panels under the rankings `by` percent more of the height."""
        if self._lower.display and self.rankings.display:
            now = (
                100
                * self._lower.size.height
                // (self._lower.size.height + self.rankings.size.height)
            )
            self._split(max(20, min(80, (self.remembered.memory.split or now) + by)))

    def _split(self, percent: int) -> None:
        self.remembered.layout(split=percent)
        self.rankings.styles.height = f"{100 - percent}fr"
        self._lower.styles.height = f"{percent}fr"

    def action_explain(self) -> None:
        if self.explanation_pane.display:
            self._stop_explaining()
        else:
            self._start_explaining()

    def _start_explaining(self) -> None:
        if not self.explanation_pane.following:
            self.explanation_pane.start()
        self.remembered.layout(explaining=True)
        if self.maximised or not self._explains_beside:
            self.maximised = EXPLANATION
        self.lay_out()
        if self.maximised:
            self._focus_panel(self.explanation_pane)

    def _stop_explaining(self) -> None:
        if self.maximised == EXPLANATION:
            self.maximised = ""
        if self.explanation_pane.text.has_focus:
            self._focus_list()
        self.explanation_pane.stop()
        self.remembered.layout(explaining=False)
        self.lay_out()

    # Actions: the chunk under the cursor

    def _hit(self) -> Hit:
        hit = self.open_query.cursor
        if hit is None:
            raise RuntimeError("an action that needs a hit runs without one")
        return hit

    def action_edit(self) -> None:
        hit = self._hit()
        self.app.post_message(EditWanted(hit.path, hit.start_line))

    def action_copy(self) -> None:
        self.preview.copy(self._hit())

    def action_rendered(self) -> None:
        self.preview.read()

    def action_like(self) -> None:
        """Search by the vector of the chunk: `like:PATH:LINE`."""
        hit = self._hit()
        place = f"{hit.path}:{hit.start_line}"
        quoted = f'"{place}"' if any(map(str.isspace, place)) else place
        self.query_bar.put(f"like:{quoted}", "operators")

    def action_changes(self) -> None:
        """Ask for the difference between the indexed note and its file."""
        query = self.open_query
        request = ExplainRequest(
            text=query.text, syntax=query.syntax, chunk=self._hit().chunk, filters=query.filters
        )
        self.app.post_message(ReplyWanted("changes", request, self._show_changes))

    def _show_changes(self, explanation: Explanation) -> None:
        from membrowse.tui.screens.changes import ChangesScreen

        hit, indexed = explanation.hit, explanation.indexed
        if indexed.freshness is Freshness.DELETED:
            self.notify(f"{hit.path} no longer exists.", severity="warning")
        elif not indexed.diff:
            self.notify(f"{hit.path} has not changed since it was indexed.")
        else:
            self.app.push_screen(ChangesScreen(hit.path, indexed.diff))

    def action_find_in_preview(self) -> None:
        from membrowse.tui.screens.prompts import WordsPrompt

        def found(words: str | None) -> None:
            if words is not None:
                self.preview.find(words)
                self.action_match(1)

        self.app.push_screen(WordsPrompt("Find in the preview", self.preview.sought), found)

    def action_match(self, by: int) -> None:
        """Go to the next match in the preview."""
        if not self.preview.display:
            self.action_panel(4)
        self.call_after_refresh(self.preview.go_to_match, by)

    def action_reindex_note(self) -> None:
        self.app.post_message(ReindexWanted((self._hit().path,)))

    # Actions: index and files

    def action_rebuild(self) -> None:
        from membrowse.tui.screens.prompts import ConfirmPrompt

        def answered(yes: bool | None) -> None:
            if yes:
                self.app.post_message(ReindexWanted(rebuild=True))

        chunks = self.engine.state.chunks if self.engine.state else 0
        text = (
            f"Rebuild this index ({figures.counted(chunks, 'chunk')}) from scratch?\n"
            "Notes do not change; stored vectors are reused."
        )
        self.app.push_screen(ConfirmPrompt("Rebuild the index", text, "rebuild"), answered)

    def action_pause(self) -> None:
        state = self.engine.state
        self.app.post_message(
            WatchingWanted(paused=not (state is not None and state.watcher.paused))
        )

    def action_report(self) -> None:
        target = self.target_line.target
        place = f"{target.path}:{target.line}" if target and target.line else ""
        place = place or (target.path if target else "")
        query = self.open_query
        self.app.post_message(ReportWanted(query.text, query.syntax, query.filters, place))

    def action_details(self) -> None:
        from membrowse.tui.screens.reader import TextScreen

        text = details_text(self.engine, self.open_query, self.clock())
        self.app.push_screen(TextScreen("Index, engine and search", text))

    def action_files(self) -> None:
        from membrowse.tui.screens.files import FilesScreen

        self.app.push_screen(FilesScreen(self.clock, self.engine))

    # Actions: target, tuning, pins

    def action_why(self) -> None:
        self.target_line.diagnose()

    def action_clear_target(self) -> None:
        self.target_line.expect(None)

    def action_target(self) -> None:
        self.target_line.choose()

    def action_tune(self) -> None:
        self.tuning_panel.open()

    def action_pin(self) -> None:
        self.pins.toggle()

    def action_pins(self) -> None:
        from membrowse.tui.screens.pins import PinsScreen

        self.app.push_screen(PinsScreen(self.clock, self.engine, self._agent, self._search_pin))

    def action_log(self) -> None:
        from membrowse.tui.screens.log import LogScreen

        self.app.push_screen(
            LogScreen(self.clock, self.engine, self._replay, self.recall_line.open)
        )

    def action_follow(self) -> None:
        if self.recall_line.following:
            self.recall_line.stop_following()
        else:
            self.recall_line.follow()

    def action_ask_agent(self) -> None:
        self.agent_search.ask()

    def acting(self, name: str) -> None:
        if name not in _FOLLOWING_GOES_ON:
            self.recall_line.stop_following()

    def _search_pin(self, pin: Pin) -> None:
        """Search for a pin's query, with what it should find as the target."""
        self.query_bar.put(pin.query, pin.syntax, pin.filters)
        self.target_line.expect(Target(path=pin.path, text=pin.text))
        self.call_after_refresh(self._focus_list)

    # Actions: screens about the open query

    def action_rank_flow(self) -> None:
        from membrowse.tui.screens.rank_flow import DEPTH, RankFlowScreen

        query = self.open_query
        match = self.target_line.match
        request = RankFlowRequest(
            text=query.text, syntax=query.syntax, depth=DEPTH, filters=query.filters
        )
        screen = RankFlowScreen(
            self.clock,
            self.engine,
            request,
            cursor=query.cursor.chunk if query.cursor else "",
            target=match.hit.chunk if match and match.hit else "",
            go=self._go_to,
        )
        self.app.push_screen(screen)

    def action_crowding(self) -> None:
        from membrowse.tui.screens.crowding import CrowdingScreen
        from membrowse.wire.crowding import CrowdingRequest, CrowdingSource

        query, request = self.open_query, None
        if query.text:
            request = CrowdingRequest(
                source=CrowdingSource.QUERY,
                text=query.text,
                syntax=query.syntax,
                filters=query.filters,
                k=self._with_cut.agent_k,
            )
        self.app.push_screen(CrowdingScreen(request))

    def action_tokens(self) -> None:
        from membrowse.tui.screens.tokens import TokensScreen

        chunk = self.open_query.cursor.chunk if self.open_query.cursor else ""
        self.app.push_screen(TokensScreen(self.clock, self.engine, self.open_query.text, chunk))

    def action_compare(self) -> None:
        """Compare with the target; without one, mark the chunk, or compare with the marked one."""
        chunk, target = self._hit().chunk, self.target_line.target
        if target is None:
            marked = self.open_query.mark_or_compare(chunk)
            self._show_rankings()
            self._note_opened()
            if not marked:
                if self.open_query.marked:
                    key = self.keymap.key("hit.compare")
                    text = f"Marked. Press {key} on another to compare, {key} again to unmark."
                    self.notify(text, markup=False)
                return
            target = Target(chunk=marked)
        from membrowse.tui.screens.comparison import ComparisonScreen

        query = self.open_query
        request = CompareRequest(
            text=query.text, syntax=query.syntax, left=chunk, right=target, filters=query.filters
        )
        self.app.push_screen(
            ComparisonScreen(
                self.clock, self.engine, request, lambda rank: self._go_to({RERANKED: rank})
            )
        )

    def _go_to(self, ranks: Mapping[str, int | None]) -> None:
        """Go to the chunk with these ranks."""
        if not self.rankings.go_to(ranks):
            text = "The chunk is not ranked for this query."
            self.notify(text, severity="warning", markup=False, timeout=6)
