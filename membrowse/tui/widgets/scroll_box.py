"""A box that scrolls with the keys of a list."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget


class ScrollBox(VerticalScroll):
    """Scrolls what it contains with the keys of a list."""

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
