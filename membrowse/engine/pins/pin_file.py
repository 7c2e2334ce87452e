"""The file of pins on disk: a person's own, which is only ever added to, or rid of one line."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from membrowse import paths
from membrowse.engine.errors import Unknown
from membrowse.engine.pins import pin_format
from membrowse.engine.pins.pin_format import ParsedPins
from membrowse.wire.pins import Pin

LARGEST_BYTES = 32 << 20
"""A larger file is not read."""

Stamp = tuple[int, int, int]


class PinFile:
    """The pins in `path`, which need not exist."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def stamp(self) -> Stamp | None:
        """Something else whenever the file changed; None where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def read(self) -> ParsedPins:
        """Its pins; a file that cannot be read is a problem of its own, and one that is missing
        holds none."""
        try:
            return pin_format.parse(self._content())
        except FileNotFoundError:
            return ParsedPins()
        except OSError as error:
            return ParsedPins(problems=(f"{self.path}: {error.strerror or error}",))

    def append(self, pin: Pin) -> None:
        """Add a line at the end, in one write. Raises `OSError`."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            ended = not size or os.pread(descriptor, 1, size - 1) == b"\n"
            written = (b"" if ended else b"\n") + pin_format.line_of(pin) + b"\n"
            if os.write(descriptor, written) != len(written):
                os.ftruncate(descriptor, size)
                raise OSError(f"{self.path} could not be written to its end: is the disk full?")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, pin: str) -> None:
        """Take out the line of the pin called so; the others stay as they are, byte by byte.

        Raises `Unknown` where there is none, and `OSError`.
        """
        content = self._content() if self.path.exists() else b""
        number = pin_format.parse(content).lines.get(pin)
        if number is None:
            raise Unknown(f"no pin called {pin} in {self.path}")
        lines = content.split(b"\n")
        del lines[number - 1]
        self._replace(b"\n".join(lines))

    def _content(self) -> bytes:
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not hang the reader
        with os.fdopen(os.open(self.path, flags), "rb") as stream:
            found = os.fstat(stream.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise OSError("not a regular file")
            if found.st_size > LARGEST_BYTES:
                raise OSError(f"larger than {LARGEST_BYTES >> 20} MB")
            return stream.read()

    def _replace(self, content: bytes) -> None:
        """All of it or nothing; a link stays one, and the file keeps its mode."""
        real = Path(os.path.realpath(self.path))
        mode = stat.S_IMODE(real.stat().st_mode)
        paths.replace_file(real, content, sync=True, mode=mode)
