"""Finding what was expected: every file of the folder, the chunk under the cursor, or a text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.worker import Worker

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, fit, spread
from membrowse.tui.messages import FilesWanted
from membrowse.tui.model.cut import Layout
from membrowse.tui.model.finding import (
    Entry,
    Found,
    Kind,
    Wanted,
    best_first,
    entries,
    entry_line,
    file_target,
    found,
    found_line,
    text_entry,
)
from membrowse.tui.model.fuzzy import lowered
from membrowse.tui.screens.dialog import Dialog
from membrowse.tui.widgets.line_list import LineList
from membrowse.tui.widgets.painting import OneLine
from membrowse.tui.widgets.plain_input import PlainInput
from membrowse.wire.notes import FileRecord
from membrowse.wire.search import Hit, Target

SLICE = 0.012
"""Seconds of looking through paths before keys are let in."""

_PLACEHOLDER = "type letters of a path, in order; path:line for a place"
_TEXT_PLACEHOLDER = "words that the chunk should hold"


@dataclass(frozen=True, slots=True)
class Picked:
    """What was chosen; no target: expect nothing, or (WHY) go on with the present one."""

    kind: Kind | None
    target: Target | None


class FinderList(LineList):
    """Entries, then files: one line each."""

    def __init__(self) -> None:
        super().__init__(id="finder-list")
        self.can_focus = False
        self.entries: Sequence[Entry] = ()
        self.files: Sequence[Found] = ()
        self.wanted = Wanted("")
        self.at = 0
        self.message = ""

    @property
    def cursor_row(self) -> int | None:
        return self.at if self.rows_layout.rows else None

    def show(self, offered: Sequence[Entry], files: Sequence[Found], wanted: Wanted) -> None:
        """Take other rows; the cursor goes to the first file, if letters are typed."""
        self.entries, self.files, self.wanted = offered, files, wanted
        self.at = len(offered) if wanted.text.strip() and files else 0
        self.set_layout(Layout(len(offered) + len(files), 1))
        self.show_row(0)

    def row_line(self, row: int, line: int, width: int) -> Line:
        if row < len(self.entries):
            return entry_line(self.entries[row], width)
        return found_line(self.files[row - len(self.entries)], self.wanted, width)

    def empty_line(self, y: int, width: int) -> Line:
        return fit([Part(f"   {self.message}" if y == 1 else "", "dim")], width)


class FinderFoot(OneLine):
    """How many files there are to choose from, and the keys."""

    def __init__(self) -> None:
        super().__init__(classes="finder-foot")
        self._told = ""

    def show(self, told: str) -> None:
        """Take what there is to say of the files."""
        self._told = told
        self.refresh()

    def line(self, width: int) -> Line:
        keys = [Part("↑↓", "key"), Part(" move  ", "dim"), Part("enter", "key")]
        keys += [Part(" choose  ", "dim"), Part("esc", "key"), Part(" leave it", "dim")]
        return spread([Part(self._told, "dim")], keys, width)


class FinderScreen(Dialog[Picked]):
    """Answers with what was picked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "move(1)", show=False, id="finder.down", priority=True),
        Binding("up", "move(-1)", show=False, id="finder.up", priority=True),
        Binding("pagedown", "page(1)", show=False, id="finder.page_down", priority=True),
        Binding("pageup", "page(-1)", show=False, id="finder.page_up", priority=True),
    ]

    def __init__(self, target: Target | None, hit: Hit | None) -> None:
        super().__init__()
        self._offered = entries(target, hit)
        self._records: list[tuple[FileRecord, str]] | None = None
        self._matched = 0
        self._only_text = False
        self._picking = False
        self.input = PlainInput(_PLACEHOLDER, id="finder-input")
        self.list = FinderList()
        self._foot = FinderFoot()

    def compose(self) -> ComposeResult:
        self.add_class("-large")
        with Vertical(classes="dialog") as box:
            box.border_title = "What did you expect to find?"
            yield self.input
            yield self.list
            yield self._foot

    def on_mount(self) -> None:
        self.input.focus()
        self._narrow()
        self.post_message(FilesWanted())

    def show_files(self, records: Sequence[FileRecord]) -> None:
        """Take every file of the folder."""
        self._records = [(record, lowered(record.path)) for record in records]
        self._narrow()

    def on_input_changed(self) -> None:
        self._narrow()

    # Looking through the files, in slices

    def _narrow(self) -> None:
        _: Worker[None] = self.run_worker(self._look, group="finder", exclusive=True)

    async def _look(self) -> None:
        wanted = Wanted(self.input.value)
        words = wanted.words
        files: list[Found] = []
        began = time.perf_counter()
        for record, low in self._records or () if not self._only_text else ():
            if (one := found(record, low, words)) is not None:
                files.append(one)
            if time.perf_counter() - began > SLICE:
                await asyncio.sleep(0)
                began = time.perf_counter()
        if words:
            files = best_first(files)
        typed = bool(wanted.text.strip())
        offered = [text_entry(wanted.text)] if typed else [] if self._only_text else self._offered
        self.list.message = "Type words that the chunk should hold."
        self.list.show(offered, files, wanted)
        self._foot.show(self._told(len(files)))
        if self._picking:
            self.action_pick()

    def _told(self, count: int) -> str:
        if self._only_text:
            return "compared without regard to case and white space"
        if self._records is None:
            return "waiting for the files…"
        total = figures.counted(len(self._records), "file")
        return total if count == len(self._records) else f"{figures.number(count)} of {total}"

    # Choosing

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        self.list.at = message.row
        self.list.show_cursor()
        self.list.show_row(message.row)

    def on_line_list_chosen(self) -> None:
        self.action_pick()

    def on_input_submitted(self) -> None:
        self.action_pick()

    def action_move(self, by: int) -> None:
        (self.list.action_down if by > 0 else self.list.action_up)()

    def action_page(self, by: int) -> None:
        self.list.action_page(by)

    def action_pick(self) -> None:
        row, listed = self.list.at, self.list
        self._picking = listed.wanted.text != self.input.value
        if self._picking:  # the rows are still those of what was typed before
            return
        if row >= listed.rows_layout.rows:
            return
        if row >= len(listed.entries):
            record = listed.files[row - len(listed.entries)].record
            self.dismiss(Picked(None, file_target(record, listed.wanted)))
            return
        entry = listed.entries[row]
        if entry.kind is Kind.TEXT and entry.target is None:
            self._ask_for_text()
        else:
            self.dismiss(Picked(entry.kind, entry.target))

    def _ask_for_text(self) -> None:
        self._only_text = True
        self.input.placeholder = _TEXT_PLACEHOLDER
        self.query_one(".dialog").border_title = "A text that the chunk should hold"
        self._narrow()

    def action_close(self) -> None:
        if not self._only_text:
            self.dismiss(None)
            return
        self._only_text = False
        self.input.placeholder = _PLACEHOLDER
        self.query_one(".dialog").border_title = "What did you expect to find?"
        self.input.value = ""
        self._narrow()
