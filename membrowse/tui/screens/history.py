"""Earlier queries: typing filters them, enter puts one into the query bar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from membrowse.presentation.lines import clip
from membrowse.text import shown
from membrowse.tui.screens.dialog import OptionsDialog


class HistoryScreen(OptionsDialog[str]):
    """Asks for an earlier query."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", show=False, id="history.down", priority=True),
        Binding("up", "move(-1)", show=False, id="history.up", priority=True),
    ]

    def __init__(self, queries: Sequence[str]) -> None:
        super().__init__()
        self._queries = queries
        self._kept: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = "Earlier queries"
            yield Input(placeholder="type to filter")
            yield OptionList()

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False
        self._filter("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._filter(event.value)

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        self._kept = [
            query for query in self._queries if all(word in query.casefold() for word in words)
        ]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(Content(clip(shown(query), 200))) for query in self._kept])
        if self._kept:
            options.highlighted = 0
        else:
            options.add_option(
                Option("no matches" if text else "no earlier queries", disabled=True)
            )

    def on_input_submitted(self) -> None:
        at = self.query_one(OptionList).highlighted
        if at is not None and at < len(self._kept):
            self.dismiss(self._kept[at])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._kept[event.option_index])
