"""Something to read at length: a text as it is, or a chunk as rendered markdown."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from membrowse.presentation.lines import Part
from membrowse.text import shown, shown_block
from membrowse.tui.screens.dialog import Dialog, Lines, Scroll

LONGEST = 100_000
"""Characters that are shown of a text."""

LONGEST_MARKDOWN = 20_000
"""Characters that are rendered; reading markdown takes long where brackets abound."""


class TextScreen(Dialog[None]):
    """A text in full, word for word."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        self.add_class("-large")
        text = shown_block(self._text[:LONGEST])
        with Vertical(classes="dialog") as box:
            box.border_title = _title(self._title)
            with Scroll():
                yield Lines([[Part(line)] for line in text.split("\n")])

    def on_mount(self) -> None:
        self.query_one(Scroll).focus()


class MarkdownScreen(Dialog[None]):
    """A chunk as rendered markdown; links lead nowhere."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        from textual.widgets import Markdown

        self.add_class("-large")
        with Vertical(classes="dialog") as box:
            box.border_title = _title(self._title)
            with Scroll():
                yield Markdown(shown_block(self._text)[:LONGEST_MARKDOWN], open_links=False)

    def on_mount(self) -> None:
        self.query_one(Scroll).focus()


def _title(text: str) -> str:
    """`text` safe in a place where Textual reads markup."""
    return shown(text).replace("[", "\\[")
