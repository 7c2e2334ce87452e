"""What the browser does with a target: finding one, asking why, applying what helps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from membrowse.tui.screens.engine_screen import EngineScreen
from membrowse.wire.diagnosis import Suggestion, SuggestionKind
from membrowse.wire.notes import FileRecord
from membrowse.wire.search import Target
from membrowse.wire.tuning import Overrides

if TYPE_CHECKING:
    from membrowse.tui.model.browsing import Browsing
    from membrowse.tui.screens.finder import Picked
    from membrowse.tui.screens.why import WhyScreen
    from membrowse.tui.widgets.query_bar import QueryBar
    from membrowse.tui.widgets.target_line import TargetLine


class Targeting(EngineScreen):
    """Action methods about the target; `BrowserScreen` has what they act on."""

    browsing: Browsing
    query_bar: QueryBar
    target_line: TargetLine

    if TYPE_CHECKING:

        def ask_again(self) -> None: ...
        def _show_keys(self) -> None: ...
        def try_settings(self, overrides: Overrides) -> None: ...

    def set_target(self, target: Target | None) -> None:
        """Expect something else, or nothing; the query is asked again, with it."""
        self.browsing.target, self.browsing.expected = target, None
        self.target_line.show()
        if self.browsing.text:
            self.ask_again()
        self._show_keys()

    def action_why(self) -> None:
        if self.browsing.target is not None and self.browsing.text:
            self._open_why()
        else:
            self.action_target()

    def action_target(self) -> None:
        from membrowse.tui.screens.finder import FinderScreen

        finder = FinderScreen(self.browsing.target, self.browsing.cursor)
        self.app.push_screen(finder, self._picked)

    def show_files(self, records: Sequence[FileRecord]) -> None:
        from membrowse.tui.screens.finder import FinderScreen

        for screen in self.app.screen_stack:
            if isinstance(screen, FinderScreen):
                screen.show_files(records)

    def _picked(self, picked: Picked | None) -> None:
        if picked is None:
            return
        if picked.target != self.browsing.target:
            self.set_target(picked.target)
        why = self._why_screen()
        if picked.target is None:
            if why is not None:
                why.action_close()
        elif self.browsing.text:
            self._open_why()
        else:
            self.notify("Now type what the agent asked.", markup=False)

    def _why_screen(self) -> WhyScreen | None:
        from membrowse.tui.screens.why import WhyScreen

        return next((s for s in self.app.screen_stack if isinstance(s, WhyScreen)), None)

    def _open_why(self) -> None:
        from membrowse.tui.screens.why import WhyScreen

        browsing = self.browsing
        if browsing.target is None:
            return
        screen = self._why_screen()
        if screen is not None:
            screen.look(browsing.text, browsing.syntax, browsing.target)
            return
        screen = WhyScreen(
            self.clock, self.remembered, self.engine, apply=self._apply, find=self.action_target
        )
        screen.look(browsing.text, browsing.syntax, browsing.target)
        self.app.push_screen(screen)

    def _apply(self, change: Suggestion) -> None:
        """Do what a change says, as far as it is ours to do."""
        if change.kind is SuggestionKind.NOTE and change.edit is not None:
            from membrowse.tui.screens.note_change import NoteChangeScreen

            self.app.push_screen(NoteChangeScreen(change, change.edit))
            return
        why = self._why_screen()
        if why is not None:
            why.action_close()
        if change.kind is SuggestionKind.QUERY:
            self.query_bar.put(change.query)
            self.query_bar.input.focus()
        else:
            self.try_settings(dict(change.settings))
