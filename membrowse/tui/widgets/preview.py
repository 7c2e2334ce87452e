"""The chunk under the cursor in its note."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from membrowse.engine.protocol import ChunkView
from membrowse.recall import Freshness
from membrowse.tui.model.cut import Layout
from membrowse.tui.model.parts import Line, Part, fit
from membrowse.tui.model.preview_lines import first_inside, head_line, preview_lines
from membrowse.tui.widgets.column import Notice
from membrowse.tui.widgets.line_list import LineList
from membrowse.tui.widgets.painting import OneLine


class PreviewHead(OneLine):
    """Where the chunk is, and whether its file is as indexed."""

    def __init__(self, preview: Preview) -> None:
        super().__init__(classes="column-head")
        self._preview = preview

    def line(self, width: int) -> Line:
        preview = self._preview
        active = preview.text.has_focus
        return head_line(preview.view, preview.freshness, width, active=active)


class PreviewText(LineList):
    """The lines, wrapped to the width; moving scrolls them."""

    def __init__(self) -> None:
        super().__init__(id="preview-text")
        self._view: ChunkView | None = None
        self._lines: list[Line] = []
        self._width = 0

    def show(self, view: ChunkView | None) -> None:
        """Show another chunk, from its first line with two lines before it."""
        other = view is None or self._view is None or view.chunk != self._view.chunk
        self._view, self._width = view, 0
        self._wrap()
        if other and view is not None:
            top = max(0, first_inside(view, self._lines) - 2)
            self.scroll_to(y=top, animate=False, force=True, immediate=True)

    def _wrap(self) -> None:
        width = self.scrollable_content_region.width - 1
        if width == self._width or width <= 0:
            return
        self._width = width
        self._lines = preview_lines(self._view, width) if self._view else []
        self.set_layout(Layout(len(self._lines), 1))

    def on_resize(self) -> None:
        self._wrap()

    def mark(self, row: int, line: int) -> Part:
        return Part("")

    def row_line(self, row: int, line: int, width: int) -> Line:
        return [Part(" "), *self._lines[row]] if row < len(self._lines) else []

    def empty_line(self, y: int, width: int) -> Line:
        return fit(
            [Part("   The chunk under the cursor is shown here." if y == 1 else "", "dim")], width
        )

    def _move_by(self, by: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + by, animate=False, force=True, immediate=True)

    def _move(self, row: int) -> None:
        self.scroll_to(y=row, animate=False, force=True, immediate=True)


class Preview(Vertical):
    """Head, warnings and text."""

    def __init__(self) -> None:
        super().__init__(id="preview", classes="column")
        self.view: ChunkView | None = None
        self.freshness: Freshness | None = None
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
        self.text.show(view)
        self._notice.show(" ".join(view.warnings) if view else "")
        self.refresh_head()

    def show_freshness(self, freshness: Freshness) -> None:
        """The file changed on disk since the chunk was fetched."""
        if freshness is not self.freshness:
            self.freshness = freshness
            self.refresh_head()

    def refresh_head(self) -> None:
        """Paint the head anew."""
        self.set_class(self.text.has_focus, "-active")
        self._head.refresh()
