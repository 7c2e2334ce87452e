"""A name for something that is saved."""

from __future__ import annotations

from collections.abc import Collection

from textual.app import ComposeResult
from textual.containers import Vertical

from membrowse.presentation.lines import Line, Part
from membrowse.text import shown
from membrowse.tui.screens.dialog import Dialog, Lines
from membrowse.tui.widgets.plain_input import PlainInput


class NameScreen(Dialog[str]):
    """Answers with a name that is not empty."""

    def __init__(self, title: str, about: list[str], taken: Collection[str], name: str) -> None:
        super().__init__()
        self._title, self._about, self._taken = title, about, taken
        self.input = PlainInput("a name", id="name")
        self.input.value = name
        self._told = Lines([])

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = self._title
            yield Lines([[Part(shown(line), "dim")] for line in self._about])
            yield self.input
            yield self._told

    def on_mount(self) -> None:
        self.input.focus()
        self._tell()

    def on_input_changed(self) -> None:
        self._tell()

    def _tell(self) -> None:
        replaces = self.input.value.strip() in self._taken
        line: Line = [Part("enter", "key"), Part(" saves it", "dim")]
        if replaces:
            line = [Part("enter", "key"), Part(" replaces the one of this name", "warn")]
        self._told.show([[*line, Part("   "), Part("esc", "key"), Part(" leaves it", "dim")]])

    def on_input_submitted(self) -> None:
        name = self.input.value.strip()
        if name:
            self.dismiss(name)
