"""The lines at the top and the bottom of a screen: header, trouble, table head, status, keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from membrowse.presentation.lines import Line, Part, cells, fit
from membrowse.tui.actions import Action, key_name
from membrowse.tui.model.engine_view import EngineView, header_line, status_line
from membrowse.tui.widgets.line_list import row_cells
from membrowse.tui.widgets.lines import Notice, OneLine, keymap_of


class HeaderLine(OneLine):
    """The folder and the size of its index."""

    def __init__(self) -> None:
        super().__init__(id="header")
        self._view = EngineView()

    def line(self, width: int) -> Line:
        return header_line(self._view, width, keymap_of(self).key)

    def show(self, view: EngineView) -> None:
        """Show this view."""
        self._view = view
        self.refresh()


class TableHead(OneLine):
    """The names of a table's columns, in the cells that the rows of a list have."""

    def __init__(self, head_line: Callable[[int], Line]) -> None:
        super().__init__(classes="column-head")
        self._head_line = head_line

    def line(self, width: int) -> Line:
        return [Part("  "), *self._head_line(row_cells(width))]


class Trouble(Notice):
    """Problems that affect everything, on up to three lines; hidden if there are none."""

    DEFAULT_CSS = "Trouble { padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self.id = "trouble"


class StatusLine(OneLine):
    """Watcher, pending counts, models, pins and last change; or the state of the connection."""

    def __init__(self) -> None:
        super().__init__(id="status")
        self._view = EngineView()
        self._now = datetime.now().astimezone()

    def line(self, width: int) -> Line:
        return status_line(self._view, self._now, width, keymap_of(self).key)

    def show(self, view: EngineView, now: datetime) -> None:
        """Show this view."""
        self._view, self._now = view, now
        self.refresh()


class KeyBar(OneLine):
    """The keys that act where the focus is, most useful first; each can be clicked."""

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._actions: tuple[Action, ...] = ()
        self._refused: Callable[[Action], bool] = lambda action: False

    def show(self, actions: tuple[Action, ...], refused: Callable[[Action], bool]) -> None:
        """Show these actions, dimmed if they cannot run now."""
        self._actions = tuple(sorted((a for a in actions if a.bar), key=lambda a: a.bar))
        self._refused = refused
        self.refresh()

    def line(self, width: int) -> Line:
        shown = list(self._actions)
        while len(shown) > 2 and cells(self._line(shown)) > width:
            shown.pop(-2)
        return fit(self._line(shown), width)

    def _line(self, actions: list[Action]) -> Line:
        line = [Part(" ")]
        for action in actions:
            off = self._refused(action)
            call = f"app.press('{action.first_key}')"
            line.append(Part(key_name(action.first_key), "faint" if off else "key", call))
            line.append(Part(f" {action.label}", "faint" if off else "dim", call))
            line.append(Part("  "))
        return line[:-1]
