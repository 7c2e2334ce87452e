"""The line under the query that shows which notes are ranked; hidden if all are."""

from __future__ import annotations

from membrowse.presentation.lines import Line, Part
from membrowse.tui.model.filter_choices import chip_line
from membrowse.tui.widgets.lines import OneLine, keymap_of
from membrowse.wire.search import NO_FILTERS, Filters


class FilterChips(OneLine):
    """One chip per filter."""

    def __init__(self) -> None:
        super().__init__(id="filters")
        self._filters = NO_FILTERS
        self.display = False

    def show(self, filters: Filters) -> None:
        """Show these filters."""
        self._filters = filters
        self.display = bool(filters)
        self.refresh()

    def line(self, width: int) -> Line:
        keymap = keymap_of(self)
        right = [
            Part(keymap.key("filter.add"), "key", "screen.filter"),
            Part(" filter  ", "dim", "screen.filter"),
            Part(keymap.key("filter.drop"), "key", "screen.drop_last_filter"),
            Part(" remove ", "dim", "screen.drop_last_filter"),
        ]
        return chip_line(self._filters, width, right)
