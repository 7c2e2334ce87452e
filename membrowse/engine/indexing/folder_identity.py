"""Whether a folder, or a root of a collection, is still the one that was indexed.

While a disk is not mounted, another directory is seen in its place: empty, or with other files.
Its notes must not replace those of the disk. So device and inode of each root are remembered, and
of what is mounted in it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from membrowse import paths
from membrowse.counts import counted
from membrowse.engine.indexing.folder_comparison import Comparison, Stat
from membrowse.notes.scanner import ScannedFile
from membrowse.roots import Root, Roots
from membrowse.shell_commands import command

log = logging.getLogger(__name__)

Identities = dict[str, tuple[int, int]]
"""Device and inode of directories. In a folder, by path with a trailing `/`; the folder itself is
empty. In a collection, by the path on the disk: a root that was given another place is not the same
directory, and need not be."""

_FILE = "folder.json"
_LARGEST = 1_000_000
_decode = msgspec.json.Decoder(Identities).decode


@dataclass(frozen=True, slots=True)
class Exchanged:
    """A directory that is another one than indexed, and lacks most of the indexed notes."""

    prefix: str
    """Its path with a trailing `/`; empty for the folder itself."""
    indexed: int
    """Notes below it in the index."""
    present: int
    """How many of them are there, with the same size."""
    emptied: bool = False
    """Whether nothing at all is in the root; an unmounted one looks so."""

    def problem(self, roots: Roots) -> str:
        """Say that the index is kept, and how to give it up."""
        place, rebuild = roots.resolve(self.prefix), command("index --rebuild", roots.folder)
        if self.emptied:
            held = f"{counted(self.indexed, 'note')} of it {'is' if self.indexed == 1 else 'are'}"
            return (
                f"{place} is empty, but {held} indexed: is it mounted? "
                f"The index is kept; {rebuild} empties it"
            )
        return (
            f"{place} is not the directory that was indexed: "
            f"{self.present:,} of its {counted(self.indexed, 'note')} "
            f"{'is' if self.present == 1 else 'are'} there. Is a disk not mounted? "
            f"The index is kept; {rebuild} indexes what is there now"
        )


@dataclass(slots=True)
class FolderIdentity:
    """Identities of the directories that an index was made from, kept beside the index."""

    file: Path
    known: Identities = field(default_factory=dict)

    @classmethod
    def of(cls, index_directory: Path) -> FolderIdentity:
        """Read what is remembered; nothing if that cannot be read."""
        file = index_directory / _FILE
        try:
            return cls(file, _decode(paths.read_regular(file, _LARGEST)))
        except (OSError, msgspec.DecodeError):
            return cls(file)

    def exchanged(
        self, roots: Roots, notes: Mapping[str, Stat], found: Mapping[str, ScannedFile]
    ) -> list[Exchanged]:
        """The directories whose notes must not be replaced by what is there now."""
        suspects = [
            _exchanged(prefix, notes, found)
            for prefix, identity in self._remembered(roots)
            if _identity(roots.resolve(prefix)) not in (identity, None)
        ]
        return [
            *_emptied(roots, notes, found),
            *(suspect for suspect in suspects if suspect.present * 2 < suspect.indexed),
        ]

    def _remembered(self, roots: Roots) -> Iterator[tuple[str, tuple[int, int]]]:
        """What is known of the directories of `roots` that can be looked at, by path."""
        for key, identity in self.known.items():
            if not roots.is_collection:
                yield key, identity
            elif (path := roots.path_of(Path(key))) and not roots.is_unavailable(path):
                yield f"{path}/", identity

    def remember(self, roots: Roots, found: Mapping[str, ScannedFile]) -> None:
        """Remember the directories that the index is made from now."""
        identities = {
            key: identity
            for key, identity in self.known.items()
            if (path := roots.path_of(Path(key))) and roots.is_unavailable(path)
        }
        identities |= {
            str(roots.resolve(prefix)) if roots.is_collection else prefix: identity
            for root in roots
            if root.name not in roots.unavailable
            for prefix, identity in _identities(roots, root, found.values()).items()
        }
        if identities == self.known:
            return
        self.known = identities
        try:
            paths.replace_file(self.file, msgspec.json.encode(identities))
        except OSError as error:
            log.warning("%s cannot be written: %s", self.file, error)


def divided(
    comparison: Comparison, exchanged: Iterable[Exchanged]
) -> tuple[Comparison, Comparison]:
    """Divide `comparison` into what may be indexed, and what is below these directories."""
    prefixes = tuple(one.prefix for one in exchanged)

    def part(*, withheld: bool) -> Comparison:
        def of(paths: tuple[str, ...]) -> tuple[str, ...]:
            # a root that was a directory may be a file now
            return tuple(path for path in paths if f"{path}/".startswith(prefixes) is withheld)

        return replace(
            comparison,
            new=of(comparison.new),
            changed=of(comparison.changed),
            deleted=of(comparison.deleted),
        )

    return part(withheld=False), part(withheld=True)


def _exchanged(
    prefix: str, notes: Mapping[str, Stat], found: Mapping[str, ScannedFile]
) -> Exchanged:
    indexed = [path for path in notes if path.startswith(prefix)]
    present = sum(path in found and found[path].size == notes[path].size for path in indexed)
    return Exchanged(prefix, len(indexed), present)


def _emptied(
    roots: Roots, notes: Mapping[str, Stat], found: Mapping[str, ScannedFile]
) -> Iterator[Exchanged]:
    """The roots of indexed notes in which there is not a file left."""
    for root in roots:
        if not any(root.contains(path) for path in found):
            indexed = sum(root.contains(path) for path in notes)
            if indexed:
                yield Exchanged(root.prefix, indexed, 0, emptied=True)


def _identities(roots: Roots, root: Root, files: Iterable[ScannedFile]) -> Identities:
    """The root, and directories of its notes where another device begins, by path in the tree."""
    top = _identity(root.path)
    if top is None:
        return {}
    identities: Identities = {root.prefix: top}
    own = (file for file in files if root.contains(file.path))
    parents = {file.path.rpartition("/")[0] for file in own if file.device not in (0, top[0])}
    for parent in parents:
        device, prefix = top[0], root.prefix
        for name in filter(None, root.below(parent).split("/")):
            prefix += f"{name}/"
            identity = _identity(roots.resolve(prefix))
            if identity is not None and identity[0] != device:
                identities[prefix] = identity
                device = identity[0]
    return identities


def _identity(directory: Path) -> tuple[int, int] | None:
    """Device and inode; None if there is no such directory."""
    with contextlib.suppress(OSError):
        status = directory.stat()
        return status.st_dev, status.st_ino
    return None
