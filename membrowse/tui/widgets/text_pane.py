"""A pane of the browser: a head, and a text that scrolls below it."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from textual.containers import Vertical

from membrowse.presentation.lines import Line
from membrowse.tui.widgets.lines import OneLine
from membrowse.tui.widgets.scrolled_lines import ScrolledLines

Text = TypeVar("Text", bound=ScrolledLines)


class PaneHead(OneLine):
    """The first line of a pane."""

    def __init__(self, pane: TextPane[Any]) -> None:
        super().__init__(classes="column-head")
        self._pane = pane

    def line(self, width: int) -> Line:
        return self._pane.head_line(width, active=self._pane.text.has_focus)


class TextPane(Vertical, Generic[Text]):
    """Active while its text has the focus; subclasses compose `head` and `text`."""

    def __init__(self, text: Text, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, classes="column")
        self.text = text
        self.head = PaneHead(self)

    def head_line(self, width: int, *, active: bool) -> Line:
        """The line of the head."""
        raise NotImplementedError

    def refresh_head(self) -> None:
        """Repaint the head."""
        self.set_class(self.text.has_focus, "-active")
        self.head.refresh()

    def on_descendant_focus(self) -> None:
        self.refresh_head()

    def on_descendant_blur(self) -> None:
        self.refresh_head()
