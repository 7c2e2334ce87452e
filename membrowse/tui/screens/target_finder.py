"""The target finder: choose a file of the folder, the chunk under the cursor, or a text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.worker import Worker

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, spread
from membrowse.tui.messages import ReplyWanted
from membrowse.tui.model.fuzzy_match import lower_case
from membrowse.tui.model.list_layout import Layout
from membrowse.tui.model.target_choices import (
    Entry,
    FinderInput,
    FoundFile,
    Kind,
    best_first,
    entry_line,
    file_target,
    found_file,
    found_line,
    notes_first,
    offered_entries,
    text_entry,
)
from membrowse.tui.screens.picker import Picker, PickerList
from membrowse.tui.widgets.lines import OneLine
from membrowse.tui.widgets.plain_input import PlainInput
from membrowse.wire.notes import FileRecord, FilesRequest
from membrowse.wire.search import Hit, Target

SLICE = 0.012
"""Seconds of searching paths before other events are processed."""

_PLACEHOLDER = "letters of a path, in order; path:line for a line"
_TITLE = "What did you expect to find?"
_TEXT_PLACEHOLDER = "words that the chunk should contain"


@dataclass(frozen=True, slots=True)
class Picked:
    """The choice; without a target, nothing is expected."""

    target: Target | None


class FinderList(PickerList):
    """Entries, then files, one line each."""

    def __init__(self, roots: Mapping[str, str]) -> None:
        super().__init__()
        self._roots = roots
        self.entries: Sequence[Entry] = ()
        self.files: Sequence[FoundFile] = ()
        self.typed = FinderInput("")

    def show(
        self, offered: Sequence[Entry], files: Sequence[FoundFile], typed: FinderInput
    ) -> None:
        """Show these rows; the cursor goes to the first file if something is typed."""
        self.entries, self.files, self.typed = offered, files, typed
        self.at = len(offered) if typed.text.strip() and files else 0
        self.set_layout(Layout(len(offered) + len(files), 1))
        self.show_row(0)

    def row_line(self, row: int, line: int, width: int) -> Line:
        if row < len(self.entries):
            return entry_line(self.entries[row], width)
        return found_line(self.files[row - len(self.entries)], self.typed, width, self._roots)


class FinderFoot(OneLine):
    """The number of files to choose from, and the keys."""

    def __init__(self) -> None:
        super().__init__(classes="finder-foot")
        self._text = ""

    def show(self, text: str) -> None:
        """Show this text about the files."""
        self._text = text
        self.refresh()

    def line(self, width: int) -> Line:
        keys = [Part("↑↓", "key"), Part(" move  ", "dim"), Part("enter", "key")]
        keys += [Part(" choose  ", "dim"), Part("esc", "key"), Part(" cancel", "dim")]
        return spread([Part(self._text, "dim")], keys, width)


class TargetFinder(Picker[Picked]):
    """Asks for a target; looks through the files in slices, so that typing stays fluent."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "move(1)", show=False, id="finder.down", priority=True),
        Binding("up", "move(-1)", show=False, id="finder.up", priority=True),
        Binding("pagedown", "page(1)", show=False, id="finder.page_down", priority=True),
        Binding("pageup", "page(-1)", show=False, id="finder.page_up", priority=True),
    ]

    list: FinderList

    def __init__(
        self, target: Target | None, hit: Hit | None, roots: Mapping[str, str] | None = None
    ) -> None:
        """`roots` are those of a collection, see `clip_path`."""
        super().__init__()
        self._offered = offered_entries(target, hit)
        self._records: list[tuple[FileRecord, str]] | None = None
        self._only_text = False
        self._picking = False
        self.input = PlainInput(_PLACEHOLDER, id="finder-input")
        self.list = FinderList(roots or {})
        self._foot = FinderFoot()

    def compose(self) -> ComposeResult:
        self.add_class("-large")
        with Vertical(classes="dialog") as box:
            box.border_title = _TITLE
            yield self.input
            yield self.list
            yield self._foot

    def on_mount(self) -> None:
        self.input.focus()
        self._filter()
        self.app.post_message(ReplyWanted("files", FilesRequest(), self.show_files))

    def show_files(self, records: Sequence[FileRecord]) -> None:
        """Take every file of the folder."""
        if self.is_attached:
            self._records = [(record, lower_case(record.path)) for record in notes_first(records)]
            self._filter()

    def on_input_changed(self) -> None:
        self._filter()

    # Filtering

    def _filter(self) -> None:
        _: Worker[None] = self.run_worker(self._look, group="finder", exclusive=True)

    async def _look(self) -> None:
        typed = FinderInput(self.input.value)
        words = typed.words
        files: list[FoundFile] = []
        began = time.perf_counter()
        for record, low in self._records or () if not self._only_text else ():
            if (one := found_file(record, low, words)) is not None:
                files.append(one)
            if time.perf_counter() - began > SLICE:
                await asyncio.sleep(0)
                began = time.perf_counter()
        if words:
            files = best_first(files)
        offered = [] if self._only_text else self._offered
        if typed.text.strip():
            offered = [text_entry(typed.text)]
        self.list.message = "Type words that the chunk should contain."
        self.list.show(offered, files, typed)
        self._foot.show(self._count_text(len(files)))
        if self._picking:
            self.action_pick()

    def _count_text(self, count: int) -> str:
        if self._only_text:
            return "case and white space are ignored"
        if self._records is None:
            return "waiting for the files…"
        total = figures.counted(len(self._records), "file")
        return total if count == len(self._records) else f"{figures.number(count)} of {total}"

    # Choosing

    def action_pick(self) -> None:
        row, listed = self.list.at, self.list
        self._picking = listed.typed.text != self.input.value
        if self._picking:  # the rows are still those of an earlier text
            return
        if row >= listed.rows_layout.rows:
            return
        if row >= len(listed.entries):
            record = listed.files[row - len(listed.entries)].record
            self.dismiss(Picked(file_target(record, listed.typed)))
            return
        entry = listed.entries[row]
        if entry.kind is Kind.TEXT and entry.target is None:
            self._ask_for_text()
        else:
            self.dismiss(Picked(entry.target))

    def _ask_for_text(self) -> None:
        self._only_text = True
        self.input.placeholder = _TEXT_PLACEHOLDER
        self.query_one(".dialog").border_title = "A text that the chunk should contain"
        self._filter()

    def action_close(self) -> None:
        if not self._only_text:
            self.dismiss(None)
            return
        self._only_text = False
        self.input.placeholder = _PLACEHOLDER
        self.query_one(".dialog").border_title = _TITLE
        self.input.value = ""
        self._filter()
