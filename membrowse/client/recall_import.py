"""Imports foreign recall logs: the client reads them with its user's rights, in batches."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from membrowse.client.engine import Engine
from membrowse.recall_log.foreign_log import BadLine, ForeignLog
from membrowse.recall_log.log_lines import LogLines
from membrowse.wire.recalls import (
    BATCH_BYTES,
    BATCH_RECALLS,
    ImportedRecalls,
    ImportRecallsRequest,
    Recall,
)

ENDINGS = (".jsonl", ".ndjson", ".json")
"""Files of a directory that are read as logs."""
_LARGEST_BYTES = 2 * BATCH_BYTES
"""Larger recalls are left out: the engine would refuse them."""
_BLOCK_BYTES = 1 << 20
_WHOLE_BYTES = 64 << 20
"""A `.json` file up to this size may be one document over many lines."""


@dataclass(slots=True, kw_only=True)
class RecallImport:
    """Sends the recalls of one log in batches, and adds up what became of them."""

    engine: Engine
    log: ForeignLog
    bad_line: Callable[[BadLine], None]
    done: ImportedRecalls = ImportedRecalls(
        added=0, known=0, recorded=0, expired=0, hits=0, located=0, outside=0
    )
    _batch: list[Recall] = field(default_factory=list, init=False)
    _bytes: int = field(default=0, init=False)

    async def line(self, line: bytes | None) -> None:
        """Take a line; None for one that is too long."""
        found = self.log.feed(line) if line is not None else iter((self.log.too_long(),))
        for each in found:
            if isinstance(each, BadLine):
                self.bad_line(each)
                continue
            size = len(msgspec.json.encode(each))
            if size > _LARGEST_BYTES:
                self.bad_line(self.log.too_large())
                continue
            if self._bytes + size > BATCH_BYTES or len(self._batch) == BATCH_RECALLS:
                await self.send()
            self._batch.append(each)
            self._bytes += size

    async def send(self) -> None:
        """Send what waits."""
        if self._batch:
            batch, self._batch, self._bytes = tuple(self._batch), [], 0
            done = await self.engine.ask(ImportRecallsRequest(recalls=batch))
            sums = {
                name: getattr(self.done, name) + getattr(done, name)
                for name in ImportedRecalls.__struct_fields__
            }
            self.done = ImportedRecalls(**sums)


async def import_file(
    importing: RecallImport, descriptor: int, *, whole: bool, progress: Callable[[int], None]
) -> str:
    """Import everything that can be read from `descriptor`; returns why the end is unusable, or
    empty.

    `whole`: the file may be one JSON document. `progress` gets the number of bytes read so far.
    """
    if whole and (document := _document(descriptor)) is not None:
        await importing.line(document)
        await importing.send()
        return ""
    lines, read = LogLines(), 0
    while block := await asyncio.to_thread(os.read, descriptor, _BLOCK_BYTES):
        read += len(block)
        for line in lines.feed(block):
            await importing.line(line)
        progress(read)
    unfinished = lines.rest
    if unfinished.strip() and not _is_json(unfinished):
        await importing.send()
        return f"line {importing.log.lines + 1} is not finished"
    await importing.line(unfinished)
    await importing.send()
    return ""


def logs_in(path: Path) -> Iterator[Path]:
    """`path` itself, or the logs below a directory, in order."""
    if not path.is_dir():
        yield path
        return
    for parent, directories, names in os.walk(path):
        directories.sort()
        yield from (Path(parent, name) for name in sorted(names) if name.endswith(ENDINGS))


def _document(descriptor: int) -> bytes | None:
    """The whole file if it is one JSON document over several lines; else None, at its start."""
    try:
        size = os.fstat(descriptor).st_size
        content = os.read(descriptor, size) if size <= _WHOLE_BYTES else b""
        os.lseek(descriptor, 0, os.SEEK_SET)
    except OSError:
        return None
    return content if b"\n" in content.strip() and _is_json(content) else None


def _is_json(content: bytes) -> bool:
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True


async def new_recalls(
    importing: Callable[[Path], RecallImport],
    path: Path,
    *,
    since: float = 0.0,
    seconds: float = 0.3,
) -> AsyncGenerator[ImportedRecalls, None]:
    """Import the log at `path`, or the logs below it, and what is appended, for ever; yields the
    sums of a log after each change. `importing` makes the import of a log.

    Logs that have not changed after `since` (seconds of the epoch) are not read. A log that is
    rotated (another file of that name) or truncated is read from its start; a line counts when it
    has an end. A log that is missing is waited for.
    """
    logs: dict[Path, tuple[RecallImport, _Watched]] = {}
    while True:
        changed = False
        for file in await asyncio.to_thread(lambda: list(logs_in(path))):
            if file not in logs:
                logs[file] = importing(file), _Watched(file, since)
            log, watched = logs[file]
            if block := await asyncio.to_thread(watched.appended):
                changed = True
                for line in watched.lines.feed(block):
                    await log.line(line)
                await log.send()
                yield log.done
        if not changed:
            await asyncio.sleep(seconds)


class _Watched:
    """A growing file: which one, and how far it was read."""

    def __init__(self, path: Path, since: float) -> None:
        self._path = path
        self._since = since
        self._position = 0
        self._identity: tuple[int, int] | None = None
        self.lines = LogLines()

    def appended(self) -> bytes:
        """What was appended, at most a megabyte at a time."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return b""
        try:
            found = os.fstat(descriptor)
            identity = (found.st_dev, found.st_ino)
            rotated = self._identity is not None and identity != self._identity
            if rotated or found.st_size < self._position:
                self._position, self.lines = 0, LogLines()
            self._identity = identity
            if found.st_mtime < self._since:
                return b""
            block = os.pread(descriptor, _BLOCK_BYTES, self._position)
            self._position += len(block)
            return block
        except OSError:
            return b""
        finally:
            os.close(descriptor)
