"""The service that a command is about."""

from __future__ import annotations

from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.client import registered_services
from membrowse.client.registered_services import RegisteredService


def named(name: str | None) -> RegisteredService:
    """The service called `name`, or the only one. Raises `Stop`."""
    own = {each.name: each for each in registered_services.own_services()}
    known = own | {each.name: each for each in registered_services.services()}
    if name is None and len(known) == 1:
        return next(iter(known.values()))
    if name is None or name not in known:
        listed = ", ".join(known) or "none; `membrowse service install FOLDER` sets one up"
        asked = "which service?" if name is None else f"no service is called {name};"
        raise Stop(Exit.USAGE, f"{asked} there are: {listed}")
    return known[name]
