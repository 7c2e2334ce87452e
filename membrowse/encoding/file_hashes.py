"""SHA-256 of files, cached by size and times, so that a start does not read the weights."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import msgspec

from membrowse.paths import replace_file

_Stamp = tuple[int, int, int]


class _Entry(msgspec.Struct, frozen=True):
    stamp: _Stamp
    sha256: str


def _stamp(path: Path) -> _Stamp:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def file_sha256(path: Path) -> str:
    """The hash of a file's content (hex). Raises `OSError`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class HashCache:
    """Hashes of files, kept in one small file in the user's cache.

    A file is hashed again when its size, modification time or change time differs. Without a
    writable cache, every file is hashed every time.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._known = msgspec.json.decode(file.read_bytes(), type=dict[str, _Entry])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._known = {}

    def sha256(self, path: Path, *, full: bool = False) -> str:
        """Return the hash of `path` (hex); `full` reads the file in any case.

        Raises `OSError` if the file cannot be read.
        """
        name = str(path.absolute())
        stamp = _stamp(path)
        known = self._known.get(name)
        if known is not None and known.stamp == stamp and not full:
            return known.sha256
        digest = file_sha256(path)
        self._known[name] = _Entry(stamp, digest)
        self._save()
        return digest

    def _save(self) -> None:
        kept = {name: known for name, known in self._known.items() if Path(name).exists()}
        with contextlib.suppress(OSError):
            replace_file(self._file, msgspec.json.encode(kept))
