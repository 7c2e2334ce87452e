"""The chunk under the cursor in its note."""

from __future__ import annotations

from functools import partial

from textual.app import ComposeResult
from textual.containers import Vertical

from membrowse.presentation.heat import HeatMap, heat_map
from membrowse.presentation.lines import Line, Part
from membrowse.tui.model.preview_lines import first_inside, head_line, preview_lines
from membrowse.tui.widgets.column import Notice
from membrowse.tui.widgets.painting import OneLine
from membrowse.tui.widgets.scrolled_lines import ScrolledLines
from membrowse.wire.explanation import Explanation
from membrowse.wire.notes import ChunkView, Freshness


class PreviewHead(OneLine):
    """Where the chunk is, and whether its file is as indexed."""

    def __init__(self, preview: Preview) -> None:
        super().__init__(classes="column-head")
        self._preview = preview

    def line(self, width: int) -> Line:
        preview = self._preview
        active = preview.text.has_focus
        return head_line(
            preview.view, preview.freshness, width, active=active, heated=preview.heating
        )


class PreviewText(ScrolledLines):
    """The lines, wrapped to the width; moving scrolls them."""

    def __init__(self) -> None:
        super().__init__(id="preview-text", message="The chunk under the cursor is shown here.")
        self._view: ChunkView | None = None

    def show_chunk(self, view: ChunkView | None, heat: HeatMap | None) -> None:
        """Show another chunk, from its first line with two lines before it; or another heat."""
        other = view is None or self._view is None or view.chunk != self._view.chunk
        self._view = view
        self.show(partial(_lines, view, heat) if view else None)
        if other and view is not None:
            self._to_chunk()

    def _to_chunk(self) -> None:
        top = max(0, first_inside(self.lines) - 2)
        self.scroll_to(y=top, animate=False, force=True, immediate=True)

    def on_resize(self) -> None:
        if self.remake():
            self._to_chunk()


def _lines(view: ChunkView, heat: HeatMap | None, width: int) -> list[Line]:
    return [[Part(" "), *line] for line in preview_lines(view, width - 1, heat)]


class Preview(Vertical):
    """Head, warnings and text."""

    def __init__(self) -> None:
        super().__init__(id="preview", classes="column")
        self.view: ChunkView | None = None
        self.freshness: Freshness | None = None
        self.explanation: Explanation | None = None
        self.heating = False
        """Whether the heat of the chunk is to be drawn, once it is known."""
        self.text = PreviewText()
        self._head = PreviewHead(self)
        self._notice = Notice()

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._notice
        yield self.text

    def on_mount(self) -> None:
        self._notice.show("")

    def show(self, view: ChunkView | None) -> None:
        """Show a chunk, or none."""
        self.view, self.freshness = view, None
        self._show_text()
        self._notice.show(" ".join(view.warnings) if view else "")
        self.refresh_head()

    def show_heat(self, explanation: Explanation | None, *, heating: bool) -> None:
        """Draw the heat of an explanation; `heating` keeps its gutter while none is known."""
        if (explanation, heating) != (self.explanation, self.heating):
            self.explanation, self.heating = explanation, heating
            self._show_text()
            self.refresh_head()

    def _show_text(self) -> None:
        heat = heat_map(self.view, self.explanation) if self.heating else None
        self.text.show_chunk(self.view, heat)

    def show_freshness(self, freshness: Freshness) -> None:
        """The file changed on disk since the chunk was fetched."""
        if freshness is not self.freshness:
            self.freshness = freshness
            self.refresh_head()

    def refresh_head(self) -> None:
        """Paint the head anew."""
        self.set_class(self.text.has_focus, "-active")
        self._head.refresh()
