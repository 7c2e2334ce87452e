"""SHA-256 of files, remembered by size and times, so that a start reads no weights."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import msgspec

from membrowse.paths import replace_file

_Stamp = tuple[int, int, int]


class _Remembered(msgspec.Struct, frozen=True):
    stamp: _Stamp
    sha256: str


def _stamp(path: Path) -> _Stamp:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


class HashMemory:
    """Hashes of files, kept in one small file of the person's cache.

    A file is hashed again when its size, modification or change time differ from those it had when
    it was hashed last. Where the cache cannot be written, every file is hashed every time.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._known = msgspec.json.decode(file.read_bytes(), type=dict[str, _Remembered])
        except (OSError, msgspec.DecodeError):
            self._known = {}

    def sha256(self, path: Path, *, full: bool = False) -> str:
        """The hash of `path` (hex); `full` reads the file whatever is remembered.

        Raises `OSError` where the file cannot be read.
        """
        name = str(path.absolute())
        stamp = _stamp(path)
        known = self._known.get(name)
        if known is not None and known.stamp == stamp and not full:
            return known.sha256
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        self._known[name] = _Remembered(stamp, found)
        self._save()
        return found

    def _save(self) -> None:
        kept = {name: known for name, known in self._known.items() if Path(name).exists()}
        with contextlib.suppress(OSError):
            replace_file(self._file, msgspec.json.encode(kept))
