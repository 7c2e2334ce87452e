"""What clients remember between runs, in one small file: theme, last folders, last queries."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from membrowse import paths

QUERIES = 200
FOLDERS = 8
LONGEST_QUERY = 4000


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file; unknown keys are ignored, so that versions may differ."""

    theme: str = ""
    folders: tuple[str, ...] = ()
    """The folders opened last, the most recent first."""
    queries: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict, name="asked")
    """By folder: the queries asked last, the most recent first."""
    lines: int = 0
    """Lines of a hit; 0: as many as the height allows."""
    split: int = 0
    """Percent of the height for the panels under the rankings; 0: not chosen."""
    explaining: bool = False
    """Whether the explanation was open."""


class Remembered:
    """Reads and writes the file. Each change reads it again: another browser may write, too.

    A file that cannot be read counts as empty, and errors of writing are ignored: none of this is
    worth an interruption.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or paths.state_dir() / "ui.json"
        self.memory = self._read()

    def _read(self) -> Memory:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Memory)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Memory()

    def _change(self, change: Callable[[Memory], Memory]) -> None:
        self.memory = change(self._read())
        content = msgspec.json.format(msgspec.json.encode(self.memory), indent=1)
        with contextlib.suppress(OSError):
            paths.replace_file(self._file, content)

    def theme(self, name: str) -> None:
        """Remember the theme that was chosen."""
        if name != self.memory.theme:
            self._change(lambda memory: msgspec.structs.replace(memory, theme=name))

    def layout(
        self, *, lines: int | None = None, split: int | None = None, explaining: bool | None = None
    ) -> None:
        """Remember what was chosen of the layout."""
        chosen = {"lines": lines, "split": split, "explaining": explaining}
        changes = {name: value for name, value in chosen.items() if value is not None}
        if any(getattr(self.memory, name) != value for name, value in changes.items()):
            self._change(lambda memory: msgspec.structs.replace(memory, **changes))

    def folder(self, folder: Path) -> None:
        """Remember that `folder` was opened."""
        path = _name(folder)

        def change(memory: Memory) -> Memory:
            folders = _first(path, memory.folders, FOLDERS)
            queries = {name: memory.queries[name] for name in folders if name in memory.queries}
            return msgspec.structs.replace(memory, folders=folders, queries=queries)

        self._change(change)

    def queries(self, folder: Path) -> tuple[str, ...]:
        """The queries asked last in `folder`, the most recent first."""
        return self.memory.queries.get(_name(folder), ())

    def query(self, text: str, folder: Path) -> None:
        """Remember the query `text` of `folder`; each is kept once, the most recent first."""
        text = text.strip().encode("utf-8", "replace").decode()[:LONGEST_QUERY]
        path = _name(folder)
        if not text or self.queries(folder)[:1] == (text,):
            return

        def change(memory: Memory) -> Memory:
            known = _first(text, memory.queries.get(path, ()), QUERIES)
            return msgspec.structs.replace(memory, queries=memory.queries | {path: known})

        self._change(change)

    def recent(self, besides: Path | None) -> tuple[str, ...]:
        """The folders opened last, without `besides`."""
        current = None if besides is None else _name(besides)
        return tuple(name for name in self.memory.folders if name != current)

    @property
    def last_folder(self) -> Path | None:
        """The folder opened last that still exists."""
        for name in self.memory.folders:
            if Path(name).is_dir():
                return Path(name)
        return None


def _name(folder: Path) -> str:
    return os.fsencode(folder.absolute()).decode("utf-8", "replace")


def _first(item: str, items: tuple[str, ...], limit: int) -> tuple[str, ...]:
    return (item, *(other for other in items if other != item))[:limit]
