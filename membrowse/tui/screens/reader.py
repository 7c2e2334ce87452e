"""Screens to read at length: a text as it is, or a chunk as rendered markdown."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from membrowse.presentation.lines import Part
from membrowse.text import shown, shown_block
from membrowse.tui.screens.dialog import Dialog
from membrowse.tui.widgets.lines import LineBlock
from membrowse.tui.widgets.scroll_box import ScrollBox

LONGEST = 100_000
"""Characters of a text that are shown, at most."""

LONGEST_MARKDOWN = 20_000
"""Characters that are rendered, at most; parsing markdown with many brackets is slow."""


class TextScreen(Dialog[None]):
    """A text, word for word."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__(classes="-large")
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = shown(self._title).replace("[", "\\[")  # a title is markup
            box.border_subtitle = "esc close"
            with ScrollBox():
                yield self.body(self._text)

    def body(self, text: str) -> Widget:
        """The widget that shows `text`."""
        return LineBlock([[Part(line)] for line in shown_block(text[:LONGEST]).split("\n")])

    def on_mount(self) -> None:
        self.query_one(ScrollBox).focus()


class MarkdownScreen(TextScreen):
    """A text as rendered markdown; its links are not opened."""

    def body(self, text: str) -> Widget:
        from textual.widgets import Markdown

        return Markdown(shown_block(text)[:LONGEST_MARKDOWN], open_links=False)
