"""A file of pins, read by the client: the engine may run as a user who has no right to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from membrowse.cli.boundary import Stop
from membrowse.cli.exits import Exit
from membrowse.cli.expectations import expected
from membrowse.findings.pins import Pin


@dataclass(frozen=True, slots=True)
class PinFile:
    """The pins of `file`, and the lines of it that hold none, with the reason."""

    file: str
    pins: tuple[Pin, ...]
    problems: tuple[str, ...]


class _Line(msgspec.Struct, frozen=True):
    """A line as written; other keys are ignored."""

    query: str
    path: str
    id: str | int | None = None
    text: str = ""
    k: Annotated[int, Meta(ge=1)] = 5
    syntax: str = "literal"


def read(file: Path, folder: Path) -> PinFile:
    """The pins of `file`, their paths relative to `folder`; raises `Stop` if it is unreadable."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Stop(Exit.USAGE, f"{file} cannot be read: {error.strerror}") from error
    pins: dict[str, Pin] = {}
    problems: list[str] = []
    for number, line in _lines(content):
        try:
            pin = _pin(number, line, folder)
        except _BadLine as error:
            problems.append(f"line {number}: {error}")
        else:
            pins[_unique(pin.id, pins)] = pin
    named = (msgspec.structs.replace(pin, id=name) for name, pin in pins.items())
    return PinFile(str(file.absolute()), tuple(named), tuple(problems))


class _BadLine(Exception):
    """A line that holds no pin; the message says what is wrong with it."""


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            yield number, line


def _pin(number: int, line: bytes, folder: Path) -> Pin:
    try:
        written = msgspec.json.decode(line, type=_Line)
    except msgspec.ValidationError as error:
        raise _BadLine(f"not a pin: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _BadLine(f"not JSON: {error}") from error
    if not written.query.strip() or not written.path.strip():
        raise _BadLine("a pin needs a query and a path")
    return Pin(
        id=f"line {number}" if written.id in (None, "") else str(written.id),
        query=written.query,
        path=_path(written.path, folder),
        text=written.text,
        k=written.k,
        syntax=written.syntax,
    )


def _path(path: str, folder: Path) -> str:
    """`path` relative to `folder`; one that leads elsewhere is left to be reported as missing."""
    if not Path(path).is_absolute():
        return path
    try:
        return expected(folder, path).path
    except Stop as error:
        raise _BadLine(str(error)) from error


def _unique(name: str, taken: dict[str, Pin]) -> str:
    number = 2
    unique = name
    while unique in taken:
        unique, number = f"{name} ({number})", number + 1
    return unique
