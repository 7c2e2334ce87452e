"""A suggested edit of a note: the line as it is and as it should be."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from membrowse.presentation.diagnosis import pin_effect
from membrowse.presentation.lines import Line, Part, wrapped
from membrowse.text import shown
from membrowse.tui.messages import CopyWanted, EditWanted
from membrowse.tui.screens.dialog import Dialog
from membrowse.tui.widgets.lines import LineBlock
from membrowse.tui.widgets.scroll_box import ScrollBox
from membrowse.wire.diagnosis import Edit, Suggestion

_WIDTH = 64


class SuggestedEditScreen(Dialog[None]):
    """Offers to open the editor or to copy the line; membrowse itself writes no note."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit", "edit", id="suggested_edit.edit"),
        Binding("y,c", "copy", "copy", id="suggested_edit.copy"),
        Binding("q", "close", show=False, id="suggested_edit.close"),
    ]

    def __init__(self, suggestion: Suggestion, edit: Edit) -> None:
        super().__init__()
        self._suggestion, self._edit = suggestion, edit

    def compose(self) -> ComposeResult:
        edit, suggestion = self._edit, self._suggestion
        promised = [Part(f"#{suggestion.rank}", "good"), Part("  with this line")]
        if effect := pin_effect(suggestion):
            promised.append(Part(f"; {effect}", "warn" if suggestion.broken else "dim"))
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
            [Part("esc", "key"), Part("  cancel", "dim")],
        ]
        with Vertical(classes="dialog") as box:
            box.border_title = "A line to change"
            with ScrollBox():
                yield LineBlock(lines)

    def action_edit(self) -> None:
        self.dismiss(None)
        self.app.post_message(EditWanted(self._edit.path, self._edit.line))

    def action_copy(self) -> None:
        self.app.post_message(CopyWanted("the new line", self._edit.after))


def _signed(sign: str, text: str, style: str) -> list[Line]:
    rows = wrapped([Part(shown(text[:2000]), style)], _WIDTH)
    return [[Part(sign if at == 0 else "  ", style), *row] for at, row in enumerate(rows)]
