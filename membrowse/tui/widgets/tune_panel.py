"""The knobs and the saved configurations, beside or under the rankings that they move."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.message import Message

from membrowse.presentation.lines import Line, Part
from membrowse.tui.action_table import bindings
from membrowse.tui.actions import Where
from membrowse.tui.model.cut import Layout
from membrowse.tui.model.knobs import KNOBS
from membrowse.tui.model.tuning import Tuning
from membrowse.tui.model.tuning_lines import (
    banner_line,
    configuration_line,
    foot_line,
    head_line,
    knob_line,
)
from membrowse.tui.widgets.line_list import LineList
from membrowse.tui.widgets.painting import OneLine

_TYPED = frozenset("0123456789.")


class KnobList(LineList):
    """One line a knob."""

    def __init__(self, tuning: Tuning) -> None:
        super().__init__(id="tune-knobs")
        self.can_focus = False
        self._tuning = tuning

    @property
    def cursor_row(self) -> int | None:
        return self._tuning.at if self._tuning.at < len(KNOBS) else None

    def row_line(self, row: int, line: int, width: int) -> Line:
        return knob_line(self._tuning, KNOBS[row], width, current=row == self.cursor_row)


class ConfigurationList(LineList):
    """One line a configuration that can be put in force."""

    def __init__(self, tuning: Tuning) -> None:
        super().__init__(id="tune-saved")
        self.can_focus = False
        self._tuning = tuning

    @property
    def cursor_row(self) -> int | None:
        row = self._tuning.at - len(KNOBS)
        return row if row >= 0 else None

    def row_line(self, row: int, line: int, width: int) -> Line:
        return configuration_line(self._tuning, self._tuning.configurations[row], width)


class TuneLine(OneLine):
    """A line about the tuning."""

    def __init__(self, tuning: Tuning, classes: str) -> None:
        super().__init__(classes=classes)
        self.tuning = tuning
        self.active = False


class TuneHead(TuneLine):
    """Name and configuration in force."""

    def line(self, width: int) -> Line:
        return head_line(self.tuning, width, active=self.active)


class TuneFoot(TuneLine):
    """What the knob does."""

    def line(self, width: int) -> Line:
        return foot_line(self.tuning)


class SavedHead(TuneLine):
    """What the second list is."""

    def line(self, width: int) -> Line:
        return [Part("  configurations", "dim")]


class TuneBanner(TuneLine):
    """What is tried, for as long as it is; it stands over the rankings."""

    def __init__(self, tuning: Tuning) -> None:
        super().__init__(tuning, "tune-banner")
        self.pins = 0
        self.display = False

    def show(self, pins: int) -> None:
        """Values or what came of them may have changed; `pins`: how many there are."""
        self.pins = pins
        self.display = self.tuning.trying
        self.refresh()

    def line(self, width: int) -> Line:
        return banner_line(self.tuning, self.pins, width)


class TunePanel(Vertical, can_focus=True):
    """Has the focus itself; its lists only show."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.TUNE)]

    class Typed(Message):
        """A digit or a point."""

        def __init__(self, character: str) -> None:
            super().__init__()
            self.character = character

    class Pointed(Message):
        """A row was clicked."""

        def __init__(self, at: int) -> None:
            super().__init__()
            self.at = at

    def __init__(self, tuning: Tuning) -> None:
        super().__init__(id="tune")
        self._tuning = tuning
        self._head = TuneHead(tuning, "column-head")
        self._saved_head = SavedHead(tuning, "tune-saved-head")
        self._foot = TuneFoot(tuning, "tune-foot")
        self._knobs = KnobList(tuning)
        self._saved = ConfigurationList(tuning)
        self.display = False

    def compose(self) -> ComposeResult:
        yield self._head
        with Container(id="tune-lists"):
            yield self._knobs
            with Vertical(id="tune-configurations"):
                yield self._saved_head
                yield self._saved
        yield self._foot

    def show(self) -> None:
        """Values, or what is saved, may have changed."""
        self._head.active = self.has_focus
        self.set_class(self.has_focus, "-active")
        self._knobs.set_layout(Layout(len(KNOBS), 1))
        self._saved.set_layout(Layout(len(self._tuning.configurations), 1))
        self._knobs.show_row(self._knobs.cursor_row)
        self._saved.show_row(self._saved.cursor_row)
        self._head.refresh()
        self._foot.refresh(layout=self.screen.has_class("-tune-beside"))

    def on_focus(self) -> None:
        self.show()

    def on_blur(self) -> None:
        self.show()

    def on_key(self, event: events.Key) -> None:
        if event.character in _TYPED and event.character:
            event.stop()
            event.prevent_default()
            self.post_message(self.Typed(event.character))

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        message.stop()
        below = message.list is self._saved
        self.focus()
        self.post_message(self.Pointed(message.row + (len(KNOBS) if below else 0)))

    def on_line_list_chosen(self, message: LineList.Chosen) -> None:
        message.stop()
