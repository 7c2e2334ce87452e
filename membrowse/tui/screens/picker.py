"""The base of dialogs that pick from a list, filtered by what is typed above it."""

from __future__ import annotations

from abc import abstractmethod

from membrowse.tui.screens.dialog import Dialog, Result
from membrowse.tui.widgets.line_list import LineList


class PickerList(LineList):
    """Rows with a cursor, while the keys go to the text field."""

    def __init__(self) -> None:
        super().__init__(id="finder-list")
        self.can_focus = False
        self.at = 0

    @property
    def cursor_row(self) -> int | None:
        return self.at if self.rows_layout.rows else None


class Picker(Dialog[Result]):
    """A text field and a list; the arrows move the cursor of the list, enter picks its row."""

    list: PickerList

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        self.list.at = message.row
        self.list.show_cursor()
        self.list.show_row(message.row)

    def on_line_list_chosen(self) -> None:
        self.action_pick()

    def on_input_submitted(self) -> None:
        self.action_pick()

    def action_move(self, by: int) -> None:
        (self.list.action_down if by > 0 else self.list.action_up)()

    def action_page(self, by: int) -> None:
        self.list.action_page(by)

    @abstractmethod
    def action_pick(self) -> None:
        """Answer with the row under the cursor."""
