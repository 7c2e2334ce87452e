"""Small dialogs that ask for one answer: yes or no, a name, a format to copy."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from membrowse.presentation.lines import Line, Part
from membrowse.text import shown
from membrowse.tui.screens.dialog import Dialog
from membrowse.tui.widgets.lines import LineBlock
from membrowse.tui.widgets.plain_input import PlainInput


class ConfirmPrompt(Dialog[bool]):
    """Asks before something that takes long to undo: True for y, False for n, None on escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes", id="confirm.yes"),
        Binding("n,q", "answer(False)", "no", id="confirm.no"),
    ]

    def __init__(self, title: str, text: str, verb: str) -> None:
        super().__init__()
        self._title, self._text, self._verb = title, text, verb

    def compose(self) -> ComposeResult:
        lines: list[Line] = [[Part(shown(line))] for line in self._text.split("\n")]
        keys = [
            Part("y", "key", "screen.answer(True)"),
            Part(f"  {self._verb}     ", "", "screen.answer(True)"),
            Part("n", "key", "screen.answer(False)"),
            Part("  cancel", "", "screen.answer(False)"),
        ]
        with Vertical(classes="dialog") as box:
            box.border_title = self._title
            yield LineBlock([*lines, [], keys])

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)


class NamePrompt(Dialog[str]):
    """Asks for a name; says whether it is `taken`."""

    def __init__(self, title: str, about: list[str], taken: Collection[str], name: str) -> None:
        super().__init__()
        self._title, self._about, self._taken = title, about, taken
        self.input = PlainInput("a name", id="name")
        self.input.value = name
        self._keys = LineBlock([])

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = self._title
            yield LineBlock([[Part(shown(line), "dim")] for line in self._about])
            yield self.input
            yield self._keys

    def on_mount(self) -> None:
        self.input.focus()
        self._show_keys()

    def on_input_changed(self) -> None:
        self._show_keys()

    def _show_keys(self) -> None:
        save = Part(" save", "dim")
        name = self.input.value.strip()
        if name and name in self._taken:
            save = Part(" replace the one with this name", "warn")
        cancel = [Part("   "), Part("esc", "key"), Part(" cancel", "dim")]
        self._keys.show([[Part("enter", "key"), save, *cancel]])

    def on_input_submitted(self) -> None:
        name = self.input.value.strip()
        if name:
            self.dismiss(name)


class WordsPrompt(Dialog[str]):
    """Asks for words; none means the query's own."""

    def __init__(self, title: str, words: str) -> None:
        super().__init__()
        self._title = title
        self.input = PlainInput("words; empty: the words of the query", id="words")
        self.input.value = words

    def compose(self) -> ComposeResult:
        keys = [Part("enter", "key"), Part(" find   ", "dim"), Part("esc", "key")]
        with Vertical(classes="dialog") as box:
            box.border_title = self._title
            yield self.input
            yield LineBlock([[*keys, Part(" cancel", "dim")]])

    def on_mount(self) -> None:
        self.set_focus(self.input)
        self.input.select_all()

    def on_input_submitted(self) -> None:
        self.dismiss(self.input.value.strip())


_FORMATS: tuple[tuple[str, str, str], ...] = (
    ("p", "path", "the note's path"),
    ("l", "place", "path:line"),
    ("t", "text", "the chunk's text"),
    ("j", "json", "the hit as JSON, with all its ranks and scores"),
)


class CopyPrompt(Dialog[str]):
    """Asks in which format to copy a hit: `path`, `place`, `text` or `json`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(k, f"choose('{name}')", what, id=f"copy.{name}") for k, name, what in _FORMATS),
        Binding("y", "choose('place')", show=False, id="copy.again"),
        Binding("q", "close", show=False, id="copy.close"),
    ]

    def compose(self) -> ComposeResult:
        lines: list[Line] = [
            [
                Part(f"  {key}", "key", f"screen.choose('{name}')"),
                Part(f"   {what}", "", f"screen.choose('{name}')"),
            ]
            for key, name, what in _FORMATS
        ]
        with Vertical(classes="dialog") as box:
            box.border_title = "Copy"
            yield LineBlock([*lines, [], [Part("esc", "key"), Part("  cancel", "dim")]])

    def action_choose(self, name: str) -> None:
        self.dismiss(name)
