"""Why a note is not in the top: a verdict, the steps with their evidence, and suggestions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from membrowse.client.engine import EngineRefused
from membrowse.presentation.diagnosis import (
    Row,
    first_failing,
    items,
    queries_opened,
    rows,
    verdict_line,
)
from membrowse.presentation.figures import counted
from membrowse.presentation.lines import Line, Part, cells, clip, spread
from membrowse.presentation.ranks import letters
from membrowse.presentation.recalls import agent_side
from membrowse.presentation.target import SIGN, named, target_line
from membrowse.text import shown
from membrowse.tui.actions import Action, Need, Where, bindings
from membrowse.tui.messages import EditWanted, ReplyUnwanted, ReplyWanted
from membrowse.tui.model.engine_view import EngineView, reply_basis, with_recall
from membrowse.tui.model.list_layout import Layout
from membrowse.tui.screens.engine_screen import Clock, EngineScreen
from membrowse.tui.widgets.line_list import CURSOR, LineList
from membrowse.tui.widgets.lines import OneLine, content, keymap_of
from membrowse.wire.diagnosis import (
    Diagnosis,
    DiagnosisReport,
    DiagnosisRequest,
    Step,
    Suggestion,
    SuggestionKind,
    Suggestions,
    SuggestionsRequest,
)
from membrowse.wire.notes import FileRecord, FilesRequest
from membrowse.wire.recalls import RecallView
from membrowse.wire.search import RANKINGS

_GROUP, _FILES = "why", "why files"

_LABELS = {
    SuggestionKind.NOTE: "show edit",
    SuggestionKind.SETTING: "try setting",
    SuggestionKind.QUERY: "use query",
}


def _label(item: Step | Suggestion | None) -> str:
    """What enter does with the item under the cursor."""
    return _LABELS[item.kind] if isinstance(item, Suggestion) else "show evidence"


class DiagnosedQuery(OneLine):
    """The query of the diagnosis, and what is below the end of the list."""

    def __init__(self) -> None:
        super().__init__(classes="why-head")
        self._text, self._below = "", ""

    def show(self, text: str) -> None:
        """Show this query."""
        self._text = text
        self.refresh()

    def show_below(self, below: str) -> None:
        """Say what is below the end of the list, if anything is."""
        self._below = below
        self.refresh()

    def line(self, width: int) -> Line:
        right = [Part(f"{self._below} ", "accent") if self._below else Part("why not? ", "dim")]
        room = max(10, width - cells(right) - 5)
        return spread([Part(" / ", "key"), Part(clip(shown(self._text), room), "")], right, width)


class DiagnosedTarget(OneLine):
    """The target of the diagnosis and its ranks."""

    def __init__(self, request: DiagnosisRequest) -> None:
        super().__init__(classes="why-head")
        self._target = request.target
        self._report: DiagnosisReport | None = None

    def show(self, request: DiagnosisRequest, report: DiagnosisReport | None) -> None:
        """Show the request's target, with its ranks if a diagnosis is there."""
        self._target, self._report = request.target, report
        self.refresh()

    def line(self, width: int) -> Line:
        if self._report is None:
            return [Part(f" {SIGN} ", "accent"), Part(named(self._target), "strong")]
        key = keymap_of(self).key("why.find")
        return target_line(
            self._target,
            self._report.match,
            letters(RANKINGS),
            width,
            right=[Part(key, "key", "screen.find"), Part(" another ", "dim", "screen.find")],
        )


class Verdict(Widget):
    """One sentence on as many lines as it needs."""

    DEFAULT_CSS = "Verdict { height: auto; width: 1fr; max-width: 124; padding: 1 2; }"
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._line: Line = []

    def show(self, line: Line) -> None:
        """Show this sentence."""
        self._line = line
        self.refresh(layout=True)

    def render(self) -> Content:
        return content(self, self._line)


class AgentSide(Verdict):
    """What the agent got, before the verdict; takes no room until there is something."""

    DEFAULT_CSS = "AgentSide { padding: 1 2 0 2; display: none; }"

    def show(self, line: Line) -> None:
        self.display = True
        super().show(line)


