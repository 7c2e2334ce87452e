"""Which form of the chunk to copy."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from membrowse.presentation.lines import Line, Part
from membrowse.tui.screens.dialog import Dialog, Lines

VARIANTS: tuple[tuple[str, str, str], ...] = (
    ("p", "path", "the note's path"),
    ("l", "place", "path:line"),
    ("t", "text", "the chunk's text"),
    ("j", "json", "the hit as JSON, with all its ranks and scores"),
)


class CopyScreen(Dialog[str]):
    """Answers with the chosen variant; `y` again is path:line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(k, f"choose('{v}')", what, id=f"copy.{v}") for k, v, what in VARIANTS),
        Binding("y", "choose('place')", show=False, id="copy.again"),
        Binding("q", "close", show=False, id="copy.close"),
    ]

    def compose(self) -> ComposeResult:
        lines: list[Line] = [
            [
                Part(f"  {key}", "key", f"screen.choose('{variant}')"),
                Part(f"   {what}", "", f"screen.choose('{variant}')"),
            ]
            for key, variant, what in VARIANTS
        ]
        with Vertical(classes="dialog") as box:
            box.border_title = "Copy"
            yield Lines([*lines, [], [Part("esc", "key"), Part("  nothing", "dim")]])

    def action_choose(self, variant: str) -> None:
        self.dismiss(variant)
