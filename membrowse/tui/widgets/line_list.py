"""A virtual list of rows with one cursor, painted line by line: the base of all lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from membrowse.presentation.lines import Line, Part, cells, clip, fit
from membrowse.tui.actions import Where, bindings
from membrowse.tui.model.list_layout import Divider, Layout
from membrowse.tui.widgets.lines import style_of

Item = TypeVar("Item")

SCROLLBAR = 1
"""Cells that every list keeps for its scrollbar."""
MARK = 2
"""Cells before a row for the cursor's mark."""


def row_cells(width: int) -> int:
    """Cells of a row in a list that is `width` cells wide."""
    return width - MARK - SCROLLBAR


CURSOR, LINKED = "line-list--cursor", "line-list--linked"


class LineList(ScrollView, can_focus=True):
    """Rows of one height, with dividers between them; makes only the lines in view.

    Subclasses say how many rows there are (`set_layout`), where the cursor is (`cursor_row`) and
    how a row looks (`row_line`). The owner of the list moves the cursor when `Moved` arrives.
    """

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.LIST)]
    COMPONENT_CLASSES: ClassVar[set[str]] = {CURSOR, LINKED}
    DEFAULT_CSS = """
    LineList {
        width: 1fr;
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size: 0 1;
        & > .line-list--cursor { background: $ground-linked; }
        & > .line-list--linked { background: $ground-linked; }
        &:focus > .line-list--cursor { background: $ground-cursor; }
        &:ansi > .line-list--cursor { background: ansi_default; }
        &:ansi > .line-list--linked { background: ansi_default; }
        &:ansi:focus > .line-list--cursor { background: ansi_default; }
    }
    """

    class Moved(Message):
        """The user moves the cursor to a row."""

        def __init__(self, sender: LineList, row: int) -> None:
            super().__init__()
            self.list = sender
            self.row = row

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LineList.Moved) and message.list is self.list

    class Chosen(Message):
        """The user pressed enter on a row, or double-clicked it."""

        def __init__(self, sender: LineList, row: int) -> None:
            super().__init__()
            self.list = sender
            self.row = row

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.rows_layout = Layout(0, 1)
        self.message = ""
        """Shown while there are no rows; safe to show, with line feeds."""
        self._painted: dict[tuple[int, int], Strip] = {}
        self._styles: dict[tuple[str, str], RichStyle] = {}
        self._marked: int | None = None
        self._bound_for: int | None = None
        """The row of a `Moved` that has not been handled yet."""

    # Rows

    @property
    def is_active(self) -> bool:
        """Whether the keys move this list's cursor."""
        return True

    @property
    def cursor_row(self) -> int | None:
        """The row with the cursor, if any."""
        return None

    def row_line(self, row: int, line: int, width: int) -> Line:
        """Line `line` of `row` in `width` cells, without the cursor's mark."""
        raise NotImplementedError

    def empty_line(self, y: int, width: int) -> Line:
        """Line `y` of a list without rows."""
        lines = ["", *self.message.split("\n")]
        return fit([Part(f"   {lines[y]}", "dim")], width) if y < len(lines) else []

    def mark(self, row: int, line: int) -> Part:
        """The two cells before a row's line."""
        if row != self.cursor_row:
            return Part("  ")
        return Part(("❯ " if self.is_active else "› ") if line == 0 else "  ", "accent")

    def ground(self, row: int) -> str:
        """The component class whose background a row has; empty for the list's own."""
        return CURSOR if row == self.cursor_row else ""

    # Layout and painting

    def set_layout(self, layout: Layout) -> None:
        """Change the number or the height of rows; the scroll stays within bounds."""
        self.rows_layout = layout
        size = Size(0, layout.lines)
        if size != self.virtual_size:
            self.virtual_size = size
        self.repaint()

    def repaint(self) -> None:
        """Repaint all rows."""
        self._painted.clear()
        self._marked, self._bound_for = self.cursor_row, None
        self.refresh()

    def notify_style_update(self) -> None:
        self._painted.clear()
        self._styles.clear()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        absolute = y + self.scroll_offset.y
        key = (absolute, width)
        painted = self._painted.get(key)
        if painted is None:
            if len(self._painted) > 2000:
                self._painted.clear()
            painted = self._painted[key] = self._paint(absolute, width)
        return painted

    def _paint(self, y: int, width: int) -> Strip:
        found = self.rows_layout.at(y)
        if found is None:
            return self._strip([] if self.rows_layout.rows else self.empty_line(y, width), width)
        if isinstance(found, Divider):
            return self._strip(divider_line(found, width), width)
        row, line_number = found
        line = [self.mark(row, line_number), *self.row_line(row, line_number, width - MARK)]
        return self._strip(line, width, self.ground(row))

    def _strip(self, line: Line, width: int, ground: str = "") -> Strip:
        if cells(line) != width:
            line = fit(line, width)
        segments = [Segment(text, self._style(ground, name)) for text, name, _ in line if text]
        return Strip(segments, width)

    def _style(self, ground: str, name: str) -> RichStyle:
        """A named style on a background, as a Rich style; cached until the theme changes."""
        style = self._styles.get((ground, name))
        if style is None:
            base = self.get_visual_style(ground) if ground else self.visual_style
            if ground == CURSOR and self.app.native_ansi_color:
                focus = self.has_focus
                style = base.rich_style + RichStyle(reverse=focus, underline=not focus)
            else:
                style = (base + style_of(self, name)).rich_style
            self._styles[ground, name] = style
        return style

    def show_cursor(self) -> None:
        """Repaint the row with the cursor, and the row that had it."""
        rows = {self._marked, self.cursor_row}
        self._bound_for = None
        self._marked = self.cursor_row
        for row in rows:
            if row is None or row >= self.rows_layout.rows:
                continue
            y = self.rows_layout.y(row)
            for line in range(y, y + self.rows_layout.height):
                for key in [key for key in self._painted if key[0] == line]:
                    del self._painted[key]
            self.refresh_lines(y, self.rows_layout.height)

    @property
    def steady_width(self) -> int:
        """Cells of a line, known before the layout is."""
        return self.outer_size.width - SCROLLBAR

    @property
    def page_rows(self) -> int:
        """Rows that fit into view."""
        return max(1, self.scrollable_content_region.height // self.rows_layout.height)

    @property
    def rows_in_view(self) -> tuple[int, int]:
        """First and last row at least partly in view (approximate near dividers)."""
        top = self.scroll_offset.y
        first = max(0, (top - len(self.rows_layout.dividers)) // self.rows_layout.height)
        return first, (top + self.scrollable_content_region.height) // self.rows_layout.height

    def in_view(self, row: int | None) -> bool:
        """Whether `row` is in view as a whole."""
        if row is None or not 0 <= row < self.rows_layout.rows:
            return False
        y = self.rows_layout.y(row) - self.scroll_offset.y
        height = self.scrollable_content_region.height
        return 0 <= y and y + self.rows_layout.height <= max(height, self.rows_layout.height)

    def show_row(self, row: int | None) -> None:
        """Scroll just far enough to have `row` in view."""
        if row is None or not 0 <= row < self.rows_layout.rows:
            return
        region = Region(0, self.rows_layout.y(row), 1, self.rows_layout.height)
        self.scroll_to_region(region, animate=False, force=True, immediate=True)

    # Moving

    def _move(self, row: int) -> None:
        if self.rows_layout.rows:
            self._bound_for = max(0, min(self.rows_layout.rows - 1, row))
            self.post_message(self.Moved(self, self._bound_for))

    def _move_by(self, by: int) -> None:
        at = self.cursor_row if self._bound_for is None else self._bound_for
        if at is None:
            self._move(self.rows_in_view[0])
        else:
            self._move(at + by)

    def action_down(self) -> None:
        self._move_by(1)

    def action_up(self) -> None:
        self._move_by(-1)

    def action_first(self) -> None:
        self._move(0)

    def action_last(self) -> None:
        self._move(self.rows_layout.rows - 1)

    def action_half(self, direction: int) -> None:
        self._move_by(direction * max(1, self.page_rows // 2))

    def action_page(self, direction: int) -> None:
        self._move_by(direction * max(1, self.page_rows - 1))

    def action_choose(self) -> None:
        if self.cursor_row is not None:
            self.post_message(self.Chosen(self, self.cursor_row))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        found = self.rows_layout.at(offset.y + self.scroll_offset.y)
        if found is None or isinstance(found, Divider):
            return
        self.post_message(self.Moved(self, found[0]))
        if event.chain == 2:
            self.post_message(self.Chosen(self, found[0]))

    def on_focus(self) -> None:
        self._changed_focus()

    def on_blur(self) -> None:
        self._changed_focus()

    def _changed_focus(self) -> None:
        self._styles.clear()
        self.show_cursor()


class ItemList(LineList, Generic[Item]):
    """One line per item; the cursor stays on its item, by `key`, when the items change."""

    def __init__(self, key: Callable[[Item], str], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.items: Sequence[Item] = ()
        self.at = 0
        """Index of the item under the cursor."""
        self._key = key

    @property
    def cursor_row(self) -> int | None:
        return self.at if self.items else None

    @property
    def item(self) -> Item | None:
        """The item under the cursor."""
        return self.items[self.at] if self.at < len(self.items) else None

    def show_items(self, items: Sequence[Item]) -> None:
        """Show these items."""
        key = None if self.item is None else self._key(self.item)
        self.items = items
        same = (at for at, item in enumerate(items) if self._key(item) == key)
        self.at = next(same, min(self.at, max(0, len(items) - 1)))
        self.set_layout(Layout(len(items), 1))

    def put_cursor(self, row: int) -> None:
        """Move the cursor to a row."""
        self.at = row
        self.show_cursor()
        self.show_row(row)


def divider_line(divider: Divider, width: int) -> Line:
    """`── label ─────`."""
    label = clip(f"── {divider.label}", width)
    rest = width - cell_len(label) - 1
    return [Part(f"{label} {'─' * rest}" if rest > 0 else label, "rule")]
