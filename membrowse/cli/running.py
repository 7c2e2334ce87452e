"""How a command that talks to the engine ends the program."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, NoReturn

import typer

from membrowse.cli.exit_codes import Exit


def end(command: Coroutine[Any, Any, Exit]) -> NoReturn:
    """Run `command` and end with its status."""
    raise typer.Exit(asyncio.run(command))
