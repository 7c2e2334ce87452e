"""A question before something that takes long to undo."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from membrowse.presentation.lines import Line, Part
from membrowse.text import shown
from membrowse.tui.screens.dialog import Dialog, Lines


class ConfirmScreen(Dialog[bool]):
    """Answers True for y, False or None for anything else that closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes", id="confirm.yes"),
        Binding("n,q", "answer(False)", "no", id="confirm.no"),
    ]

    def __init__(self, title: str, text: str, verb: str) -> None:
        super().__init__()
        self._title, self._text, self._verb = title, text, verb

    def compose(self) -> ComposeResult:
        lines: list[Line] = [[Part(shown(line))] for line in self._text.split("\n")]
        lines += [
            [],
            [
                Part("y", "key", "screen.answer(True)"),
                Part(f"  {self._verb}     ", "", "screen.answer(True)"),
                Part("n", "key", "screen.answer(False)"),
                Part("  leave it", "", "screen.answer(False)"),
            ],
        ]
        with Vertical(classes="dialog") as box:
            box.border_title = self._title
            yield Lines(lines)

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
