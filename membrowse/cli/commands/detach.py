"""`membrowse detach`: forget the profile of an agent."""

from __future__ import annotations

from typing import Annotated

import typer

from membrowse.agents import profiles
from membrowse.cli import output


def detach(
    agent: Annotated[
        str, typer.Argument(metavar="NAME", help="The profile's name.", show_default=False)
    ],
) -> None:
    """Forget the profile of an agent. Its notes, its index and ours stay as they are."""
    profiles.forget(agent)
    output.say(f"{agent} is detached")
