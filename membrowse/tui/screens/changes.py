"""What changed in a note since it was indexed."""

from __future__ import annotations

from collections.abc import Sequence

from textual.widget import Widget

from membrowse.presentation.lines import Part
from membrowse.text import shown
from membrowse.tui.screens.reader import TextScreen
from membrowse.tui.widgets.lines import LineBlock

_STYLES = {"+": "good", "-": "bad", "@": "accent"}


class ChangesScreen(TextScreen):
    """A unified diff from the indexed text to the file."""

    def __init__(self, path: str, diff: Sequence[str]) -> None:
        super().__init__(f"{path}: - indexed, + file", "\n".join(diff))

    def body(self, text: str) -> Widget:
        lines = text.split("\n")
        return LineBlock([[Part(shown(line), _STYLES.get(line[:1], ""))] for line in lines])
