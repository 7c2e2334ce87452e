"""Read what an agent's search program prints.

A reader is a preset, or fields that the person gives: `results=hits,path=file,score=rank` names the
list of hits and the keys of a hit, with dots for keys of nested objects.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from membrowse.agents.collections import roots_of_memory
from membrowse.agents.foreign_files import number, text
from membrowse.counts import counted
from membrowse.settings import SettingsError
from membrowse.wire.agents import AgentHit, AgentMemory

MOST_HITS = 1000
LONGEST_TEXT = 4000
"""Characters of a hit's text that are kept."""


class UnreadableAnswer(Exception):
    """Output that is not what the reader expects; the message says what is."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Keys of an answer in JSON."""

    path: str
    results: str = ""
    """Where the list of hits is; empty: the answer is the list."""
    start_line: str = ""
    end_line: str = ""
    score: str = ""
    text: str = ""
    warning: str = ""
    """Where the program reports what is wrong with its answer."""


def _reported(path: str, _memory: AgentMemory) -> str:
    return path


def _of_qmd(path: str, memory: AgentMemory) -> str:
    """`qmd://COLLECTION/PATH` → PATH; as it is for another collection."""
    prefix = f"qmd://{memory.index_part}/"
    return unquote(path.removeprefix(prefix)) if path.startswith(prefix) else path


@dataclass(frozen=True, slots=True)
class Reader:
    """How an answer is read."""

    fields: Fields
    path_of: Callable[[str, AgentMemory], str] = _reported
    """A reported path as one that is relative to the folder, or absolute."""


PRESETS = {
    "openclaw": Reader(
        Fields(
            results="results",
            path="path",
            start_line="startLine",
            end_line="endLine",
            score="score",
            text="snippet",
            warning="warning",
        )
    ),
    "qmd": Reader(Fields(path="file", start_line="line", score="score", text="snippet"), _of_qmd),
    "memsearch": Reader(
        Fields(
            path="source",
            start_line="start_line",
            end_line="end_line",
            score="score",
            text="content",
        )
    ),
    "basic-memory": Reader(
        Fields(results="results", path="file_path", score="score", text="content")
    ),
}
"""Readers of programs, as of OpenClaw 2026.9, qmd 2.8, memsearch 0.4 and basic-memory 0.24."""


def reader_of(reads: str) -> Reader:
    """The preset called `reads`, or the fields it lists. Raises `SettingsError`."""
    if reads in PRESETS:
        return PRESETS[reads]
    named: dict[str, str] = {}
    for item in reads.split(","):
        field, separator, key = item.partition("=")
        if not separator or field not in Fields.__dataclass_fields__ or not key:
            known = ", ".join(PRESETS)
            fields = ", ".join(Fields.__dataclass_fields__)
            raise SettingsError(
                f"{reads!r} is no preset ({known}) and no list of fields ({fields})"
            )
        named[field] = key
    if "path" not in named:
        raise SettingsError(f"{reads!r} does not say where a hit's path is (path=…)")
    return Reader(Fields(**named))


def read_answer(
    output: bytes, reader: Reader, memory: AgentMemory
) -> tuple[tuple[AgentHit, ...], str]:
    """The hits of an answer, and what the program reported beside them. Raises
    `UnreadableAnswer`."""
    fields = reader.fields
    content = _parsed(output)
    items = _at(content, fields.results)
    if not isinstance(items, list):
        where = f"no list at {fields.results!r}" if fields.results else "not a list"
        raise UnreadableAnswer(f"its output has {where}: {_error_in(content)}".rstrip(": "))
    hits = tuple(_hits(items[:MOST_HITS], reader, memory))
    if items and not hits:
        raise UnreadableAnswer(f"{counted(len(items), 'hit')} without a path at {fields.path!r}")
    return hits, text(_at(content, fields.warning)) if fields.warning else ""


def _parsed(output: bytes) -> object:
    """The JSON of an output, which other lines may precede. Raises `UnreadableAnswer`."""
    try:
        return msgspec.json.decode(output)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    lines = output.splitlines(keepends=True)
    starts = [at for at, line in enumerate(lines) if line.lstrip()[:1] in (b"{", b"[")]
    for start in starts[:20]:
        try:
            return msgspec.json.decode(b"".join(lines[start:]))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    raise UnreadableAnswer("its output is not JSON" if output.strip() else "it printed nothing")


def _hits(items: list[object], reader: Reader, memory: AgentMemory) -> Iterator[AgentHit]:
    fields = reader.fields
    rank = 0
    for item in items:
        reported = text(_at(item, fields.path))
        if not reported:
            continue
        rank += 1
        path, inside = _located(reader.path_of(reported, memory), memory)
        yield AgentHit(
            rank=rank,
            path=path,
            inside=inside,
            start_line=_line(_at(item, fields.start_line)),
            end_line=_line(_at(item, fields.end_line)),
            score=number(_at(item, fields.score)),
            text=text(_at(item, fields.text))[:LONGEST_TEXT],
        )


def _located(path: str, memory: AgentMemory) -> tuple[str, bool]:
    """A path of the agent's tree, or as reported, and whether it is inside.

    Nothing is opened: the program, or who writes its notes, may report any path.
    """
    if "://" in path:
        return path, False
    absolute = Path(os.path.normpath(Path(memory.folder) / path))
    found = roots_of_memory(memory).path_of(absolute)
    return (str(absolute), False) if found is None else (found, True)


def _at(content: object, key: str) -> Any:
    """The value at a dotted key; `content` itself for an empty key of a list."""
    if not key:
        return content if isinstance(content, list) else None
    for name in key.split("."):
        content = content.get(name) if isinstance(content, Mapping) else None
    return content


def _line(value: object) -> int | None:
    found = number(value)
    return int(found) if found is not None and 1 <= found < 1 << 31 else None


def _error_in(content: object) -> str:
    """The error that an answer reports instead of hits."""
    for key in ("error.message", "error", "message", "status"):
        if found := text(_at(content, key)):
            return found[:500]
    return ""
