"""stdout is data, stderr is narration; text from notes cannot act on a terminal through either."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from typing import Any

import msgspec

from membrowse.text import shown, shown_block

SCHEMA = {"schema": 1}
"""The first key of a record that is printed as JSON."""
_UNSAFE = re.compile("[^\n -~]")


class ReaderGone(Exception):
    """The reader of the output stopped reading."""


class Unwritable(Exception):
    """The output cannot be written; the message is the system's."""


def write(text: str) -> None:
    """Write `text`, which must be safe to show, to stdout."""
    sys.stdout.flush()
    encoding = sys.stdout.encoding or "utf-8"
    _write(text.encode(encoding, errors="backslashreplace"))


def write_json(value: object, first: dict[str, Any] | None = None) -> None:
    """Write `value` to stdout as one line of JSON in UTF-8, after the keys of `first`.

    On a terminal, characters that could act on it are escaped; lone surrogates (bytes of a path
    that are not UTF-8) always are. The meaning of the JSON is the same.
    """
    line = json_line(value)
    if first:
        line = f"{json_line(first)[:-1]},{line[1:]}"
    if sys.stdout.isatty():
        line = _UNSAFE.sub(_escaped, line)
    _write(line.encode() + b"\n")


def json_line(value: object) -> str:
    """`value` as JSON, lone surrogates escaped."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value), ensure_ascii=True, separators=(",", ":"))


def say(message: str) -> None:
    """Write `message`, which may contain untrusted text, to stderr."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"membrowse: {shown_block(message)}\n")
        sys.stderr.flush()


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return character if shown(character) == character else json.dumps(character)[1:-1]


def _write(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error
    except OSError as error:
        raise Unwritable(error.strerror) from error
