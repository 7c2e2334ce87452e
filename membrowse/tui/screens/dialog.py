"""The base of dialogs: a framed box over the screen, closed by escape; and what it contains."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget

from membrowse.presentation.lines import Line
from membrowse.tui.widgets.lines import Clickable, content

Result = TypeVar("Result")


class Dialog(ModalScreen[Result]):
    """A modal screen with one box; its result is None if it is closed without an answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close", id="dialog.close"),
        Binding("f1", "app.help", show=False, id="dialog.help"),
    ]

    def action_close(self) -> None:
        self.dismiss(None)


class Lines(Clickable):
    """Lines of parts."""

    DEFAULT_CSS = "Lines { width: 1fr; height: auto; }"

    def __init__(self, lines: list[Line]) -> None:
        super().__init__()
        self._lines = lines

    def show(self, lines: list[Line]) -> None:
        """Show these lines."""
        self._lines = lines
        self.refresh(layout=True)

    def render(self) -> Content:
        return Content("\n").join([content(self, line) for line in self._lines])


class Scroll(VerticalScroll):
    """A scrolling body with the keys of a list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll_down", show=False, id="scroll.down"),
        Binding("k,up", "scroll_up", show=False, id="scroll.up"),
        Binding("g,home", "scroll_home", show=False, id="scroll.first"),
        Binding("G,end", "scroll_end", show=False, id="scroll.last"),
        Binding("ctrl+d,space,pagedown", "page_down", show=False, id="scroll.page_down"),
        Binding("ctrl+u,pageup", "page_up", show=False, id="scroll.page_up"),
        Binding("q", "screen.close", show=False, id="scroll.close"),
    ]

    def __init__(self, *children: Widget) -> None:
        super().__init__(*children, classes="scroll")
