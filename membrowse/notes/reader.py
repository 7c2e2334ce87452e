"""Read one file whole: never half of a save, never blocking, never outside the folder."""

from __future__ import annotations

import codecs
import hashlib
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from membrowse.notes.scanner import not_regular_reason, too_large_reason
from membrowse.notes.symlinks import LinkPolicy
from membrowse.settings import NotesSettings
from membrowse.wire.notes import NoteState

_ATTEMPTS = 6
_FIRST_WAIT = 0.01
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_WIDE_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, which starts with the same bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class NotIndexable(Exception):
    """The file exists but cannot become a note."""

    def __init__(self, state: NoteState, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        """Skipped (because of what it is) or failed (because of an error)."""
        self.reason = reason


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
    """`utf-8`, `utf-16`, `utf-32` or `latin-1`."""
    warnings: tuple[str, ...]


def read_file(folder: Path, path: str, settings: NotesSettings) -> FileContent:
    """Read `path` (relative to `folder`).

    A file that changes meanwhile is read again, for about half a second in all. Raises
    `NotIndexable`, or `FileNotFoundError` if the file is gone.
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
            text, encoding, warnings = _decode(content)
            digest = hashlib.sha256(content).hexdigest()
            size, changed = len(content), status.st_mtime_ns
            return FileContent(path, text, size, changed, digest, encoding, warnings)
    raise NotIndexable(NoteState.FAILED, "it kept changing while being read")


def _read_whole(folder: Path, path: str, settings: NotesSettings) -> tuple[bytes, os.stat_result]:
    links = LinkPolicy(folder, settings.follow)
    real = os.path.realpath(Path(links.root) / path)
    if not links.allows(real):
        raise NotIndexable(NoteState.SKIPPED, "a link to outside the folder")
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


def _decode(content: bytes) -> tuple[str, str, tuple[str, ...]]:
    """Return text, encoding and warnings. Raises `NotIndexable` for bytes that are not text."""
    for mark, encoding in _WIDE_BOMS:
        if content.startswith(mark):
            return _decode_wide(content, encoding)
    if b"\0" in content:
        raise NotIndexable(NoteState.SKIPPED, "binary: it contains NUL bytes")
    warnings: list[str] = []
    if content.startswith(codecs.BOM_UTF8):
        content = content[len(codecs.BOM_UTF8) :]
        warnings.append("it starts with a byte-order mark")
    try:
        return content.decode("utf-8"), "utf-8", tuple(warnings)
    except UnicodeDecodeError as error:
        at = f"byte 0x{content[error.start]:02x} at {error.start}"
        warnings.append(f"it is not UTF-8 ({at}): read as Latin-1")
        return content.decode("latin-1"), "latin-1", tuple(warnings)


def _decode_wide(content: bytes, encoding: str) -> tuple[str, str, tuple[str, ...]]:
    name = encoding.upper()
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        reason = f"not valid {name}, although its byte-order mark says so: {error.reason}"
        raise NotIndexable(NoteState.SKIPPED, reason) from error
    if "\0" in text:
        raise NotIndexable(NoteState.SKIPPED, "binary: it contains NUL characters")
    return text, encoding, (f"it is {name} according to its byte-order mark",)
