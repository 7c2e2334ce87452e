"""The directories that a tree of notes consists of, and where each note is on the disk.

A folder is a tree with one nameless root. In a collection, the first segment of a path is the name
of a root. Whatever touches a note's file asks `Roots.resolve` for it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from membrowse import paths
from membrowse.settings import CollectionSettings, RootSettings

OF_AGENT = "agent:"
"""Begins the names of agents' collections; no collection of the settings has such a name."""


class OutsideRoots(FileNotFoundError):
    """A path that leads out of every root, or whose root does not exist."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.ENOENT, "it is outside of every root", path)


@dataclass(frozen=True, slots=True)
class Root:
    """A directory of notes, or a single note, in a tree."""

    path: Path
    """Absolute; links in it are not resolved."""
    name: str = ""
    """First segment of the paths of its notes; empty for the only root of a folder."""
    include: tuple[str, ...] = ()
    """Globs of its notes, relative to it; empty: those of `notes.include`."""

    @property
    def prefix(self) -> str:
        """The beginning of the paths of everything in it."""
        return f"{self.name}/" if self.name else ""

    def contains(self, path: str) -> bool:
        """Whether a path of the tree is in this root, or is the root itself."""
        return not self.name or f"{path}/".startswith(self.prefix)

    def below(self, path: str) -> str:
        """A path of the tree, relative to this root."""
        return path[len(self.prefix) :]


class Roots:
    """One tree of notes."""

    def __init__(self, folder: Path, roots: Iterable[Root]) -> None:
        self.folder = folder
        """What names the tree for indexes and sockets: the folder, or a collection's directory."""
        self.unavailable: frozenset[str] = frozenset()
        """Roots by name that could not be listed at the last comparison (of a store: read)."""
        self._roots = {root.name: root for root in roots}

    @classmethod
    def of_folder(cls, folder: Path) -> Roots:
        """The tree of one folder."""
        return cls(folder, [Root(folder)])

    def __iter__(self) -> Iterator[Root]:
        return iter(self._roots.values())

    @property
    def is_collection(self) -> bool:
        return "" not in self._roots

    def root_of(self, path: str) -> Root:
        """The root that a path of the tree is in. Raises `OutsideRoots`."""
        name = path.partition("/")[0] if self.is_collection else ""
        if name not in self._roots:
            raise OutsideRoots(path)
        return self._roots[name]

    def resolve(self, path: str) -> Path:
        """Where the note or directory at a path of the tree is on the disk.

        Raises `OutsideRoots`. A link may still lead out of the root: whoever opens the file checks.
        """
        parts = PurePosixPath(path)
        if parts.is_absolute() or ".." in parts.parts:
            raise OutsideRoots(path)
        root = self.root_of(path)
        return root.path / root.below(path)

    def path_of(self, file: Path) -> str | None:
        """The path in the tree of an absolute `file`, by its name; None if it is in no root.

        `file` is not looked at.
        """
        plain = Path(os.path.normpath(file))
        for resolved in (False, True):
            for root in self:
                top = Path(os.path.realpath(root.path)) if resolved else root.path
                if plain == top and root.name:
                    return root.name
                if plain.is_relative_to(top) and plain != top:
                    return root.prefix + plain.relative_to(top).as_posix()
        return None

    def is_unavailable(self, path: str) -> bool:
        """Whether the root of a path could not be listed at the last comparison."""
        return bool(self.unavailable) and path.partition("/")[0] in self.unavailable


def of_collection(name: str, collection: CollectionSettings) -> Roots:
    """The tree of the collection `name` of the settings."""
    return Roots(collection_folder(name), map(_root, collection.roots, collection.roots.values()))


def _root(name: str, root: str | RootSettings) -> Root:
    settings = RootSettings(path=root) if isinstance(root, str) else root
    return Root(settings.expanded, name, settings.include)


def collection_folder(name: str) -> Path:
    """The directory that stands for the collection `name`; it need not exist."""
    return paths.collections_dir() / name


def collection_of(folder: Path) -> str:
    """The name of the collection that `folder` stands for; empty if it is an ordinary folder."""
    directory = os.path.realpath(paths.collections_dir())
    real = Path(os.path.realpath(folder))
    return real.name if str(real.parent) == directory else ""


def differing(then: Mapping[str, str], roots: Roots) -> str:
    """How `roots` differ from those that an engine serves (path by name); empty if they do not."""
    now = {root.name: str(root.path) for root in roots if root.name}
    changes = [f"{name} was removed" for name in then if name not in now]
    changes += [f"{name} was added" for name in now if name not in then]
    moved = (name for name in now if name in then and then[name] != now[name])
    return ", ".join([*changes, *(f"{name} is now {now[name]}" for name in moved)])
