"""The filter picker: choose by root, folder, tag or date which notes are ranked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from membrowse.presentation import figures
from membrowse.presentation.lines import Line
from membrowse.tui.messages import ReplyUnwanted, ReplyWanted
from membrowse.tui.model.filter_choices import (
    FilterChoice,
    FilterTyped,
    choice_line,
    choices,
    problem,
)
from membrowse.tui.model.list_layout import Layout
from membrowse.tui.screens.picker import Picker, PickerList
from membrowse.tui.screens.target_finder import FinderFoot
from membrowse.tui.widgets.plain_input import PlainInput
from membrowse.wire.filters import (
    DateReading,
    DateReadingRequest,
    FilterValues,
    FilterValuesRequest,
)
from membrowse.wire.search import Filters

_PLACEHOLDER = "letters of a root, folder or tag; a date such as last week or 2026-03"
_READING_SECONDS = 0.05


class ChoiceList(PickerList):
    """The choices, one line each."""

    def __init__(self) -> None:
        super().__init__()
        self.choices: Sequence[FilterChoice] = ()

    def show(self, found: Sequence[FilterChoice]) -> None:
        """Show these choices, with the cursor on the first."""
        self.choices, self.at = found, 0
        self.set_layout(Layout(len(found), 1))
        self.show_row(0)

    def row_line(self, row: int, line: int, width: int) -> Line:
        return choice_line(self.choices[row], width)


class FilterPicker(Picker[Filters]):
    """Asks for one more filter, or for one less; the answer is all filters."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "move(1)", show=False, id="filters.down", priority=True),
        Binding("up", "move(-1)", show=False, id="filters.up", priority=True),
        Binding("pagedown", "page(1)", show=False, id="filters.page_down", priority=True),
        Binding("pageup", "page(-1)", show=False, id="filters.page_up", priority=True),
    ]

    list: ChoiceList

    def __init__(self, filters: Filters) -> None:
        super().__init__()
        self._filters = filters
        self._values: FilterValues | None = None
        self._reading: DateReading | None = None
        self.input = PlainInput(_PLACEHOLDER, id="finder-input")
        self.list = ChoiceList()
        self._foot = FinderFoot()

    def compose(self) -> ComposeResult:
        self.add_class("-large")
        with Vertical(classes="dialog") as box:
            box.border_title = "Which notes are ranked?"
            yield self.input
            yield self.list
            yield self._foot

    def on_mount(self) -> None:
        self.input.focus()
        self._show()
        self.app.post_message(ReplyWanted("filters", FilterValuesRequest(), self._take_values))

    def on_unmount(self) -> None:
        self.app.post_message(ReplyUnwanted("filters"))
        self.app.post_message(ReplyUnwanted("date"))

    def _take_values(self, values: FilterValues) -> None:
        self._values = values
        if self.is_attached:
            self._show()

    def _take_reading(self, reading: DateReading) -> None:
        self._reading = reading
        if self.is_attached and reading.typed == self._typed.value:
            self._show()

    @property
    def _typed(self) -> FilterTyped:
        return FilterTyped(self.input.value)

    def on_input_changed(self) -> None:
        self._show()
        if self._typed.may_be_date:
            request = DateReadingRequest(text=self._typed.value)
            self.app.post_message(
                ReplyWanted("date", request, self._take_reading, delay=_READING_SECONDS)
            )

    def _show(self) -> None:
        found = choices(self._typed, self._filters, self._values, self._reading)
        said = problem(self._typed, self._reading)
        nothing = f"{said or 'No match'}."
        self.list.message = "Waiting for the engine…" if self._values is None else nothing
        self.list.show(found)
        count = figures.counted(len(found), "choice")
        self._foot.show(f"{count} · {said}" if said and found else count)

    # Choosing

    def action_pick(self) -> None:
        if not self.list.choices:
            return
        choice = self.list.choices[self.list.at]
        if choice.changes:
            self.dismiss(choice.applied(self._filters))
        else:
            self.input.value = f"{choice.label}:"
            self.input.cursor_position = len(self.input.value)
