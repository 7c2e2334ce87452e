"""The dialog that opens a folder, a store, a collection, an agent's memory or the demo memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import Worker

from membrowse.presentation.lines import Line, Part
from membrowse.settings import SettingsError
from membrowse.stores.address import is_address
from membrowse.text import shown
from membrowse.tui.model.folder_path import complete, problem
from membrowse.tui.model.openable import (
    Openable,
    OpenableKind,
    found_openables,
    is_place,
    openable_line,
    openables,
    state_of,
    typed_folder,
    typed_store,
)
from membrowse.tui.screens.dialog import OptionsDialog
from membrowse.tui.widgets.lines import LineBlock, content

WIDTH = 70
"""Cells of the list before it is laid out."""


class DirectorySuggester(Suggester):
    """Completes directories; reads the disk off the event loop."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(complete, value)


class WelcomeScreen(OptionsDialog[Openable]):
    """Asks what to open; cannot be closed if it is the `first` screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", show=False, id="welcome.complete", priority=True),
        Binding("down", "move(1)", show=False, id="welcome.down", priority=True),
        Binding("up", "move(-1)", show=False, id="welcome.up", priority=True),
        Binding("ctrl+q", "app.quit", show=False, id="welcome.quit"),
        Binding("ctrl+d", "demo", show=False, id="welcome.demo", priority=True),
    ]

    def __init__(
        self,
        *,
        folders: Sequence[str],
        current: Path | None,
        demo: Callable[[], Path] | None,
        first: bool,
    ) -> None:
        super().__init__()
        self._all = openables(folders, current, demo=demo is not None)
        self._found: list[Openable] = []
        self._states: dict[tuple[OpenableKind, str], str] = {}
        self._demo = demo
        self._first = first

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = "membrowse" if self._first else "Open"
            yield LineBlock(self._greeting())
            yield Input(placeholder="~/agents/memory", suggester=DirectorySuggester())
            yield Static("", id="welcome-problem", markup=False)
            yield OptionList(id="welcome-folders")
            yield LineBlock(self._keys())

    def _greeting(self) -> list[Line]:
        if not self._first:
            return [[Part("Open a folder, a store, a collection or an agent's memory.", "strong")]]
        return [
            [Part("See what an agent's memory search finds, and why.", "strong")],
            [],
            [Part("Open the agent's folder of markdown notes, or explore the demo memory.")],
        ]

    def _keys(self) -> list[Line]:
        keys = (("enter", "open"), ("tab", "complete"), ("↑↓", "choose"))
        line: Line = []
        for key, what in keys:
            line += [Part(key, "key"), Part(f" {what}   ", "dim")]
        if self._demo is not None:
            line += [Part("ctrl+d", "key", "screen.demo"), Part(" demo   ", "dim", "screen.demo")]
        leave = ("ctrl+q", "quit") if self._first else ("esc", "back")
        return [[], [*line, Part(leave[0], "key"), Part(f" {leave[1]}", "dim")]]

    def _show(self) -> None:
        """List what can be opened and is like the typed text."""
        typed = self.query_one(Input).value.strip()
        self._found = self._all if is_place(typed) else found_openables(self._all, typed)
        options = self.query_one(OptionList)
        options.clear_options()
        width = options.size.width or WIDTH
        options.add_options(
            [
                Option(content(self, openable_line(each, self._states.get(each.key, ""), width)))
                for each in self._found
            ]
        )
        options.display = bool(self._found)
        options.highlighted = 0 if self._found else None

    async def _look(self) -> None:
        """Find out the states, off the event loop: a disk may be slow."""
        for each in self._all:
            self._states[each.key] = await asyncio.to_thread(state_of, each)
        self._show()

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False
        self.query_one(OptionList).can_focus = False
        self._show()
        _: Worker[None] = self.run_worker(self._look, group="welcome", exclusive=True)

    def _say(self, text: str) -> None:
        self.query_one("#welcome-problem", Static).update(
            Content(f"✗ {shown(text)}" if text else "")
        )

    def on_input_changed(self, event: Input.Changed) -> None:
        self._say("")
        self.query_one(OptionList).set_class(is_place(event.value), "-aside")
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        typed = event.value.strip()
        if self._found and not is_place(typed):
            self.action_choose()
        elif is_address(typed):
            self._open_store(typed)
        elif wrong := problem(typed):
            self._say(wrong)
        else:
            self.dismiss(typed_folder(Path(typed).expanduser().absolute()))

    def _open_store(self, address: str) -> None:
        try:
            self.dismiss(typed_store(address))
        except (SettingsError, OSError) as error:
            self._say(str(error))

    def action_complete(self) -> None:
        field = self.query_one(Input)
        completed = complete(field.value)
        if completed:
            field.value = completed
            field.cursor_position = len(completed)

    def action_choose(self) -> None:
        at = self.query_one(OptionList).highlighted
        if at is not None and at < len(self._found):
            self._choose(self._found[at])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._choose(self._found[event.option_index])

    def _choose(self, chosen: Openable) -> None:
        if chosen.kind is OpenableKind.DEMO:
            self.action_demo()
            return
        try:
            folder = chosen.prepared()
        except (SettingsError, OSError) as error:
            self._say(str(error))
            return
        wrong = problem(str(folder))
        if wrong:
            self._say(wrong)
        else:
            self.dismiss(chosen)

    def action_demo(self) -> None:
        if self._demo is None:
            return
        try:
            self.dismiss(typed_folder(self._demo()))
        except OSError as error:
            self._say(f"cannot copy the demo memory: {error}")

    def action_close(self) -> None:
        if not self._first:
            self.dismiss(None)
