"""The collection that `--collection NAME` names. Free of Typer, which the browser does not need."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path

from membrowse import paths, settings
from membrowse.agents.collections import open_collection

_CHOSEN: ContextVar[Path | None] = ContextVar("chosen collection", default=None)


def choose(name: str | None) -> None:
    """Let the command that runs use the collection `name`; None: no collection.

    Raises `SettingsError` if the settings have no such collection.
    """
    chosen = None
    if name is not None:
        chosen = open_collection(name, settings.load(paths.config_file()))
    _CHOSEN.set(chosen)


def chosen_collection() -> Path | None:
    """The directory that stands for the collection of the command that runs."""
    return _CHOSEN.get()
