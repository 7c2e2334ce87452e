"""An agent's memory compared with its own index, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.presentation.figures import counted
from membrowse.text import shown
from membrowse.wire.agents import AgentHealth, IndexedState

SHOWN = 20
"""Files of a state that are listed."""
_ORDER = (
    IndexedState.MISSING,
    IndexedState.STALE,
    IndexedState.GONE,
    IndexedState.UNREADABLE,
    IndexedState.OUT_OF_SCOPE,
)


def agent_health_lines(health: AgentHealth) -> Iterator[str]:
    """The states that occur with their files and remedies, what is wrong first."""
    yield f"{shown(health.agent)}: {shown(health.folder)}"
    yield f"index: {shown(health.index) or 'none, it reads the files'}"
    for state in _ORDER:
        files = [file for file in health.files if file.state is state]
        if not files:
            continue
        yield f"{counted(len(files), 'file')} {state.value}"
        width = max(len(file.path) for file in files[:SHOWN])
        for file in files[:SHOWN]:
            ours = f"here: {file.ours.value}" if file.ours is not None else ""
            yield f"    {shown(file.path):<{width}}  {ours}".rstrip()
        if len(files) > SHOWN:
            yield f"    and {len(files) - SHOWN} more (--json lists all)"
        if remedy := health.remedies.get(state):
            yield f"    → {shown(remedy)}"
    yield from (f"! {shown(problem)}" for problem in health.problems)
    current = sum(file.state is IndexedState.CURRENT for file in health.files)
    verdict = "healthy" if health.healthy else "not healthy"
    yield f"{verdict}: {counted(current, 'file')} current" if health.files else verdict
