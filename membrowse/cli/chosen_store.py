"""The store that `--store STORE` names. Free of Typer, which the browser does not need."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path

from membrowse.stores.address import parse_address
from membrowse.stores.directory import opened

_CHOSEN: ContextVar[Path | None] = ContextVar("chosen store", default=None)


def choose(address: str | None) -> None:
    """Let the command that runs work on the store at `address`; None: on no store.

    Raises `SettingsError` for an address that cannot be opened.
    """
    _CHOSEN.set(None if address is None else opened(parse_address(address)))


def chosen_store() -> Path | None:
    """The own directory of the store that the command that runs works on."""
    return _CHOSEN.get()
