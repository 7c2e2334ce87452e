"""One file, read whole: never half of a save, never blocking, never outside the folder."""

from __future__ import annotations

import codecs
import hashlib
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from membrowse.notes.scanner import not_regular, too_large
from membrowse.notes.symlinks import LinkPolicy
from membrowse.settings import NotesSettings
from membrowse.wire.notes import NoteState

_ATTEMPTS = 6
_FIRST_WAIT = 0.01
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class NotIndexable(Exception):
    """The file is there but cannot be a note, now or ever."""

    def __init__(self, state: NoteState, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        """Skipped (by its nature) or failed (an error)."""
        self.reason = reason


class _Changed(Exception):
    """The file changed while it was read."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was at one instant."""

    path: str
    text: str
    """With its own line ends, without a byte-order mark."""
    size: int
    """Bytes."""
    mtime_ns: int
    sha256: str
    """Of the bytes (hex)."""
    encoding: str
    """`utf-8`, `utf-16`, `utf-32` or `latin-1`."""
    warnings: tuple[str, ...]


def read(folder: Path, path: str, settings: NotesSettings) -> Source:
    """Read `path` (relative to `folder`).

    A file that changes meanwhile is read again, up to about half a second in all. Raises
    `NotIndexable`, and `FileNotFoundError` if the file is gone.
    """
    wait = _FIRST_WAIT
    for _ in range(_ATTEMPTS):
        try:
            content, status = _read_whole(folder, path, settings)
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
            text, encoding, warnings = _decoded(content)
            digest = hashlib.sha256(content).hexdigest()
            size, changed = len(content), status.st_mtime_ns
            return Source(path, text, size, changed, digest, encoding, warnings)
    raise NotIndexable(NoteState.FAILED, "it kept changing while it was read")


def _read_whole(folder: Path, path: str, settings: NotesSettings) -> tuple[bytes, os.stat_result]:
    boundary = LinkPolicy(folder, settings.follow)
    real = os.path.realpath(Path(boundary.root) / path)
    if not boundary.holds(real):
        reason = "a link that leads outside the folder"
        raise NotIndexable(NoteState.SKIPPED, reason)
    _check(Path(real).stat(), settings)  # a device must not even be opened
    try:
        descriptor = os.open(real, _FLAGS)
    except OSError as error:
        if Path(real).is_symlink():
            raise _Changed from error
        raise
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        before = os.fstat(descriptor)
        _check(before, settings)
        content = _all_bytes(stream.fileno(), settings.max_bytes + 1)
        after = os.fstat(descriptor)
    if len(content) != after.st_size or _stamp(before) != _stamp(after):
        raise _Changed
    return content, after


def _check(status: os.stat_result, settings: NotesSettings) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotIndexable(NoteState.SKIPPED, not_regular(status))
    if status.st_size > settings.max_bytes:
        raise NotIndexable(NoteState.SKIPPED, too_large(status.st_size, settings))


def _all_bytes(descriptor: int, limit: int) -> bytes:
    parts: list[bytes] = []
    while limit > 0 and (part := os.read(descriptor, limit)):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _decoded(content: bytes) -> tuple[str, str, tuple[str, ...]]:
    """Text, encoding and warnings. Raises `NotIndexable` for bytes that are no text."""
    for mark, encoding in _WIDE_MARKS:
        if content.startswith(mark):
            return _decoded_wide(content, encoding)
    if b"\0" in content:
        raise NotIndexable(NoteState.SKIPPED, "binary: it holds NUL bytes")
    warnings: list[str] = []
    if content.startswith(codecs.BOM_UTF8):
        content = content[len(codecs.BOM_UTF8) :]
        warnings.append("it begins with a byte-order mark")
    try:
        return content.decode("utf-8"), "utf-8", tuple(warnings)
    except UnicodeDecodeError as error:
        at = f"byte 0x{content[error.start]:02x} at {error.start}"
        warnings.append(f"it is not UTF-8 ({at}): read as Latin-1")
        return content.decode("latin-1"), "latin-1", tuple(warnings)


def _decoded_wide(content: bytes, encoding: str) -> tuple[str, str, tuple[str, ...]]:
    name = encoding.upper()
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        reason = f"its byte-order mark says {name}, but it is not: {error.reason}"
        raise NotIndexable(NoteState.SKIPPED, reason) from error
    if "\0" in text:
        raise NotIndexable(NoteState.SKIPPED, "binary: it holds NUL characters")
    return text, encoding, (f"it is {name}, by its byte-order mark",)
