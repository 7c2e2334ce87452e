"""The roots of a collection: from the settings, or from an agent that searches extra paths."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from membrowse import paths
from membrowse.agents import profiles
from membrowse.roots import (
    OF_AGENT,
    Root,
    Roots,
    collection_folder,
    collection_of,
    differing,
    of_collection,
)
from membrowse.settings import Settings, SettingsError, load
from membrowse.shell_commands import command
from membrowse.stores.address import parse_address
from membrowse.stores.directory import opened
from membrowse.wire.agents import AgentMemory, AgentProfile

WORKSPACE = "workspace"
"""Name of the root that is an agent's own folder."""


def open_collection(name: str, settings: Settings) -> Path:
    """The directory that stands for the collection `name` of the settings. Raises `SettingsError`.

    It is created if it does not exist.
    """
    if name not in settings.collections:
        known = ", ".join(settings.collections)
        hint = (
            f"there are {known}" if known else "`membrowse docs collections` shows how to name one"
        )
        raise SettingsError(f"no collection {name!r} in the settings ({hint})")
    return paths.private(collection_folder(name))


def folder_of(profile: AgentProfile) -> Path:
    """The folder that an agent's memory is opened as: a collection's if it has extra paths, the own
    directory of a store if the profile names one. Raises `SettingsError`."""
    if profile.memory.store:
        return opened(parse_address(profile.memory.store))
    if not roots_of_memory(profile.memory).is_collection:
        return Path(profile.memory.folder)
    return paths.private(collection_folder(f"{OF_AGENT}{profile.name}"))


def roots_of(folder: Path, settings: Settings) -> Roots:
    """The tree of notes that `folder` is, or stands for. Raises `SettingsError`."""
    name = collection_of(folder)
    if not name:
        return Roots.of_folder(folder)
    if name.startswith(OF_AGENT):
        memory = profiles.read(name.removeprefix(OF_AGENT)).memory
        return Roots(folder, roots_of_memory(memory))
    open_collection(name, settings)
    return of_collection(name, settings.collections[name])


def roots_now(folder: Path) -> Roots:
    """`roots_of` with the settings as they are now. Raises `SettingsError`."""
    if not collection_of(folder):
        return Roots.of_folder(folder)
    return roots_of(folder, load(paths.config_file()))


def real_roots(folder: Path) -> tuple[str, ...]:
    """The roots of the tree that `folder` is or stands for, without links. Raises
    `SettingsError`."""
    return tuple(os.path.realpath(root.path) for root in roots_now(folder))


def roots_of_memory(memory: AgentMemory) -> Roots:
    """The agent's folder; with extra paths outside of it, a collection of them all.

    Extra paths that lie in the folder or in another extra path are part of that root; one that
    contains the folder is left out.
    """
    workspace = Path(os.path.normpath(memory.folder))
    outside = list(_separate(workspace, memory.outside))
    if not outside:
        return Roots.of_folder(Path(memory.folder))
    roots = [Root(workspace, WORKSPACE)]
    for path in outside:
        roots.append(Root(path, _free_name(path, {root.name for root in roots})))
    return Roots(workspace, roots)


def own_name(memory: AgentMemory, path: str) -> str:
    """How the agent names the note at a path of its tree: relative to its folder, or absolute."""
    roots = roots_of_memory(memory)
    root = roots.root_of(path)
    outside = roots.is_collection and root.name != WORKSPACE
    return str(roots.resolve(path)) if outside else root.below(path)


def outdated(folder: Path, served: Mapping[str, str], settings: Settings) -> str:
    """That an engine serves other roots (path by name) than the settings have now, and what to do;
    empty if it does not. Raises `SettingsError`."""
    difference = differing(served, roots_of(folder, settings)) if collection_of(folder) else ""
    if not difference:
        return ""
    return f"the collection has changed ({difference}): run {command('engine restart', folder)}"


def _separate(workspace: Path, outside: tuple[str, ...]) -> Iterator[Path]:
    """The extra paths that no other root contains, and that do not contain the workspace."""
    named = dict.fromkeys(Path(os.path.normpath(each)) for each in outside if each)
    for path in named:
        within = any(path.is_relative_to(other) for other in (*named, workspace) if other != path)
        if not within and not workspace.is_relative_to(path):
            yield path


def _free_name(path: Path, taken: set[str]) -> str:
    """A name for the root at `path`, after its last segment."""
    name = re.sub(r"[^\w.-]+", "-", path.name).strip("-.")[:50] or "extra"
    number = next(n for n in range(1, len(taken) + 2) if _numbered(name, n) not in taken)
    return _numbered(name, number)


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"
