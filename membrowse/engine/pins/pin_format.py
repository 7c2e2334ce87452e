"""A file of pins, `golden.jsonl`: one JSON object a line, read without losing any.

    {"id": "g01", "query": "which port?", "path": "decisions/ssh.md", "text": "on 2222", "k": 5}

Only `query` and `path` are needed. Other keys are nobody's business but their owner's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from membrowse.wire.pins import Pin

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class ParsedPins(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds."""

    pins: tuple[Pin, ...] = ()
    lines: dict[str, int] = {}
    """A pin's id to the number of its line, from 1."""
    problems: tuple[str, ...] = ()
    """Lines that cannot be used, with number and reason."""


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    query: Annotated[str, Meta(pattern=r"\S")]
    path: Annotated[str, Meta(pattern=r"\S")]
    id: str | int = ""
    text: str = ""
    k: Annotated[int, Meta(ge=1)] = 5
    syntax: Literal["literal", "operators"] = "literal"


def parse(content: bytes) -> ParsedPins:
    """The pins of a file's content; a line without an id has one made of what it says."""
    pins: dict[str, Pin] = {}
    lines: dict[str, int] = {}
    problems: list[str] = []
    for number, line in _lines(content):
        try:
            pin = _pin(msgspec.json.decode(line, type=_Line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            problems.append(f"line {number}: {error}")
            continue
        pin = msgspec.structs.replace(pin, id=unique(pin.id, pins))
        pins[pin.id] = pin
        lines[pin.id] = number
    return ParsedPins(pins=tuple(pins.values()), lines=lines, problems=tuple(problems))


def line_of(pin: Pin) -> bytes:
    """`pin` as a line of a file, without its line end; what says nothing is left out."""
    fields = msgspec.to_builtins(pin)
    if pin.syntax == "literal":
        del fields["syntax"]
    if not pin.text:
        del fields["text"]
    return msgspec.json.encode(fields)


def generated_id(query: str, path: str, text: str) -> str:
    """A name for a pin that has none: the same for the same pin."""
    said = "\0".join((query, path, text))
    return f"p-{hashlib.sha256(said.encode(errors='surrogatepass')).hexdigest()[:8]}"


def unique(name: str, taken: dict[str, Pin]) -> str:
    """`name`, or one like it that is not `taken`."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    return found


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers."""
    for number, line in enumerate(content.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), start=1):
        if line.strip():
            yield number, line


def _pin(line: _Line) -> Pin:
    path = line.path.removeprefix("./")
    return Pin(
        id=str(line.id) or generated_id(line.query, path, line.text),
        query=line.query,
        path=path,
        text=line.text,
        k=line.k,
        syntax=line.syntax,
    )
