"""A text input that shows whatever is typed or pasted and interprets none of it."""

from __future__ import annotations

from rich.cells import cell_len
from rich.highlighter import Highlighter
from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input

from membrowse.presentation.lines import ELLIPSIS
from membrowse.text import shown

LONGEST = 8000
"""Characters of the text, at most."""


class _Shown(Highlighter):
    """Makes typed text safe to show: as many code points, none of them a control character."""

    def __call__(self, text: str | Text) -> Text:
        plain = text.plain if isinstance(text, Text) else text
        return Text(shown(plain), no_wrap=True, overflow="ignore", end="")

    def highlight(self, text: Text) -> None:
        """Colour nothing."""


def pasted(event: events.Paste) -> str:
    """The pasted text on one line."""
    return " ".join(event.text.split())[:LONGEST]


class PlainInput(Input):
    """A one-line input; pasted lines are joined by spaces."""

    def __init__(self, placeholder: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(
            placeholder=placeholder,
            highlighter=_Shown(),
            select_on_focus=False,
            max_length=LONGEST,
            id=id,
            compact=True,
        )
        self.cursor_blink = False

    class Replaced(Message):
        """The whole text was replaced."""

    def replace(self, text: str, start: int, end: int) -> None:
        whole = bool(self.value) and {start, end} == {0, len(self.value)}
        super().replace(text, start, end)
        if whole:
            self.post_message(self.Replaced())

    def on_blur(self) -> None:
        """Show the beginning of the text."""
        self.cursor_position = 0

    def render_line(self, y: int) -> Strip:
        """The line; while the text is not edited, an ellipsis says that there is more of it."""
        line = super().render_line(y)
        width = self.scrollable_content_region.width
        if self.has_focus or cell_len(shown(self.value)) <= width:
            return line
        more = line.crop(width - 1, width)
        style = next((segment.style for segment in more), None)
        return Strip.join([line.crop(0, width - 1), Strip([Segment(ELLIPSIS, style)])])

    def _on_paste(self, event: events.Paste) -> None:
        if text := pasted(event):
            self.replace(text, *sorted(self.selection))
        event.stop()
        event.prevent_default()
