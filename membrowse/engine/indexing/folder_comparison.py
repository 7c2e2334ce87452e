"""The folder compared with the index: new, changed, deleted and unindexed notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from membrowse.notes.scanner import ScannedFile
from membrowse.wire.engine import Pending
from membrowse.wire.notes import NoteState


class Stat(Protocol):
    """Size (bytes), times (ns) and inode of a file when it was last read.

    A copy that keeps size and modification time (`cp -p`, rsync) changes one of the others.
    """

    @property
    def size(self) -> int: ...

    @property
    def mtime_ns(self) -> int: ...

    @property
    def ctime_ns(self) -> int: ...

    @property
    def inode(self) -> int: ...


@dataclass(frozen=True)
class Comparison:
    """How the folder differs from a generation, at one scan; notes changed last come first."""

    found: Mapping[str, ScannedFile]
    """Every file of the folder by path."""
    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    unindexed: tuple[str, ...] = ()
    """Notes that could not be indexed and have not changed since."""

    @cached_property
    def excluded(self) -> Counter[NoteState]:
        """How many files are no notes, by the reason."""
        files = self.found.values()
        return Counter(file.excluded for file in files if file.excluded is not None)

    def pending(self, failed: int) -> Pending:
        return Pending(
            new=len(self.new),
            changed=len(self.changed),
            deleted=len(self.deleted),
            failed=failed,
        )


def compare(
    files: Iterable[ScannedFile],
    notes: Mapping[str, Stat],
    known_unindexed: Mapping[str, Stat],
    hinted: frozenset[str] = frozenset(),
) -> Comparison:
    """Compare the `files` of a scan with the indexed `notes`.

    `known_unindexed` are the notes that could not be indexed, as they were then; `hinted` paths
    count as changed even if size and time are the same.
    """
    found = {file.path: file for file in files}
    wanted = {path: file for path, file in found.items() if file.excluded is None}
    closed = tuple(
        path
        for path, file in found.items()
        if file.excluded is NoteState.FAILED and path.endswith("/")
    )
    new, changed, unindexed = [], [], []
    for path, file in sorted(wanted.items(), key=lambda item: -item[1].mtime_ns):
        if path not in hinted and _same(known_unindexed.get(path), file):
            unindexed.append(path)
        elif path not in notes:
            new.append(path)
        elif path in hinted or not _same(notes[path], file):
            changed.append(path)
    return Comparison(
        found=found,
        new=tuple(new),
        changed=tuple(changed),
        deleted=tuple(path for path in notes if path not in wanted and not _hidden(path, closed)),
        unindexed=tuple(unindexed),
    )


def _hidden(path: str, closed: tuple[str, ...]) -> bool:
    """Whether the note is below a directory that could not be listed, and so may still exist."""
    return f"{path}/".startswith(closed)  # a root can be a single note


def _same(known: Stat | None, file: ScannedFile) -> bool:
    return known is not None and _version(known) == _version(file)


def _version(file: Stat) -> tuple[int, int, int, int]:
    return file.size, file.mtime_ns, file.ctime_ns, file.inode


def failures(comparison: Comparison, unindexed: Mapping[str, NoteState]) -> int:
    """Files that failed: on looking at them, or on reading them."""
    return comparison.excluded[NoteState.FAILED] + sum(
        state is NoteState.FAILED for state in unindexed.values()
    )
