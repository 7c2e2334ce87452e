"""The base of dialogs: a modal screen that escape closes."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import OptionList

Result = TypeVar("Result")


class Dialog(ModalScreen[Result]):
    """A modal screen with one box; its result is None if it is closed without an answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close", id="dialog.close"),
        Binding("f1", "app.help", show=False, id="dialog.help"),
    ]

    def action_close(self) -> None:
        self.dismiss(None)


class OptionsDialog(Dialog[Result]):
    """A dialog with one list of options, whose cursor moves wherever the focus is."""

    def action_move(self, by: int) -> None:
        options = self.query_one(OptionList)
        (options.action_cursor_down if by > 0 else options.action_cursor_up)()
