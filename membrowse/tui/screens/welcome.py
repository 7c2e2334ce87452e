"""The dialog that opens a folder: the demo memory, a recent folder, or any other."""

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

from membrowse.presentation.lines import Line, Part
from membrowse.text import shown
from membrowse.tui.model.engine_view import folder_title
from membrowse.tui.model.folder_path import complete, problem
from membrowse.tui.screens.dialog import Dialog
from membrowse.tui.widgets.lines import LineBlock


class DirectorySuggester(Suggester):
    """Completes directories; reads the disk off the event loop."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(complete, value)


class WelcomeScreen(Dialog[Path]):
    """Asks for the folder to open; cannot be closed if it is the `first` screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", show=False, id="welcome.complete", priority=True),
        Binding("down", "move(1)", show=False, id="welcome.down", priority=True),
        Binding("up", "move(-1)", show=False, id="welcome.up", priority=True),
        Binding("ctrl+q", "app.quit", show=False, id="welcome.quit"),
        Binding("ctrl+d", "demo", show=False, id="welcome.demo", priority=True),
    ]

    def __init__(
        self, *, folders: Sequence[str], demo: Callable[[], Path] | None, first: bool
    ) -> None:
        super().__init__()
        self._folders = [Path(name) for name in folders]
        self._demo = demo
        self._first = first

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = "membrowse"
            yield LineBlock(self._greeting())
            yield Input(placeholder="~/agents/memory", suggester=DirectorySuggester())
            yield Static("", id="welcome-problem", markup=False)
            yield OptionList(*self._options(), id="welcome-folders")
            yield LineBlock(self._keys())

    def _greeting(self) -> list[Line]:
        if not self._first:
            return [[Part("Open a folder of notes.", "strong")]]
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

    def _options(self) -> list[Option]:
        options = []
        if self._demo is not None:
            options.append(Option(Content("The demo memory: months of a small project"), id="demo"))
        options += [
            Option(Content(folder_title(folder)), id=f"folder-{at}")
            for at, folder in enumerate(self._folders)
        ]
        return options

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False
        options = self.query_one(OptionList)
        options.can_focus = False
        options.display = bool(options.option_count)
        if options.option_count:
            options.highlighted = 0

    def _say(self, text: str) -> None:
        self.query_one("#welcome-problem", Static).update(
            Content(f"✗ {shown(text)}" if text else "")
        )

    def on_input_changed(self, event: Input.Changed) -> None:
        self._say("")
        self.query_one(OptionList).set_class(bool(event.value), "-aside")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if not event.value.strip():
            self.action_choose()
        elif wrong := problem(event.value):
            self._say(wrong)
        else:
            self.dismiss(Path(event.value.strip()).expanduser().absolute())

    def action_complete(self) -> None:
        field = self.query_one(Input)
        completed = complete(field.value)
        if completed:
            field.value = completed
            field.cursor_position = len(completed)

    def action_move(self, by: int) -> None:
        options = self.query_one(OptionList)
        (options.action_cursor_down if by > 0 else options.action_cursor_up)()

    def action_choose(self) -> None:
        at = self.query_one(OptionList).highlighted
        if at is not None:
            self._choose(self.query_one(OptionList).get_option_at_index(at).id or "")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._choose(event.option.id or "")

    def _choose(self, name: str) -> None:
        if name == "demo":
            self.action_demo()
        elif name.startswith("folder-"):
            folder = self._folders[int(name.removeprefix("folder-"))]
            wrong = problem(str(folder))
            if wrong:
                self._say(wrong)
            else:
                self.dismiss(folder)

    def action_demo(self) -> None:
        if self._demo is None:
            return
        try:
            self.dismiss(self._demo())
        except OSError as error:
            self._say(f"cannot copy the demo memory: {error}")

    def action_close(self) -> None:
        if not self._first:
            self.dismiss(None)