class DiagnosisList(LineList):
    """Steps and suggestions; the cursor moves from item to item, each of one or more lines."""

    class Scrolled(Message):
        """Other lines are in view."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, DiagnosisList.Scrolled)

    def __init__(self) -> None:
        super().__init__(id="why-list")
        self.report: DiagnosisReport | None = None
        self.at = 0
        """The item under the cursor."""
        self._trying = ""
        self._opened: set[int] = set()
        self._rows: list[Row] = []
        self._width = 0

    @property
    def item(self) -> Step | Suggestion | None:
        """The step or suggestion under the cursor."""
        found = items(self.report) if self.report else ()
        return found[self.at] if self.at < len(found) else None

    @property
    def folded(self) -> bool:
        """Whether the cursor is on the line that stands for the queries."""
        item = self.item
        query = isinstance(item, Suggestion) and item.kind is SuggestionKind.QUERY
        return query and not queries_opened(self.report, self._opened)

    @property
    def cursor_row(self) -> int | None:
        return next((y for y, row in enumerate(self._rows) if row.item == self.at), None)

    def ground(self, row: int) -> str:
        return CURSOR if self._rows[row].item == self.at else ""

    @property
    def below(self) -> str:
        """What begins below the last line in view: `↓ 3 suggestions`, or empty."""
        if self.report is None:
            return ""
        hidden = self._rows[self.scroll_offset.y + self.scrollable_content_region.height :]
        seen = {row.item for row in self._rows[: len(self._rows) - len(hidden)]}
        new = {row.item for row in hidden if row.item is not None} - seen
        count = sum(item >= len(self.report.steps) for item in new)
        return f"↓ {counted(count, 'suggestion')}" if count else "↓ more" if hidden else ""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Scrolled())

    def show(self, report: DiagnosisReport | None, trying: str, *, restart: bool) -> None:
        """Show a report; with `restart`, open the step that fails and move the cursor to it.

        `trying` says what is still being computed, or is empty.
        """
        self.report, self._trying = report, trying
        if restart and report is not None:
            failing = first_failing(report)
            self._opened = set() if failing is None else {failing}
            self.at = failing or 0
        if report is not None:
            self.at = min(self.at, max(0, len(items(report)) - 1))
        self._make()
        if restart:
            self.call_after_refresh(self.show_row, self.cursor_row)

    def toggle(self) -> None:
        """Show or hide the evidence of the step under the cursor."""
        self._opened ^= {self.at}
        self._make()
        self._show_item()

    def _make(self) -> None:
        self._width = self._room
        made = self.report is not None and self._width > 0
        self._rows = rows(self.report, self._opened, self._width, self._trying) if made else []  # type: ignore[arg-type]
        self.set_layout(Layout(len(self._rows), 1))
        self.post_message(self.Scrolled())

    @property
    def _room(self) -> int:
        """Cells of a line, whether or not there is a scroll bar."""
        return self.outer_size.width - 3

    def on_resize(self) -> None:
        if self._room != self._width:
            self._make()
        self.post_message(self.Scrolled())

    def row_line(self, row: int, line: int, width: int) -> Line:
        return self._rows[row].line

    # Moving from item to item

    def show_cursor(self) -> None:
        self.repaint()

    def _show_item(self) -> None:
        """Scroll so that all lines of the item are in view, if they fit."""
        own = [y for y, row in enumerate(self._rows) if row.item == self.at]
        if own:
            self.show_row(own[-1])
            self.show_row(own[0])

    def put_cursor(self, row: int) -> None:
        """Move the cursor to the item of `row`, or to the one above it."""
        above = (line.item for line in reversed(self._rows[: row + 1]) if line.item is not None)
        self.at = next(above, 0)
        self.show_cursor()
        self._show_item()

    def _move_by(self, by: int) -> None:
        bound = None if self._bound_for is None else self._rows[self._bound_for].item
        start = self.at if bound is None else bound
        listed = list(dict.fromkeys(row.item for row in self._rows if row.item is not None))
        place = max((n for n, item in enumerate(listed) if item <= start), default=0) + by
        at = listed[max(0, min(place, len(listed) - 1))] if listed else 0
        if at == 0 and by < 0:
            self.show_row(0)
        self._move(next((y for y, row in enumerate(self._rows) if row.item == at), 0))


class WhyScreen(EngineScreen):
    """Requests the diagnosis, which is fast, then suggestions, which take a while.

    `apply` takes a suggestion for the settings or the query, after the screen has closed; `find`
    lets the user choose another target; `pin` pins the query to it. With a `recall`, the agent's
    side comes first.
    """

    PLACES = (Where.WHY,)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.WHY)]

    def __init__(
        self,
        clock: Clock,
        engine: EngineView,
        request: DiagnosisRequest,
        *,
        apply: Callable[[Suggestion], None],
        find: Callable[[], None],
        pin: Callable[[], None],
        recall: RecallView | None = None,
    ) -> None:
        super().__init__(clock, engine)
        self._request = request
        self._apply, self._find, self._pin = apply, find, pin
        self._recall = recall
        self._saved: Mapping[str, str] = {}
        """When each file was saved last, ISO."""
        self._basis = reply_basis(engine)
        self._provisional = False
        self._query, self._target = DiagnosedQuery(), DiagnosedTarget(request)
        self._agent_side, self._verdict = AgentSide(), Verdict()
        self.list = DiagnosisList()

    def compose(self) -> ComposeResult:
        yield self.header
        yield self._query
        yield self._target
        yield self._agent_side
        yield self._verdict
        yield self.list
        yield self.status
        yield self.keys

    def on_mount(self) -> None:
        self.list.focus()
        self._ask()
        if self._recall is not None:
            self.app.post_message(ReplyWanted(_FILES, FilesRequest(), self._take_files))

    def with_agent(self, view: EngineView) -> EngineView:
        return with_recall(view, self._recall.recall if self._recall else None)

    def _take_files(self, files: Sequence[FileRecord]) -> None:
        self._saved = {file.path: file.modified_at for file in files}
        self._show_agent_side()

    def _show_agent_side(self) -> None:
        """Show what the agent got, if a recall is shown and the diagnosis is there."""
        report = self.list.report
        if self._recall is not None and report is not None:
            path = report.match.hit.path if report.match.hit else report.target.path
            text = agent_side(self._recall, report.match, path, self._saved.get(path, ""))
            self._agent_side.show([Part("◂ ", "accent"), Part(text)])

    def engine_changed(self, before: EngineView) -> None:
        view = self.engine
        settled = view.state is None or view.state.progress is None
        outdated = self._provisional or not before.connected or reply_basis(view) != self._basis
        if view.connected and settled and outdated:
            self._ask()

    # Requests

    def diagnose(self, request: DiagnosisRequest) -> None:
        """Diagnose another query or target."""
        self._request = request
        self.list.report = None
        self._ask()

    def _ask(self) -> None:
        self._basis = reply_basis(self.engine)
        self._query.show(self._request.text)
        self._target.show(self._request, self.list.report)
        if self.list.report is None:
            self._verdict.show([Part("◌ ", "accent"), Part("diagnosing…", "dim")])
            self.list.show(None, "", restart=True)
        self.app.post_message(ReplyWanted(_GROUP, self._request, self._take, self._refused))

    def _take(self, diagnosis: Diagnosis) -> None:
        more = not diagnosis.in_top_k
        trying = "trying changes, each one on the whole folder…" if more else ""
        self._show(DiagnosisReport.of(diagnosis, None), trying)
        if more:
            asked = self._request
            request = SuggestionsRequest(
                text=asked.text,
                syntax=asked.syntax,
                target=asked.target,
                k=asked.k,
                filters=asked.filters,
            )
            take = partial(self._take_suggestions, diagnosis)
            self.app.post_message(ReplyWanted(_GROUP, request, take, self._suggestions_refused))

    def _take_suggestions(self, diagnosis: Diagnosis, found: Suggestions) -> None:
        self._show(DiagnosisReport.of(diagnosis, found), "")

    def _show(self, report: DiagnosisReport, trying: str) -> None:
        restart = self.list.report is None or self.list.report.target != report.target
        if trying and not restart:
            trying = f"{trying} again"
        self._provisional = bool(report.match.provisional)
        self._verdict.show(verdict_line(report))
        self._target.show(self._request, report)
        self.list.show(report, trying, restart=restart)
        self._show_agent_side()
        self.show_keys()

    def _refused(self, error: EngineRefused) -> None:
        self._verdict.show([Part("✗ ", "bad"), Part(shown(error.problem.message))])
        self.list.message = f"{self.keymap.key('why.find')} chooses another target."
        self.list.show(None, "", restart=True)

    def _suggestions_refused(self, error: EngineRefused) -> None:
        if self.list.report is not None:
            self.list.show(self.list.report, "", restart=False)
        self.notify(shown(error.problem.message), severity="warning", markup=False)

    # Keys

    def met_needs(self) -> set[Need]:
        return {Need.PLACE} if self._place() is not None else set()

    def labelled(self, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        label = _label(self.list.item)
        return tuple(replace(a, label=label) if a.id == "why.choose" else a for a in actions)

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        self.list.put_cursor(message.row)
        self.show_keys()

    def on_diagnosis_list_scrolled(self) -> None:
        self._query.show_below(self.list.below)

    def on_line_list_chosen(self) -> None:
        item = self.list.item
        if isinstance(item, Suggestion) and not self.list.folded:
            self._choose(item)
        elif item is not None:
            self.list.toggle()

    def _choose(self, suggestion: Suggestion) -> None:
        if suggestion.kind is SuggestionKind.NOTE and suggestion.edit is not None:
            from membrowse.tui.screens.suggested_edit import SuggestedEditScreen

            self.app.push_screen(SuggestedEditScreen(suggestion, suggestion.edit))
        else:
            self.action_close()
            self._apply(suggestion)

    def _place(self) -> tuple[str, int] | None:
        """Path and line of the target, if there is such a file."""
        report = self.list.report
        if report is None:
            return None
        if report.match.hit is not None:
            return report.match.hit.path, report.match.hit.start_line
        if report.match.state is None or not report.target.path:
            return None
        return report.target.path, report.target.line or 1

    def action_edit_target(self) -> None:
        if (place := self._place()) is not None:
            self.app.post_message(EditWanted(*place))

    def action_pin(self) -> None:
        self._pin()

    def action_find(self) -> None:
        self._find()

    def action_close(self) -> None:
        for group in (_GROUP, _FILES):
            self.app.post_message(ReplyUnwanted(group))
        self.dismiss(None)
