"""The line under the query that always says where the target stands."""

from __future__ import annotations

from membrowse.presentation.lines import Line, Part
from membrowse.presentation.ranks import letters
from membrowse.presentation.target import target_line
from membrowse.tui.model.browsing import Browsing
from membrowse.tui.widgets.painting import OneLine


class TargetLine(OneLine):
    """Not there while there is no target."""

    def __init__(self, browsing: Browsing) -> None:
        super().__init__(id="target")
        self._browsing = browsing
        self.display = False

    def show(self) -> None:
        """The target, or where it stands, may have changed."""
        self.display = self._browsing.target is not None
        self.refresh()

    def line(self, width: int) -> Line:
        browsing = self._browsing
        if browsing.target is None:
            return []
        return target_line(
            browsing.target,
            browsing.expected,
            letters(browsing.rankings),
            width,
            asked=bool(browsing.text),
            complete=browsing.complete,
            right=[Part("w", "key", "screen.why"), Part(" why ", "dim", "screen.why")],
        )
