"""Asks a store's own search, for the ranking of what its agent gets."""

from __future__ import annotations

from membrowse.engine.components import Components
from membrowse.engine.errors import Impossible
from membrowse.engine.priority import Pause
from membrowse.wire.agents import AgentAnswer, OwnSearchRequest


def own_search(components: Components, request: OwnSearchRequest, pause: Pause) -> AgentAnswer:
    """What the store's own search returns. Raises `Impossible` for a folder, which has none."""
    if components.own_search is None:
        raise Impossible("a folder has no search of its own: attach its agent")
    pause()
    return components.own_search(
        request.text, request.k or components.configuration.settings.agent.k
    )
