"""Every action in the command palette, by name, with its keys."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from membrowse.tui.action_table import of
from membrowse.tui.actions import Action, Where, key_names
from membrowse.tui.screens.engine_screen import EngineScreen


class ActionCommands(Provider):
    """Makes commands of the registry's actions for the screen below the palette."""

    def _actions(self) -> Iterator[tuple[Action, str]]:
        screen = self.screen
        places = screen.PLACES if isinstance(screen, EngineScreen) else ()
        for action in of(*places, Where.APP):
            if action.palette:
                target = "app" if action.where is Where.APP else "screen"
                yield action, f"{target}.{action.method}"

    def _help(self, action: Action) -> str:
        return f"{key_names(action)} · {action.tooltip}"

    async def discover(self) -> Hits:
        for action, call in self._actions():
            yield DiscoveryHit(
                action.label, partial(self.app.run_action, call), help=self._help(action)
            )

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action, call in self._actions():
            text = f"{action.label} ({action.id})"
            if (score := matcher.match(text)) > 0:
                yield Hit(
                    score,
                    matcher.highlight(text),
                    partial(self.app.run_action, call),
                    help=self._help(action),
                )
