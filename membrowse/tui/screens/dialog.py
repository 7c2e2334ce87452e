"""The base of dialogs: a modal screen that escape closes."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

Result = TypeVar("Result")


class Dialog(ModalScreen[Result]):
    """A modal screen with one box; its result is None if it is closed without an answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close", id="dialog.close"),
        Binding("f1", "app.help", show=False, id="dialog.help"),
    ]

    def action_close(self) -> None:
        self.dismiss(None)
