"""A pin file: one JSON object per line, only appended to or relieved of a line.

    {"id": "g01", "query": "which port?", "path": "decisions/ssh.md", "text": "on 2222", "k": 5}

Only `query` and `path` are required. Other keys belong to the file's owner and are kept.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, Literal, cast

import msgspec
from msgspec import Meta

from membrowse import paths
from membrowse.engine.errors import Unknown
from membrowse.ranking.query_parser import InvalidFilter, requested_filters
from membrowse.wire.pins import Pin, pin_line
from membrowse.wire.search import Filters

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

LARGEST_BYTES = 32 << 20
"""Larger files are not read."""

_removing = threading.Lock()

SHARED = "golden.jsonl"
"""A folder that has this file shares its pins in it."""

Stamp = tuple[int, int, int]


def place_of(folder: Path, setting: str) -> PinFile:
    """Where the pins of `folder` are kept: as `setting` (`pins.file`) says; if that is empty, in
    the folder's own file if there is one, else beside the index."""
    if setting:
        return PinFile(folder / Path(setting).expanduser(), folder)
    shared = folder / SHARED
    return PinFile(shared if os.path.lexists(shared) else paths.pin_file(folder), folder)


class PinFile:
    """The pin file at `path`, which need not exist, with pins of `folder`.

    No link in the folder is followed to it: whoever writes the notes could have made one.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self._root = folder if path.is_relative_to(folder) else path.parent

    @property
    def shared(self) -> bool:
        """Whether it is part of the folder."""
        return self.path.is_relative_to(self.folder)

    def stamp(self) -> Stamp | None:
        """Identity of the file's content; None if there is no file."""
        try:
            found = self.path.lstat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def read(self) -> ParsedPins:
        """The pins; a file that cannot be read is reported as a problem, a missing one is empty."""
        try:
            return parse(self._content(), self.folder)
        except FileNotFoundError:
            return ParsedPins()
        except OSError as error:
            return ParsedPins(problems=(f"{self.path}: {error.strerror or error}",))

    def append(self, pin: Pin) -> None:
        """Append a line in one write. Raises `OSError`."""
        if not self.shared:
            paths.private(self.path.parent)
        descriptor = paths.open_file(
            self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, root=self._root
        )
        try:
            size = os.fstat(descriptor).st_size
            ended = not size or os.pread(descriptor, 1, size - 1) == b"\n"
            written = (b"" if ended else b"\n") + pin_line(pin) + b"\n"
            if os.write(descriptor, written) != len(written):
                os.ftruncate(descriptor, size)
                raise OSError(f"{self.path} could not be written completely: is the disk full?")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, pin: str) -> None:
        """Remove the line of a pin, by id; the others stay as they are, byte by byte.

        Raises `Unknown` if there is no such pin, and `OSError`.
        """
        with _removing:
            while not self._removed(pin):
                pass

    def _removed(self, pin: str) -> bool:
        """Remove the line; False if another program changed the file meanwhile, so try again."""
        stamp = self.stamp()
        content = self._content() if os.path.lexists(self.path) else b""
        number = parse(content, self.folder).lines.get(pin)
        if number is None:
            raise Unknown(f"no pin {pin} in {self.path}")
        lines = content.split(b"\n")
        del lines[number - 1]
        with self._open(os.O_RDONLY, "rb") as before:
            if self.stamp() != stamp:
                return False
            self._replace(b"\n".join(lines))
            before.seek(len(content))
            late = before.read()
        if late:  # appended to the old file just before it was replaced
            with self._open(os.O_WRONLY | os.O_APPEND, "ab") as after:
                after.write(late)
        return True

    def _open(self, flags: int, mode: str) -> BinaryIO:
        return cast(BinaryIO, os.fdopen(paths.open_file(self.path, flags, root=self._root), mode))

    def _content(self) -> bytes:
        with self._open(os.O_RDONLY, "rb") as stream:
            found = os.fstat(stream.fileno())
            if found.st_size > LARGEST_BYTES:
                raise OSError(f"larger than {LARGEST_BYTES >> 20} MB")
            return stream.read()

    def _replace(self, content: bytes) -> None:
        """Replace the file atomically; its mode is kept."""
        mode = stat.S_IMODE(self.path.lstat().st_mode)
        paths.replace_file(self.path, content, sync=True, mode=mode, root=self._root)


class ParsedPins(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a pin file."""

    pins: tuple[Pin, ...] = ()
    lines: dict[str, int] = {}
    """A pin's id → its line number, from 1."""
    problems: tuple[str, ...] = ()
    """Lines that cannot be used, with number and reason."""


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    query: Annotated[str, Meta(pattern=r"\S")]
    path: Annotated[str, Meta(pattern=r"\S")]
    id: str | int = ""
    text: str = ""
    k: Annotated[int, Meta(ge=1)] = 5
    syntax: Literal["literal", "operators"] = "literal"
    filters: Filters = Filters()


def parse(content: bytes, folder: Path) -> ParsedPins:
    """Parse a pin file of `folder`; a line without an id gets one derived from its content."""
    pins: dict[str, Pin] = {}
    lines: dict[str, int] = {}
    problems: list[str] = []
    for number, line in _pin_lines(content):
        try:
            pin = _pin(msgspec.json.decode(line, type=_Line), folder)
        except (
            msgspec.DecodeError,
            UnicodeDecodeError,
            RecursionError,
            InvalidFilter,
        ) as error:
            problems.append(f"line {number}: {error}")
            continue
        pin = msgspec.structs.replace(pin, id=unique(pin.id, pins))
        pins[pin.id] = pin
        lines[pin.id] = number
    return ParsedPins(pins=tuple(pins.values()), lines=lines, problems=tuple(problems))


def generated_id(query: str, path: str, text: str) -> str:
    """An id for a pin that has none: the same for the same pin."""
    said = "\0".join((query, path, text))
    return f"p-{hashlib.sha256(said.encode(errors='surrogatepass')).hexdigest()[:8]}"


def unique(name: str, taken: dict[str, Pin]) -> str:
    """`name`, or `name (2)` … if it is taken."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    return found


def _pin_lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers."""
    for number, line in enumerate(content.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), start=1):
        if line.strip():
            yield number, line


def _pin(line: _Line, folder: Path) -> Pin:
    """The pin of a line. Raises `InvalidFilter`."""
    requested_filters(line.filters)
    path = os.path.normpath(line.path)
    if Path(path).is_relative_to(folder):  # else relative, or a note of another folder
        path = Path(path).relative_to(folder).as_posix()
    return Pin(
        id=str(line.id) or generated_id(line.query, path, line.text),
        query=line.query,
        path=path,
        text=line.text,
        k=line.k,
        syntax=line.syntax,
        filters=line.filters,
    )
