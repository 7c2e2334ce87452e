"""Read one file whole: never half of a save, never blocking, never outside the folder."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from membrowse.notes.encodings import decode
from membrowse.notes.not_indexable import NotIndexable
from membrowse.notes.scanner import not_regular_reason, too_large_reason
from membrowse.notes.symlinks import LinkPolicy
from membrowse.roots import OutsideRoots, Roots
from membrowse.settings import NotesSettings
from membrowse.wire.notes import NoteState

_ATTEMPTS = 6
_FIRST_WAIT = 0.01
_OUTSIDE = "a link to outside the folder"
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class _Changed(Exception):
    """The file changed while it was read."""


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file as it was at one instant."""

    path: str
    text: str
    """With its original line ends, without a byte-order mark."""
    size: int
    """Bytes."""
    mtime_ns: int
    sha256: str
    """Hash of the bytes, hex."""
    encoding: str
    """See `encodings.Decoded`."""
    warnings: tuple[str, ...]
    ctime_ns: int = 0
    inode: int = 0


def read_file(roots: Roots, path: str, settings: NotesSettings) -> FileContent:
    """Read the note at `path`.

    A file that changes meanwhile is read again, for about half a second in all. Raises
    `NotIndexable`, or `FileNotFoundError` if the file is gone.
    """
    wait = _FIRST_WAIT
    for _ in range(_ATTEMPTS):
        try:
            content, status = _read_whole(roots, path, settings)
        except OutsideRoots as error:
            raise NotIndexable(NoteState.SKIPPED, _OUTSIDE) from error
        except _Changed:
            time.sleep(wait)
            wait *= 2
        except NotADirectoryError as error:
            raise FileNotFoundError(error.errno, error.strerror, path) from error
        except FileNotFoundError:
            raise
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
            raise NotIndexable(NoteState.FAILED, reason) from error
        else:
            return _file_content(roots, path, content, status, settings)
    raise NotIndexable(NoteState.FAILED, "it kept changing while being read")


def _file_content(
    roots: Roots, path: str, content: bytes, status: os.stat_result, settings: NotesSettings
) -> FileContent:
    decoded = decode(content, roots.root_of(path).below(path), settings.encodings)
    return FileContent(
        path=path,
        text=decoded.text,
        size=len(content),
        mtime_ns=status.st_mtime_ns,
        sha256=hashlib.sha256(content).hexdigest(),
        encoding=decoded.encoding,
        warnings=decoded.warnings,
        ctime_ns=status.st_ctime_ns,
        inode=status.st_ino,
    )


def _read_whole(roots: Roots, path: str, settings: NotesSettings) -> tuple[bytes, os.stat_result]:
    real = os.path.realpath(roots.resolve(path))
    if not LinkPolicy(roots.root_of(path).path, settings.follow).allows(real):
        raise NotIndexable(NoteState.SKIPPED, _OUTSIDE)
    _check(Path(real).stat(), settings)  # before opening: opening a device can block
    try:
        descriptor = os.open(real, _FLAGS)
    except OSError as error:
        if Path(real).is_symlink():
            raise _Changed from error
        raise
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        before = os.fstat(descriptor)
        _check(before, settings)
        content = _read_bytes(stream.fileno(), settings.max_bytes + 1)
        after = os.fstat(descriptor)
    if len(content) != after.st_size or _version(before) != _version(after):
        raise _Changed
    return content, after


def _check(status: os.stat_result, settings: NotesSettings) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotIndexable(NoteState.SKIPPED, not_regular_reason(status))
    if status.st_size > settings.max_bytes:
        raise NotIndexable(NoteState.SKIPPED, too_large_reason(status.st_size, settings))


def _read_bytes(descriptor: int, limit: int) -> bytes:
    parts: list[bytes] = []
    while limit > 0 and (part := os.read(descriptor, limit)):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def _version(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
