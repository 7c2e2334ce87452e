"""The choice of a theme: moving shows it at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from membrowse.presentation.lines import Part
from membrowse.tui.screens.dialog import OptionsDialog
from membrowse.tui.widgets.lines import LineBlock


class ThemeScreen(OptionsDialog[str]):
    """Asks for a theme. The theme under the cursor is shown; escape brings back the old one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "move(1)", show=False, id="themes.down"),
        Binding("k", "move(-1)", show=False, id="themes.up"),
        Binding("q", "close", show=False, id="themes.close"),
    ]

    def __init__(self, names: Sequence[str], current: str) -> None:
        super().__init__(classes="-aside")
        self._names = names
        self._current = current

    def compose(self) -> ComposeResult:
        keys = [Part("enter", "key"), Part(" keep   ", "dim"), Part("esc", "key")]
        with Vertical(classes="dialog") as box:
            box.border_title = "Theme"
            yield OptionList(*(Option(Content(name), id=name) for name in self._names))
            yield LineBlock([[], [*keys, Part(" cancel", "dim")]])

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        options.highlighted = self._names.index(self._current)
        options.focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if event.option.id:
            self.app.theme = event.option.id

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def action_close(self) -> None:
        self.app.theme = self._current
        self.dismiss(None)
