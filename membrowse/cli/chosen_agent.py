"""The agent that `--agent NAME` names. Free of Typer, which the browser does not need."""

from __future__ import annotations

from contextvars import ContextVar

from membrowse.agents import profiles
from membrowse.wire.agents import AgentProfile

_CHOSEN: ContextVar[AgentProfile | None] = ContextVar("chosen agent", default=None)


def choose(name: str | None) -> None:
    """Let the command that runs use the profile `name`; None: no profile.

    Raises `SettingsError` if there is no such profile, or it cannot be used.
    """
    _CHOSEN.set(None if name is None else profiles.read(name))


def chosen_profile() -> AgentProfile | None:
    """The profile that the command that runs uses."""
    return _CHOSEN.get()
