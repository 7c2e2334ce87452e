"""The command palette: every action by name, with its keys."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.dom import DOMNode

from membrowse.tui.actions import Action, Where, key_names, of
from membrowse.tui.screens.engine_screen import EngineScreen

if TYPE_CHECKING:
    from membrowse.tui.app import MembrowseApp


class ActionCommands(Provider):
    """Offers the registry's actions for the screen below the palette."""

    def _actions(self) -> Iterator[tuple[Action, DOMNode]]:
        """The actions, each with the node that performs it."""
        screen = self.screen
        if isinstance(screen, EngineScreen):
            offered: list[tuple[Action, DOMNode]] = [
                (action, screen.performer(action.where))
                for action in screen.keymap.bound(of(*screen.PLACES, Where.APP))
            ]
        else:
            app = cast("MembrowseApp", self.app)
            offered = [(action, app) for action in app.keymap.bound(of(Where.APP))]
        yield from ((action, node) for action, node in offered if action.palette)

    def _help(self, action: Action) -> str:
        return f"{key_names(action)} · {action.where.value.lower()}"

    async def discover(self) -> Hits:
        for action, node in self._actions():
            run = partial(self.app.run_action, action.method, node)
            yield DiscoveryHit(action.title, run, help=self._help(action))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action, node in self._actions():
            text = _searched(action)
            if (score := matcher.match(text)) > 0:
                run = partial(self.app.run_action, action.method, node)
                yield Hit(score, matcher.highlight(text), run, help=self._help(action))


def _searched(action: Action) -> str:
    """The title, and the name in the key bar if the title does not contain it."""
    named = action.label.casefold() in action.title.casefold()
    return action.title if named else f"{action.title} ({action.label})"
