"""What is shown in place of the columns while there is nothing to rank."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.guide import guide_lines
from membrowse.tui.widgets.painting import Clickable, content


class Guide(Clickable):
    """Says how things stand and which key is next."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(id="guide")
        self._view = EngineView()
        self._recent: Sequence[str] = ()

    def show(self, view: EngineView, recent: Sequence[str]) -> None:
        """Take what is known now."""
        self._view, self._recent = view, recent
        self.refresh(layout=True)

    def render(self) -> Content:
        lines = guide_lines(self._view, self._recent, max(30, self.content_size.width))
        return Content("\n").join([content(self, line) for line in lines])
