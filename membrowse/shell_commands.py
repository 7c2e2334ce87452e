"""The commands of membrowse as messages name them."""

from __future__ import annotations

import shlex
from pathlib import Path

from membrowse.roots import OF_AGENT, collection_of
from membrowse.stores.directory import title_of


def command(words: str, folder: Path | None) -> str:
    """`` `membrowse WORDS` `` with the option for what `folder` stands for, if it does for one.

    A folder of notes is not named, and None is one that is not known.
    """
    chosen = option(folder) if folder is not None else ""
    return f"`membrowse {words} {chosen}`" if chosen else f"`membrowse {words}`"


def option(folder: Path) -> str:
    """`--collection NAME`, `--agent NAME` or `--store ADDRESS`, as a shell reads it; empty for a
    folder of notes."""
    name, address = collection_of(folder), title_of(folder)
    if name.startswith(OF_AGENT):
        return f"--agent {shlex.quote(name.removeprefix(OF_AGENT))}"
    if name:
        return f"--collection {shlex.quote(name)}"
    return f"--store {shlex.quote(address)}" if address else ""
