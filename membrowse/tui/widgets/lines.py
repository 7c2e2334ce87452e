"""Lines of parts as Textual content, and widgets that show one line, several lines, or a notice."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.style import Style
from textual.widget import Widget

from membrowse.presentation.lines import Line, Part, first_lines, hanging
from membrowse.tui.keymap import Keymap
from membrowse.tui.styles import ANSI_STYLES, STYLES

if TYPE_CHECKING:
    from membrowse.tui.app import MembrowseApp

PRESS = "press"
"""Key of a clickable text's action in its style. (Textual's own key would restyle the text.)"""


def keymap_of(widget: Widget) -> Keymap:
    """Which keys run which action."""
    return cast("MembrowseApp", widget.app).keymap


class Clickable(Widget):
    """A widget whose parts can be clicked."""

    async def on_click(self, event: events.Click) -> None:
        action = event.style.meta.get(PRESS)
        if action:
            event.stop()
            await self.run_action(action)


def style_of(widget: Widget, name: str) -> Style:
    """The style of that name in the current theme."""
    app = widget.app
    styles = ANSI_STYLES if app.native_ansi_color else STYLES
    return app.stylesheet.parse_style(styles[name])


def content(widget: Widget, line: Line) -> Content:
    """`line` as content with clickable actions; markup in it is plain text."""
    parts: list[tuple[str, Style]] = []
    for text, name, action in line:
        style = style_of(widget, name)
        if action:
            style += Style.from_meta({PRESS: action})
        parts.append((text, style))
    return Content.assemble(*parts)


class OneLine(Clickable):
    """A widget that shows one line, made for its width."""

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


class LineBlock(Clickable):
    """Lines of parts, as many as there are."""

    DEFAULT_CSS = "LineBlock { width: 1fr; height: auto; }"

    def __init__(self, lines: list[Line]) -> None:
        super().__init__()
        self._lines = lines

    def show(self, lines: list[Line]) -> None:
        """Show these lines."""
        self._lines = lines
        self.refresh(layout=True)

    def render(self) -> Content:
        return Content("\n").join([content(self, line) for line in self._lines])


class Notice(Widget):
    """A warning above a text, wrapped; hidden if there is none."""

    ALLOW_SELECT = False
    MOST = 3
    """Lines of it that are shown, unless it is shown whole."""
    DEFAULT_CSS = "Notice { height: auto; padding: 0 1 0 3; }"

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[Line] = []
        self._whole = False

    def show(self, text: str, *, whole: bool = False) -> None:
        """Show `text`; an empty one hides the notice."""
        self.show_lines([[Part("! ", "warn"), Part(text, "dim")]] if text else [], whole=whole)

    def show_lines(self, lines: list[Line], *, whole: bool = False) -> None:
        """Show lines that begin with a sign each; none hides the notice."""
        self.display = bool(lines)
        if (lines, whole) != (self._lines, self._whole):
            self._lines, self._whole = lines, whole
            self.refresh(layout=True)

    def _wrapped(self, width: int) -> list[Line]:
        rows = [row for sign, *text in self._lines for row in hanging([sign], text, width)]
        return rows if self._whole else first_lines(rows, self.MOST, width)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._wrapped(width))

    def render(self) -> Content:
        lines = self._wrapped(self.content_size.width)
        return Content("\n").join([content(self, line) for line in lines])
