"""What a folder is called: its path, or the collection or store that it stands for."""

from __future__ import annotations

from pathlib import Path

from membrowse import paths
from membrowse.roots import OF_AGENT
from membrowse.stores.directory import title_of


def title(folder: Path) -> str:
    """What a collection or a store is called where a folder's path is shown; empty for a folder.

    The disk is not looked at, but for a store's address.
    """
    if store := title_of(folder):
        return store
    if folder.parent != paths.collections_dir():
        return ""
    agent = folder.name.removeprefix(OF_AGENT)
    return f"agent {agent}" if agent != folder.name else f"collection {agent}"


def title_or_path(folder: Path) -> str:
    """The title of a collection or a store, else the path of a folder."""
    return title(folder) or str(folder)
