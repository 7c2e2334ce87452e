"""Every file of the folder, indexed or not, with its state and the reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from membrowse.presentation.engine import progress_line
from membrowse.presentation.lines import Line, Part, fit, spread
from membrowse.tui.action_table import bindings, of
from membrowse.tui.actions import Need, Where
from membrowse.tui.messages import EditWanted, FilesWanted, ReindexWanted
from membrowse.tui.model.cut import Layout
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.files_table import (
    ORDERS,
    file_line,
    full_account,
    head_line,
    selected,
    summary,
)
from membrowse.tui.screens.engine_screen import Clock, EngineScreen
from membrowse.tui.widgets.bars import HeaderLine, KeyBar, StatusLine, TableHead
from membrowse.tui.widgets.line_list import LineList
from membrowse.tui.widgets.painting import OneLine
from membrowse.wire.notes import FileRecord

if TYPE_CHECKING:
    from membrowse.client.remembered import Remembered


class FilesSummary(OneLine):
    """How many files are in which state, and their order; or how far indexing is."""

    def __init__(self) -> None:
        super().__init__(id="files-summary")
        self._screen_line: tuple[Line, str] = ([], "")
        self._progress: Line = []

    def show(self, line: Line, order: str, progress: Line) -> None:
        """Take what there is to say."""
        self._screen_line, self._progress = (line, order), progress
        self.refresh()

    def line(self, width: int) -> Line:
        line, order = self._screen_line
        if self._progress:
            return fit([Part("  "), *self._progress], width)
        return spread([Part("  "), *line], [Part(f"by {order} ", "dim")], width)


class FilesList(LineList):
    """One line a file."""

    def __init__(self) -> None:
        super().__init__(id="files-list")
        self.records: Sequence[FileRecord] = ()
        self.at = 0
        self.now = datetime.now().astimezone()
        self.message = ""

    @property
    def cursor_row(self) -> int | None:
        return self.at if self.records else None

    @property
    def record(self) -> FileRecord | None:
        """The file under the cursor."""
        return self.records[self.at] if self.at < len(self.records) else None

    def show(self, records: Sequence[FileRecord], now: datetime) -> None:
        """Take the files; the cursor stays on its file."""
        path = self.record.path if self.record else ""
        self.records, self.now = records, now
        places = (at for at, record in enumerate(records) if record.path == path)
        self.at = next(places, min(self.at, max(0, len(records) - 1)))
        self.set_layout(Layout(len(records), 1))

    def row_line(self, row: int, line: int, width: int) -> Line:
        return file_line(self.records[row], self.now, width)

    def empty_line(self, y: int, width: int) -> Line:
        return fit([Part(f"   {self.message}" if y == 1 else "", "dim")], width)


class FilesScreen(EngineScreen):
    """Filter, order, reasons in full, and indexing from here."""

    PLACES = (Where.FILES,)
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Where.FILES),
        Binding("tab,shift+tab", "other", show=False, id="files.other"),
    ]

    def __init__(self, clock: Clock, remembered: Remembered, engine: EngineView) -> None:
        super().__init__(clock, remembered)
        self.engine = engine
        self._records: list[FileRecord] | None = None
        self._order = next(iter(ORDERS))
        self.header = HeaderLine()
        self.filter = Input(placeholder="filter by path, state or reason", id="files-filter")
        self.list = FilesList()
        self._summary = FilesSummary()
        self.status = StatusLine()
        self.keys = KeyBar()

    def compose(self) -> ComposeResult:
        yield self.header
        with Horizontal(id="query-line"):
            yield self.filter
        yield self._summary
        yield TableHead(head_line)
        yield self.list
        yield self.status
        yield self.keys

    def on_mount(self) -> None:
        self.ready = True
        self.filter.cursor_blink = False
        self.list.focus()
        self.show_engine(self.engine)
        self.post_message(FilesWanted())

    def show_engine(self, view: EngineView) -> None:
        before, self.engine = self.engine, view
        if not self.ready:
            return
        self.header.show(view)
        self.status.show(view, self.clock())
        self._show()
        if view.state is not before.state and view.connected:
            self.post_message(FilesWanted())

    def show_files(self, records: Sequence[FileRecord]) -> None:
        self._records = list(records)
        self._show()

    def _show(self) -> None:
        records = selected(self._records or (), self.filter.value, self._order)
        self.list.message = (
            "Waiting for the engine…"
            if self._records is None
            else "No file has these words; / changes them."
            if self._records
            else "This folder is empty."
        )
        self.list.show(records, self.clock())
        state = self.engine.state
        progress = state.progress if state else None
        self._summary.show(
            summary(self._records or ()),
            self._order,
            progress_line(progress, self.size.width - 2) if progress else [],
        )
        self._show_keys()

    def _show_keys(self) -> None:
        self.keys.show(of(Where.FILES, Where.APP), lambda action: bool(self.refused(action)))

    def possessions(self) -> set[Need]:
        return {Need.FILE} if self.list.record else set()

    def on_input_changed(self) -> None:
        self._show()

    def on_input_submitted(self) -> None:
        self.list.focus()

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        self.list.at = message.row
        self.list.show_cursor()
        self.list.show_row(message.row)
        self._show_keys()

    def on_line_list_chosen(self) -> None:
        self.action_read_file()

    def action_focus_filter(self) -> None:
        self.filter.focus()

    def action_other(self) -> None:
        (self.list if self.filter.has_focus else self.filter).focus()

    def action_sort(self) -> None:
        names = list(ORDERS)
        self._order = names[(names.index(self._order) + 1) % len(names)]
        self._show()

    def action_read_file(self) -> None:
        from membrowse.tui.screens.reading import TextScreen

        record = self.list.record
        if record is not None:
            self.app.push_screen(TextScreen("File", full_account(record, self.clock())))

    def action_edit_file(self) -> None:
        if self.list.record is not None:
            self.post_message(EditWanted(self.list.record.path))

    def action_reindex_file(self) -> None:
        if self.list.record is not None:
            self.post_message(ReindexWanted((self.list.record.path,)))

    def action_close(self) -> None:
        if self.filter.has_focus:
            self.list.focus()
        elif self.filter.value:
            self.filter.value = ""
        else:
            self.dismiss(None)
