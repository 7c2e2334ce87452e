"""Read files of other programs: bounded, tolerant of what they contain, and never for writing."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from membrowse import paths

LARGEST_SETTINGS = 4 << 20
"""Bytes of a settings file."""
_DEEPEST = 100
_BUSY_SECONDS = 2.0
_HEADER_BYTES, _READ_VERSION, _WAL = 100, 19, 2
"""Of SQLite's file header."""


class Unreadable(Exception):
    """A file that cannot be used; the message names it and says why."""


def json5(file: Path) -> dict[str, Any]:
    """The object in `file`, which is JSON or JSON5. Raises `Unreadable`."""
    import pyjson5

    return _parsed(file, lambda text: pyjson5.decode(text, maxdepth=_DEEPEST))


def yaml(file: Path) -> dict[str, Any]:
    """The mapping in `file`, which is YAML without aliases. Raises `Unreadable`."""
    import yaml as parser

    def parse(text: str) -> object:
        if any(isinstance(token, parser.AliasToken) for token in parser.scan(text)):
            raise ValueError("aliases are not read")
        return parser.safe_load(text)

    return _parsed(file, parse)


def toml(file: Path) -> dict[str, Any]:
    """The table in `file`, which is TOML. Raises `Unreadable`."""
    return _parsed(file, tomllib.loads)


def _parsed(file: Path, parse: Callable[[str], object]) -> dict[str, Any]:
    try:
        text = paths.read_regular(file, LARGEST_SETTINGS).decode("utf-8-sig")
        content = parse(text)
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror or error}") from error
    except (Exception, RecursionError) as error:  # whatever a parser of hostile text raises
        raise Unreadable(f"{file}: cannot be parsed: {_first_line(error)}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise Unreadable(f"{file}: not an object with keys")
    return content


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0][:200]


@contextmanager
def database(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the SQLite database `file` that cannot write. Raises `Unreadable`."""
    try:
        connection = sqlite3.connect(_read_only(file), uri=True, timeout=_BUSY_SECONDS)
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror or error}") from error
    except sqlite3.Error as error:
        raise Unreadable(f"{file}: {error}") from error
    try:
        yield connection
    except sqlite3.Error as error:
        raise Unreadable(f"{file}: {error}") from error
    finally:
        connection.close()


def _read_only(file: Path) -> str:
    """The URI that opens `file` without creating a file beside it.

    In WAL mode, SQLite creates missing side files even for a reader. If the log is empty, all is in
    the database itself, and they are not needed.
    """
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        header = stream.read(_HEADER_BYTES)
    in_wal_mode = len(header) > _READ_VERSION and header[_READ_VERSION] == _WAL
    log, shared = (file.with_name(file.name + suffix) for suffix in ("-wal", "-shm"))
    in_use = paths.size(log) > 0 and shared.exists()
    immutable = "&immutable=1" if in_wal_mode and not in_use else ""
    return f"{file.absolute().as_uri()}?mode=ro{immutable}"


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Whether the database has a table called `name`."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return connection.execute(query, (name,)).fetchone() is not None


# Values of settings, whose types nobody checked


def table(content: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """The table at `keys`, empty if there is none."""
    found: Any = content
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def number(value: object) -> float | None:
    """`value` if it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    finite = abs(value) < float("inf")
    return float(value) if finite else None


def count(value: object) -> int | None:
    """`value` if it is a whole number from 1 to 1,000,000."""
    found = number(value)
    return int(found) if found is not None and 1 <= found <= 1_000_000 else None


def text(value: object) -> str:
    """`value` if it is a text that can be part of a path or an argument, else empty."""
    if not isinstance(value, str) or "\0" in value:
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:  # lone surrogates
        return ""
    return value
