"""An edit of a note that would help: what stands there, and what should."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from membrowse.presentation.diagnosis import pin_effect
from membrowse.presentation.lines import Line, Part, wrapped
from membrowse.text import shown
from membrowse.tui.messages import CopyWanted, EditWanted
from membrowse.tui.screens.dialog import Dialog, Lines, Scroll
from membrowse.wire.diagnosis import Edit, Suggestion

_WIDTH = 64


class NoteChangeScreen(Dialog[None]):
    """Nothing is written by us: the person edits, and the rankings follow."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit", "edit", id="note_change.edit"),
        Binding("y,c", "copy", "copy", id="note_change.copy"),
        Binding("q", "close", show=False, id="note_change.close"),
    ]

    def __init__(self, change: Suggestion, edit: Edit) -> None:
        super().__init__()
        self._change, self._edit = change, edit

    def compose(self) -> ComposeResult:
        edit, change = self._edit, self._change
        promised = [Part(f"#{change.rank}", "good"), Part("  with this line")]
        if pin_effect(change):
            promised.append(Part(f"; {pin_effect(change)}", "warn" if change.broken else "dim"))
        lines: list[Line] = [
            [Part(f"{shown(edit.path)}:{edit.line}", "strong")],
            [],
            *_signed("− ", edit.before, "bad"),
            *_signed("+ ", edit.after, "good"),
            [],
            promised,
            [],
            [
                Part("e", "key", "screen.edit"),
                Part("  open the editor at this line     ", "", "screen.edit"),
                Part("y", "key", "screen.copy"),
                Part("  copy the new line", "", "screen.copy"),
            ],
            [Part("esc", "key"), Part("  leave it", "dim")],
        ]
        with Vertical(classes="dialog") as box:
            box.border_title = "A line to change"
            with Scroll():
                yield Lines(lines)

    def action_edit(self) -> None:
        self.dismiss(None)
        self.app.post_message(EditWanted(self._edit.path, self._edit.line))

    def action_copy(self) -> None:
        self.post_message(CopyWanted("the new line", self._edit.after))


def _signed(sign: str, text: str, style: str) -> list[Line]:
    broken = wrapped([Part(shown(text[:2000]), style)], _WIDTH)
    return [[Part(sign if at == 0 else "  ", style), *row] for at, row in enumerate(broken)]
