"""Painting lines of parts: as strips for the Line API, as content for single lines."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from membrowse.presentation.lines import Line
from membrowse.tui.styles import ANSI_STYLES, STYLES

PRESS = "press"
"""The key under which clickable text carries its action. (Textual's own would restyle it.)"""


class Clickable(Widget):
    """A widget whose parts can be clicked."""

    async def on_click(self, event: events.Click) -> None:
        action = event.style.meta.get(PRESS)
        if action:
            event.stop()
            await self.run_action(action)


def style_of(widget: Widget, name: str) -> Style:
    """The style of that name in the theme of now."""
    app = widget.app
    styles = ANSI_STYLES if app.native_ansi_color else STYLES
    return app.stylesheet.parse_style(styles[name])


def content(widget: Widget, line: Line) -> Content:
    """`line` as content; its actions become clickable. No markup is read."""
    parts: list[tuple[str, Style]] = []
    for text, name, action in line:
        style = style_of(widget, name)
        if action:
            style += Style.from_meta({PRESS: action})
        parts.append((text, style))
    return Content.assemble(*parts)


class OneLine(Clickable):
    """A widget that shows a line or a few, made anew for the width that there is."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    OneLine {
        height: 1;
        width: 1fr;
        text-wrap: nowrap;
        text-overflow: clip;
    }
    """

    def line(self, width: int) -> Line:
        """The line to show in `width` cells."""
        raise NotImplementedError

    def render(self) -> Content:
        return content(self, self.line(self.content_size.width))
