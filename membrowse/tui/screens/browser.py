"""The main screen: the query, its rankings side by side, the preview, the status."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.timer import Timer

from membrowse.presentation.hits import freshness
from membrowse.tui.action_table import bindings, of
from membrowse.tui.actions import Need, Where
from membrowse.tui.messages import Ask, Asked, ChunkWanted, PageWanted
from membrowse.tui.model.browsing import COLUMNS, Browsing
from membrowse.tui.model.engine_view import Basis, EngineView, Phase, basis
from membrowse.tui.model.questions import Questions
from membrowse.tui.model.tuning import Tuning
from membrowse.tui.screens.engine_screen import Clock
from membrowse.tui.screens.explaining import EXPLAIN
from membrowse.tui.screens.inspecting import Inspecting
from membrowse.tui.screens.pinning import Pinning
from membrowse.tui.screens.targeting import Targeting
from membrowse.tui.screens.tuning import TuningActions
from membrowse.tui.widgets.bars import HeaderLine, KeyBar, StatusLine, TroubleLine
from membrowse.tui.widgets.column import Column
from membrowse.tui.widgets.explain_pane import ExplainPane
from membrowse.tui.widgets.guide import Guide
from membrowse.tui.widgets.line_list import LineList
from membrowse.tui.widgets.preview import Preview, PreviewText
from membrowse.tui.widgets.query_bar import QueryBar
from membrowse.tui.widgets.ranking_list import RankingList
from membrowse.tui.widgets.target_line import TargetLine
from membrowse.tui.widgets.tune_panel import TuneBanner, TunePanel
from membrowse.wire.notes import ChunkView
from membrowse.wire.search import Hit, SearchResponse

if TYPE_CHECKING:
    from membrowse.client.remembered import Remembered

NARROW = 100
"""Cells under which the columns become one list with a rank matrix."""

SHORT = 22
"""Lines under which the preview is shown on demand only."""

STOOD = 3.0
"""Seconds after which a query that was typed is remembered."""


class BrowserScreen(Targeting, TuningActions, Pinning, Inspecting):
    """Shows what the app hands it and posts what the person wants."""

    PLACES = (Where.BROWSER, Where.QUERY, Where.TUNE)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.BROWSER)]

    def __init__(self, clock: Clock, remembered: Remembered, one_line: bool) -> None:
        super().__init__(clock, remembered)
        self.browsing = Browsing()
        self.questions = Questions()
        self.one_line = one_line
        self.maximised = ""
        self.header = HeaderLine()
        self.query_bar = QueryBar()
        self.target_line = TargetLine(self.browsing)
        self.tuning = Tuning()
        self.tune_banner = TuneBanner(self.tuning)
        self.tune_panel = TunePanel(self.tuning)
        self.trouble = TroubleLine()
        self.guide = Guide()
        self.column_of = {
            name: Column(self.browsing, name, str(place)) for place, name in enumerate(COLUMNS, 1)
        }
        self.matrix = Column(self.browsing, self.browsing.active, "3", matrix=True)
        self.preview = Preview()
        self.explain = ExplainPane()
        self.status = StatusLine()
        self.keys = KeyBar()
        self._stood: Timer | None = None
        self._basis: Basis | None = None

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.query_bar
        yield self.target_line
        yield self.tune_banner
        yield self.trouble
        yield self.guide
        yield self.status
        yield self.keys

    def on_mount(self) -> None:
        self._show_frame()
        self.query_bar.show(None, self.browsing.syntax, "")
        self.query_bar.input.focus()
        self.call_after_refresh(self._furnish)

    async def _furnish(self) -> None:
        """Add the panels; the first paint does without them, since nothing is asked yet."""
        columns = Horizontal(*self.column_of.values(), id="columns")
        lower = Horizontal(self.preview, self.explain, id="lower")
        columns.display = self.matrix.display = lower.display = False
        panels = [columns, self.matrix, lower, self.tune_panel]
        await self.mount_all(panels, before=self.status)
        self.ready = True
        self.lay_out()
        self.show_engine(self.engine)

    # How it is laid out

    @property
    def narrow(self) -> bool:
        """Whether one list stands in place of the columns."""
        return self.size.width < NARROW

    def on_resize(self, event: events.Resize) -> None:
        if self.ready:
            self.lay_out()
            self.call_after_refresh(self._show_rankings)

    def lay_out(self) -> None:
        """Show the panels that belong on a screen of this size, or the one that is maximised."""
        guiding = not self.browsing.text or self.engine.phase is Phase.GAVE_UP
        big, narrow = self.maximised, self.narrow
        self.guide.display = guiding
        columns = self.query_one("#columns")
        below = big in ("preview", EXPLAIN)
        columns.display = not guiding and not narrow and not below
        for name, column in self.column_of.items():
            column.display = not big or big == name
        self.matrix.display = not guiding and narrow and not below
        short = self.size.height < SHORT
        self.preview.display = not guiding and (big == "preview" or (not big and not short))
        self.lay_out_explanation(guiding)
        lower = self.query_one("#lower")
        lower.display = self.preview.display or self.explain.display
        lower.set_class(below, "-full")
        lower.set_class(self.explain.display and self.preview.display, "-explaining")
        self.lay_out_tuning()
        self._keep_focus()

    def _keep_focus(self) -> None:
        """Move the focus to the list that took the place of the one that had it."""
        focused = self.focused
        if isinstance(focused, RankingList) and focused.matrix is not self.narrow:
            self.active_list.focus()

    @property
    def active_list(self) -> RankingList:
        """The list that has the cursor."""
        if self.narrow:
            return self.matrix.list
        return self.column_of[self.browsing.active].list

    @property
    def shown_columns(self) -> list[Column]:
        """The columns on the screen: those side by side, or the matrix alone."""
        return [self.matrix] if self.narrow else list(self.column_of.values())

    # What the app hands over

    def show_engine(self, view: EngineView) -> None:
        before, self.engine = self.engine, view
        if not self.is_attached:
            return
        self._show_frame()
        if not self.ready:
            return
        if before.phase is not view.phase:
            self.lay_out()
        if (before.changed, before.deleted) != (view.changed, view.deleted):
            self._show_rankings()
        self.follow_tunings(before)
        self.tell_pins(before)
        self._ask_again_if(before)

    def _show_frame(self) -> None:
        """Show what stands around the rankings."""
        self.header.show(self.engine)
        self.trouble.show(self.engine)
        self.status.show(self.engine, self.clock())
        self.guide.show(self.engine, self.remembered.memory.queries)
        self._show_keys()

    def _ask_again_if(self, before: EngineView) -> None:
        """Ask the same query again where the engine would now answer it otherwise."""
        if not self.browsing.text or not self.engine.connected:
            return
        state = self.engine.state
        if not before.connected:
            self.ask_again()
        elif state is not None and self.browsing.complete:
            newer = state.generation > self.browsing.generation
            if newer or basis(state) != self._basis:
                self.ask_again()

    def show_recall(self, recall: SearchResponse) -> None:
        """Take a recall, or the part of it that is finished."""
        arrived = self.browsing.receive(recall)
        if not arrived and recall.number != self.browsing.number:
            return
        self._show_columns()
        self.query_bar.show(recall.query, self.browsing.syntax, self.questions.place)
        self.target_line.show()
        for column in self.shown_columns:
            if column.list.ranking in arrived and not self.browsing.keeping:
                column.list.to_top()
        self._show_rankings()
        self._show_keys()
        if recall.complete:
            self.browsing.keeping = True
            self.want_chunk()
            self._ask_again_if(self.engine)

    def show_page(self, recall: str, ranking: str, hits: tuple[Hit, ...]) -> None:
        """Take a page of a ranking."""
        before = self.browsing.cursor
        if self.browsing.add_page(recall, ranking, hits):
            self._show_rankings()
            if self.browsing.cursor is not before:
                self.cursor_moved(ranking)

    def show_chunk(self, view: ChunkView) -> None:
        """Take the chunk under the cursor in its note."""
        self.preview.show(view)
        self._show_freshness()

    def page_failed(self, ranking: str, offset: int) -> None:
        """A page could not be had; it is asked for again when it is needed again."""
        if ranking in self.browsing.views:
            self.browsing.views[ranking].unasked(offset)

    def forgotten(self, recall: str) -> None:
        """The engine no longer knows the recall that pages were asked of: ask again."""
        if recall == self.browsing.recall and self.browsing.complete:
            self.ask_again()

    def start_over(self) -> None:
        """Another folder is opened: nothing is asked."""
        self.query_bar.input.value = ""
        self.browsing.target = None
        self.ask("")

    def show_questions(self, questions: Questions) -> None:
        """Take the list of questions; the first one is one key away."""
        self.questions = questions
        self.query_bar.show(self.browsing.query, self.browsing.syntax, questions.place)
        self._show_keys()

    # Showing it

    def _show_columns(self) -> None:
        """Have a column for every ranking, those with unknown names included."""
        container = self.query_one("#columns")
        for name in self.browsing.columns:
            if name not in self.column_of:
                self.column_of[name] = Column(self.browsing, name)
                container.mount(self.column_of[name])
        for name in [name for name in self.column_of if name not in self.browsing.columns]:
            self.column_of.pop(name).remove()

    def _show_rankings(self) -> None:
        now = self.clock()
        self.matrix.list.ranking = self.browsing.active
        self.matrix.key = self.column_of[self.browsing.active].key
        for column in self.shown_columns:
            column.list.one_line = self.one_line
            column.show(self.ranked_by, now)
        self._show_freshness()

    def _show_freshness(self) -> None:
        hit = self.browsing.cursor
        if hit is not None:
            self.preview.show_freshness(freshness(hit, self.engine.changed, self.engine.deleted))

    def _show_keys(self) -> None:
        focused = self.focused
        place = Where.BROWSER
        if focused is self.query_bar.input:
            place = Where.QUERY
        elif focused is self.tune_panel:
            place = Where.TUNE
        self.keys.show(of(place, Where.APP), lambda action: bool(self.refused(action)))

    def possessions(self) -> set[Need]:
        has = self.tuning_possessions()
        if self.browsing.cursor is not None:
            has.add(Need.HIT)
        if self.browsing.cursor is not None or self.browsing.target is not None:
            has.add(Need.TARGET)
        if self.browsing.text:
            has.add(Need.QUERY)
        if self.questions.items:
            has.add(Need.QUESTIONS)
        return has

    # Asking

    def on_query_bar_edited(self, message: QueryBar.Edited) -> None:
        self.ask(message.text)

    def ask(self, text: str, *, keep: bool = False) -> None:
        """Ask `text`; with `keep` cursor and scroll stay with their chunks."""
        if not self.ready:
            self.call_after_refresh(self.ask, text)
            return
        if self._stood is not None:
            self._stood.stop()
        text = text.encode("utf-8", "replace").decode()
        if not text.strip():
            self.browsing.clear()
            self.query_bar.show(None, self.browsing.syntax, self.questions.place)
            self.preview.show(None)
            self.target_line.show()
            self.lay_out()
            return
        track: list[str] = []
        if keep and self.browsing.cursor is not None:
            track.append(self.browsing.cursor.chunk)
            for column in self.shown_columns:
                track += column.list.remember_anchor()
        began = not self.browsing.text
        number = self.browsing.ask(text, keep=keep)
        self._basis = basis(self.engine.state) if self.engine.state else None
        if began:
            self.lay_out()
        if not keep:
            self._stood = self.set_timer(STOOD, lambda: self.post_message(Asked(text)))
        tracked, target = tuple(dict.fromkeys(track)), self.browsing.target
        self.send(Ask(number, text, self.browsing.syntax, tracked, target))

    def ask_again(self) -> None:
        """Ask the same query: the index or the engine changed."""
        self.ask(self.browsing.text, keep=True)

    def want_chunk(self) -> None:
        """Ask for the chunk under the cursor in its note."""
        hit = self.browsing.cursor
        if hit is None:
            self.preview.show(None)
        else:
            self.post_message(ChunkWanted(hit.chunk, self.browsing.text, self.browsing.syntax))
        self.want_explanation()

    # The cursor

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        ranking = message.list
        if isinstance(ranking, RankingList):
            self.move_to(ranking.ranking, message.row)

    def move_to(self, ranking: str, row: int) -> None:
        """Put the cursor on a row of a ranking, or send it there until the row is known."""
        if self.browsing.put_cursor(ranking, row) or self.browsing.wanted is not None:
            self.cursor_moved(ranking)

    def cursor_moved(self, ranking: str) -> None:
        """Show where the cursor is now, in every column, and its chunk."""
        for column in self.shown_columns:
            if column.list.ranking == ranking:
                column.list.show_row(column.list.cursor_row)
                column.list.want_rows()
            column.show_cursor()
        self._show_keys()
        if self.browsing.wanted is None:
            self._show_freshness()
            self.want_chunk()

    def on_line_list_chosen(self, message: LineList.Chosen) -> None:
        if isinstance(message.list, RankingList):
            self.action_panel(4)

    def on_ranking_list_short(self, message: RankingList.Short) -> None:
        self.post_message(PageWanted(self.browsing.recall, message.ranking, message.offset))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if isinstance(event.widget, RankingList):
            if not event.widget.matrix:
                self.browsing.active = event.widget.ranking
            event.widget.show_row(event.widget.cursor_row)
        for column in self.shown_columns:
            column.show_cursor()
        self.preview.refresh_head()
        self.explain.refresh_head()
        self._show_keys()

    @property
    def in_preview(self) -> bool:
        """Whether the preview has the focus."""
        return isinstance(self.focused, PreviewText)
