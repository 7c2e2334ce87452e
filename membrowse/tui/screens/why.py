"""Why not this note? One verdict, the ladder with its evidence, and what would change it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from membrowse.presentation.diagnosis import verdict_line
from membrowse.presentation.lines import Line, Part, clip, spread
from membrowse.presentation.ranks import letters
from membrowse.presentation.target import SIGN, named, target_line
from membrowse.text import shown
from membrowse.tui.action_table import bindings, of
from membrowse.tui.actions import Need, Where
from membrowse.tui.messages import InspectionUnwanted, InspectionWanted
from membrowse.tui.model.engine_view import EngineView, rests_on
from membrowse.tui.screens.engine_screen import Clock, EngineScreen
from membrowse.tui.widgets.bars import HeaderLine, KeyBar, StatusLine
from membrowse.tui.widgets.line_list import LineList
from membrowse.tui.widgets.painting import OneLine, content
from membrowse.tui.widgets.why_list import WhyList
from membrowse.wire.diagnosis import (
    Diagnosis,
    DiagnosisReport,
    DiagnosisRequest,
    Suggestion,
    Suggestions,
    SuggestionsRequest,
)
from membrowse.wire.search import RANKINGS, Target

if TYPE_CHECKING:
    from membrowse.client.remembered import Remembered

_GROUP = "why"


class Asked(OneLine):
    """The query, and where its target stands."""

    def __init__(self) -> None:
        super().__init__(classes="why-asked")
        self.text = ""
        self.target = Target()
        self.why: DiagnosisReport | None = None

    def line(self, width: int) -> Line:
        raise NotImplementedError


class AskedQuery(Asked):
    """The query that is asked about."""

    def line(self, width: int) -> Line:
        room = max(10, width - 14)
        left = [Part(" / ", "key"), Part(clip(shown(self.text), room), "")]
        return spread(left, [Part("why not? ", "dim")], width)


class AskedTarget(Asked):
    """The target, as under the query of the browser."""

    def line(self, width: int) -> Line:
        if self.why is None:
            return [Part(f" {SIGN} ", "accent"), Part(named(self.target), "strong")]
        return target_line(
            self.target,
            self.why.match,
            letters(RANKINGS),
            width,
            right=[Part("f", "key", "screen.find"), Part(" another ", "dim", "screen.find")],
        )


class Verdict(Widget):
    """One sentence, as many lines as it takes."""

    DEFAULT_CSS = "Verdict { height: auto; width: 1fr; max-width: 124; padding: 1 2; }"
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._line: Line = []

    def show(self, line: Line) -> None:
        """Take the sentence."""
        self._line = line
        self.refresh(layout=True)

    def render(self) -> Content:
        return content(self, self._line)


class WhyScreen(EngineScreen):
    """Asks for the ladder, which is there at once, then for changes, which take a while."""

    PLACES = (Where.WHY,)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.WHY)]

    def __init__(
        self,
        clock: Clock,
        remembered: Remembered,
        engine: EngineView,
        *,
        apply: Callable[[Suggestion], None],
        find: Callable[[], None],
    ) -> None:
        super().__init__(clock, remembered)
        self.engine = engine
        self._apply, self._find = apply, find
        self._basis = rests_on(engine)
        self._request = DiagnosisRequest(text="", target=Target())
        self.header = HeaderLine()
        self.asked = (AskedQuery(), AskedTarget())
        self.verdict = Verdict()
        self.list = WhyList()
        self.status = StatusLine()
        self.keys = KeyBar()

    def compose(self) -> ComposeResult:
        yield self.header
        yield from self.asked
        yield self.verdict
        yield self.list
        yield self.status
        yield self.keys

    def on_mount(self) -> None:
        self.ready = True
        self.list.focus()
        self.show_engine(self.engine)
        self._ask()

    def on_unmount(self) -> None:
        self.ready = False

    def show_engine(self, view: EngineView) -> None:
        before, self.engine = self.engine, view
        if not self.ready:
            return
        self.header.show(view)
        self.status.show(view, self.clock())
        self._show_keys()
        settled = view.state is None or view.state.progress is None
        if view.connected and settled and (not before.connected or rests_on(view) != self._basis):
            self._ask()

    # Asking

    def look(self, text: str, syntax: str, target: Target) -> None:
        """Ask about this query and target."""
        self._request = DiagnosisRequest(text=text, syntax=syntax, target=target)
        self.list.why = None
        if self.ready:
            self._ask()

    def _ask(self) -> None:
        self._basis = rests_on(self.engine)
        for line in self.asked:
            line.text, line.target = self._request.text, self._request.target
            line.refresh()
        if self.list.why is None:
            self.verdict.show([Part("◌ ", "accent"), Part("climbing the ladder…", "dim")])
            self.list.show(None, "", anew=True)
        self.post_message(InspectionWanted(_GROUP, self._request, self._show_ladder, self._failed))

    def _show_ladder(self, why: Diagnosis) -> None:
        more = not why.in_top_k
        trying = "trying changes, each one run on the whole folder…" if more else ""
        self._show(DiagnosisReport.of(why, None), trying)
        if more:
            wanted = SuggestionsRequest(
                text=self._request.text, syntax=self._request.syntax, target=self._request.target
            )
            done = partial(self._show_suggestions, why)
            self.post_message(InspectionWanted(_GROUP, wanted, done, self._failed_changes))

    def _show_suggestions(self, why: Diagnosis, found: Suggestions) -> None:
        self._show(DiagnosisReport.of(why, found), "")

    def _show(self, why: DiagnosisReport, trying: str) -> None:
        anew = self.list.why is None or self.list.why.target != why.target
        if trying and self.list.why is not None and not anew:
            trying = f"{trying} again"
        self.verdict.show(verdict_line(why))
        for line in self.asked:
            line.why = why
            line.refresh()
        self.list.show(why, trying, anew=anew)
        self._show_keys()

    def _failed(self, reason: str) -> None:
        self.verdict.show([Part("✗ ", "bad"), Part(shown(reason))])
        self.list.message = "f chooses something else to expect."
        self.list.show(None, "", anew=True)

    def _failed_changes(self, reason: str) -> None:
        if self.list.why is not None:
            self.list.show(self.list.why, "", anew=False)
        self.notify(shown(reason), severity="warning", markup=False)

    # Keys

    def _show_keys(self) -> None:
        self.keys.show(of(Where.WHY, Where.APP), lambda action: bool(self.refused(action)))

    def possessions(self) -> set[Need]:
        has = set()
        if self._place() is not None:
            has.add(Need.PLACE)
        if isinstance(self.list.item, Suggestion):
            has.add(Need.CHANGE)
        return has

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        self.list.put_cursor(message.row)
        self._show_keys()

    def on_line_list_chosen(self) -> None:
        item = self.list.item
        if isinstance(item, Suggestion):
            self._apply(item)
        elif item is not None:
            self.list.toggle()

    def _place(self) -> tuple[str, int] | None:
        """Path and line of the target, if there is such a file."""
        why = self.list.why
        if why is None:
            return None
        if why.match.hit is not None:
            return why.match.hit.path, why.match.hit.start_line
        if why.match.state is None or not why.target.path:
            return None
        return why.target.path, why.target.line or 1

    def action_edit_target(self) -> None:
        from membrowse.tui.messages import EditWanted

        if (place := self._place()) is not None:
            self.post_message(EditWanted(*place))

    def action_find(self) -> None:
        self._find()

    def action_close(self) -> None:
        self.post_message(InspectionUnwanted(_GROUP))
        self.dismiss(None)
