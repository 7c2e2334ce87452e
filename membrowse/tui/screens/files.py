"""The files of the folder, indexed or not, with state and reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from membrowse.presentation.lines import Line, Part, fit, hanging, spread
from membrowse.presentation.progress import progress_line
from membrowse.text import shown
from membrowse.tui.actions import Need, Where, bindings
from membrowse.tui.messages import EditWanted, ReindexWanted, ReplyWanted
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.files_table import (
    ORDERS,
    TIMES,
    file_line,
    files_head,
    files_summary,
    full_account,
    reason,
    selected_files,
    without_ghosts,
)
from membrowse.tui.screens.engine_screen import Clock, FilteredScreen
from membrowse.tui.widgets.bars import TableHead
from membrowse.tui.widgets.line_list import ItemList, LineList
from membrowse.tui.widgets.lines import LineBlock, OneLine
from membrowse.wire.notes import FileRecord, FilesRequest

REASON_LINES = 2
"""Lines under the list for a reason that its column clips."""


class FilesSummary(OneLine):
    """The number of files in each state and the sort order; or the progress of indexing."""

    def __init__(self) -> None:
        super().__init__(id="files-summary")
        self._counts: Line = []
        self._order = ""
        self._progress: Line = []

    def show(self, counts: Line, order: str, progress: Line) -> None:
        """Show these; progress, if any, hides the counts."""
        self._counts, self._order, self._progress = counts, order, progress
        self.refresh()

    def line(self, width: int) -> Line:
        if self._progress:
            return fit([Part("  "), *self._progress], width)
        return spread([Part("  "), *self._counts], [Part(f"by {self._order} ", "dim")], width)


class FilesList(ItemList[FileRecord]):
    """One line per file."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(lambda record: record.path, id="files-list")
        self._clock = clock
        self.roots: Mapping[str, str] = {}
        """Those of a collection, see `clip_path`."""

    def row_line(self, row: int, line: int, width: int) -> Line:
        return file_line(self.items[row], self._clock(), width, self.roots)


class FilesScreen(FilteredScreen):
    """Filters and sorts the files, shows reasons in full, and indexes files."""

    PLACES = (Where.FILES,)
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Where.FILES),
        Binding("tab,shift+tab", "other", show=False, id="files.other"),
    ]

    def __init__(self, clock: Clock, engine: EngineView) -> None:
        super().__init__(clock, engine)
        self._records: list[FileRecord] | None = None
        self._order = next(iter(ORDERS))
        self.filter = Input(placeholder="filter by path, state or reason", id="files-filter")
        self.list: FilesList = FilesList(clock)
        self._summary = FilesSummary()
        self._reason = LineBlock([])
        self._reason.id = "files-reason"

    def compose(self) -> ComposeResult:
        yield self.header
        with Horizontal(id="query-line"):
            yield self.filter
        yield self._summary
        yield TableHead(files_head)
        yield self.list
        yield self._reason
        yield self.status
        yield self.keys

    def on_mount(self) -> None:
        self.filter.cursor_blink = False
        self.list.focus()
        self._ask()

    def _ask(self) -> None:
        self.app.post_message(ReplyWanted("files", FilesRequest(), self._take))

    def _take(self, records: Sequence[FileRecord]) -> None:
        if self.is_attached:
            self._records = without_ghosts(self.engine.roots, records)
            self._show()

    def engine_changed(self, before: EngineView) -> None:
        self._show()
        if self.engine.state is not before.state and self.engine.connected:
            self._ask()

    def _show(self) -> None:
        records = selected_files(self._records or (), self.filter.value, self._order)
        self.list.message = self._why_none()
        self.list.roots = self.engine.root_beginnings
        self.list.show_items(records)
        state = self.engine.state
        progress = state.progress if state else None
        self._summary.show(
            files_summary(self._records or ()),
            self._order,
            progress_line(progress, self.size.width - 2) if progress else [],
        )
        self._show_reason()
        self.show_keys()

    def _why_none(self) -> str:
        """Why no file is listed, if none is."""
        if self._records is None:
            return "Waiting for the engine…"
        if self._records:
            return f"No file has these words; {self.keymap.key('files.filter')} changes the filter."
        if self.engine.state is not None and self.engine.state.problem:
            return f"✗ {shown(self.engine.state.problem)}"
        return "The store has no records." if self.engine.store else "This folder is empty."

    def _show_reason(self) -> None:
        """Show the whole reason of the file under the cursor where its column is narrow."""
        width = self.size.width
        self._reason.display = width < TIMES
        text = reason(self.list.item) if self.list.item else ""
        self._reason.show(hanging([Part("   ")], [Part(text)], width - 2)[:REASON_LINES])

    def on_resize(self) -> None:
        self._show_reason()

    def key_places(self) -> tuple[Where, ...]:
        return () if self.filter.has_focus else self.PLACES

    def on_descendant_focus(self) -> None:
        self.show_keys()

    def met_needs(self) -> set[Need]:
        return {Need.FILE} if self.list.item else set()

    def on_input_changed(self) -> None:
        self._show()

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        self.list.put_cursor(message.row)
        self._show_reason()
        self.show_keys()

    def on_line_list_chosen(self) -> None:
        self.action_read_file()

    def action_sort(self) -> None:
        names = list(ORDERS)
        self._order = names[(names.index(self._order) + 1) % len(names)]
        self._show()

    def action_read_file(self) -> None:
        from membrowse.tui.screens.reader import TextScreen

        record = self.list.item
        if record is not None:
            self.app.push_screen(TextScreen("File", full_account(record, self.clock())))

    def action_edit_file(self) -> None:
        if self.list.item is not None:
            self.app.post_message(EditWanted(self.list.item.path))

    def action_reindex_file(self) -> None:
        if self.list.item is not None:
            self.app.post_message(ReindexWanted((self.list.item.path,)))
