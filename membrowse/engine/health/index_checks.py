"""Checks an index: the holder of its lock, the agreement of its stores, its recipe.

A running engine compares its own stores, because nothing else may open them; without one, the index
is locked and opened here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from membrowse import paths
from membrowse.client import discovery
from membrowse.client.engine import EngineClient, EngineRefused, EngineUnavailable
from membrowse.client.titles import title_or_path
from membrowse.counts import counted
from membrowse.engine import clock
from membrowse.engine.health.environment_checks import Subject, ok, problem, warning
from membrowse.engine.health.store_check import check_stores
from membrowse.engine.lock import LOCK_NAME, Holder, IndexLock, IndexLocked
from membrowse.index.local_stores import IndexTooNew
from membrowse.index.manifest import IndexCorrupt
from membrowse.index.store_errors import StoreUnavailable
from membrowse.shell_commands import command
from membrowse.stores.directory import is_own_directory
from membrowse.wire.engine import HelloRequest, StatusRequest
from membrowse.wire.health import DAMAGED, Check, StoreCheck, StoreCheckRequest

_STORE_REMEDY = "start Milvus, or correct `store.uri` or the token; nothing is lost"
_STARTING_SECONDS = 5.0
"""A process that has held the lock for this long must answer."""
_POLL_SECONDS = 0.1


def index_checks(subject: Subject) -> Iterator[Check]:
    """The checks `lock`, `index` and `recipe`, as far as possible."""
    directory = paths.index_dir(subject.folder)
    if not directory.is_dir():
        index = command("index", subject.folder)
        yield warning("index", f"{title_or_path(subject.folder)} is not indexed", index)
        return
    lock = IndexLock(directory)
    held = _locked_by_another(lock)
    if held is None:
        try:
            yield ok("lock", "free: no engine runs")
            yield from _checks_of_open_index(subject)
        finally:
            lock.release()
        return
    yield from asyncio.run(_checks_by_engine(subject.folder, directory, held))


def _locked_by_another(lock: IndexLock) -> IndexLocked | None:
    """Take `lock`, or return its holder."""
    try:
        lock.acquire(clock.now())
    except IndexLocked as error:
        return error
    return None


def _checks_of_open_index(subject: Subject) -> Iterator[Check]:
    from membrowse.engine.sources import open_closed_index

    try:
        index, models = open_closed_index(subject.folder, subject.settings)
    except (IndexCorrupt, IndexTooNew) as error:
        yield problem("index", str(error), _rebuild(subject.folder))
        return
    try:
        index.open_chroma()
        report = check_stores(index, models, cut=is_own_directory(subject.folder))
        yield from _judged_stores(report, subject.folder)
    except StoreUnavailable as error:
        yield problem("store", str(error), _STORE_REMEDY)
    finally:
        index.close()


async def _checks_by_engine(folder: Path, directory: Path, held: IndexLocked) -> list[Check]:
    """The checks by the engine that holds the lock, if it answers."""
    try:
        client = await _engine_of_index(folder, held.holder)
    except discovery.EngineOutdated as error:
        return [problem("lock", str(error), command("engine restart", folder))]
    except EngineUnavailable:
        remedy = _lock_advice(directory, held.holder)
        return [problem("lock", f"{held}, which does not answer", remedy)]
    try:
        engine = (await client.ask(HelloRequest())).engine
        holder = Holder(pid=engine.pid, user=engine.user, since=engine.since)
        lock = ok("lock", f"held by the engine, {holder}")
        read = await _reading_of_a_store(client, folder)
        return [lock, *read, *await _store_checks_by_engine(client, folder)]
    finally:
        await client.close()


async def _reading_of_a_store(client: EngineClient, folder: Path) -> list[Check]:
    """Why the store of another program could not be read the last time."""
    state = (await client.ask(StatusRequest())).state
    if not (state.store and state.problem):
        return []
    return [problem("reading", state.problem, command("index", folder))]


async def _store_checks_by_engine(client: EngineClient, folder: Path) -> list[Check]:
    """The checks of its stores by the engine itself."""
    try:
        return list(_judged_stores(await client.ask(StoreCheckRequest()), folder))
    except EngineRefused as error:
        if error.problem.kind == "store":
            return [problem("store", str(error), _STORE_REMEDY)]
        return [problem("index", str(error), _rebuild(folder))]


async def _engine_of_index(folder: Path, holder: Holder | None) -> EngineClient:
    """The engine of `folder`, which may still be starting. Raises `EngineUnavailable`."""
    while True:
        try:
            return await discovery.connect(folder, start=False)
        except discovery.EngineOutdated:
            raise
        except EngineUnavailable:
            if holder is None or not _starting(holder):
                raise
        await asyncio.sleep(_POLL_SECONDS)


def _starting(holder: Holder) -> bool:
    """Whether `holder` has the lock since a moment ago; a clock that was set back does not tell."""
    since = (datetime.now(UTC) - datetime.fromisoformat(holder.since)).total_seconds()
    return 0 <= since <= _STARTING_SECONDS


def _lock_advice(directory: Path, holder: Holder | None) -> str:
    if holder is not None:
        return f"`kill {holder.pid}`"
    return f"`fuser -k {directory / LOCK_NAME}`"


def _rebuild(folder: Path) -> str:
    return command("index --rebuild", folder)


def _judged_stores(report: StoreCheck, folder: Path) -> Iterator[Check]:
    yield _store_counts(report, folder)
    if report.stale:
        yield warning(
            "recipe",
            f"the index was made by another version: {report.stale}",
            f"{command('index', folder)} rebuilds it",
        )
    elif report.recipe:
        yield ok("recipe", ", ".join(f"{name} {value}" for name, value in report.recipe.items()))


def _store_counts(report: StoreCheck, folder: Path) -> Check:
    notes, chunks = counted(report.notes, "note"), counted(report.chunks, "chunk")
    detail = f"generation {report.generation}, {notes}, {chunks}"
    damaged = [found for found in report.discrepancies if found.kind == DAMAGED]
    unequal = [found for found in report.discrepancies if found.kind != DAMAGED]
    if unequal:
        wrong = "; ".join(
            f"{found.store}: {found.count} {found.kind} (such as {found.example})"
            for found in unequal
        )
        return problem("index", f"{detail}; {wrong}", _rebuild(folder))
    if report.longest_chunk > report.window:
        return problem(
            "index",
            f"{detail}; the longest chunk has {counted(report.longest_chunk, 'word piece')}, "
            f"the encoder reads {report.window}",
            _rebuild(folder),
        )
    if damaged:
        stores = ", ".join(f"{found.store}: {found.count}" for found in damaged)
        return warning(
            "index",
            f"{detail}; damaged entries were found and made again ({stores})",
            f"check the disk; run {command('doctor', folder)} again",
        )
    return ok(
        "index",
        f"{detail}; all stores agree; the longest chunk has {report.longest_chunk} of "
        f"{report.window} word pieces",
    )
