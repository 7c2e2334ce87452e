"""What breaks beneath an engine is mended, and told to its clients."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import queue
import shutil
import sqlite3
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import psutil
import pytest
from starlette.requests import Request as HttpRequest

from membrowse import interpreter, paths
from membrowse.cli.commands.status import _watcher_text
from membrowse.client import discovery
from membrowse.engine import components as parts
from membrowse.engine import sources
from membrowse.engine.components import Components
from membrowse.engine.handlers.spelling import suggest_spelling
from membrowse.engine.health.condition import engine_health
from membrowse.engine.http.peers import EVERY_RIGHT
from membrowse.engine.http.server import _http_problem
from membrowse.engine.indexing import disk_space, note_reader
from membrowse.engine.indexing.indexer import Indexer
from membrowse.engine.indexing.note_reader import NoteReader
from membrowse.engine.priority import Cancelled, QueryTraffic
from membrowse.engine.service import Service
from membrowse.index import index_directory
from membrowse.index.index import Index
from membrowse.index.index_directory import discard
from membrowse.index.protocols import SearchIndex
from membrowse.notes import watchdog_observers, watcher
from membrowse.notes.tree_scanner import TreeScanner
from membrowse.settings import EngineSettings, Settings, SettingsError
from membrowse.wire.engine import (
    EngineState,
    HelloRequest,
    RebuildRequest,
    StatesRequest,
)
from membrowse.wire.explanation import SpellingRequest, SpellingSuggestion
from membrowse.wire.health import StoreCheckRequest
from tests.engine.conftest import ask, at, current, engine_here, made_otherwise, serving, until
from tests.engine.in_process import telling
from tests.waiting import DEADLINE_SECONDS


def kill_observer(components: Components) -> None:
    assert isinstance(components.indexer, Indexer)
    observer = components.indexer._watch._watches[""]._observer
    assert observer is not None
    for emitter in observer.emitters.copy():
        emitter.stop()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "HEARTBEAT", 0.1)
    monkeypatch.setattr(watchdog_observers, "POLL_SECONDS", 0.1)


def test_a_dead_observer_is_replaced_and_clients_are_told(folder: Path) -> None:
    with telling(folder) as told:
        before = told.until(current)
        assert before.watcher.restarted_at == ""
        kill_observer(told.components)
        (folder / "missed.md").write_text("# Missed\n\nWritten while nothing watched.\n")
        after = told.until(lambda state: bool(state.watcher.restarted_at))
        assert after.watcher.alive
        assert f"restarted {after.watcher.restarted_at}" in _watcher_text(after.watcher)
        told.until(lambda state: state.notes == before.notes + 1)
        (folder / "seen.md").write_text("# Seen\n\nWritten since.\n")
        told.until(lambda state: state.notes == before.notes + 2)


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's own")
def test_without_inotify_the_folder_is_polled_and_clients_are_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EMFILE, "limit reached")

    monkeypatch.setattr(watchdog_observers._Inotify, "_create_inotify_fd", refuse)
    with telling(folder) as told:
        before = told.until(current)
        assert (before.watcher.kind, before.watcher.alive) == ("polling", True)
        assert "fs.inotify.max_user_instances" in before.watcher.message
        assert "fs.inotify.max_user_instances" in _watcher_text(before.watcher)
        (folder / "polled.md").write_text("# Polled\n\nFound by looking.\n")
        told.until(lambda state: state.notes == before.notes + 1 and current(state))


def test_a_changed_recipe_marks_the_index_stale_until_it_is_rebuilt(folder: Path) -> None:
    with telling(folder) as told:
        before = told.until(current)
    made_otherwise(paths.index_dir(folder))
    with telling(folder) as told:
        stale = told.until(lambda state: bool(state.stale))
        assert stale.stale.startswith("chunker ancient → ")
        after = told.until(lambda state: current(state) and not state.stale)
        assert after.chunks == before.chunks
        assert after.generation > before.generation


async def test_an_index_of_another_recipe_answers_while_it_is_renewed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(folder) as client:
        await until(client, current)
    made_otherwise(paths.index_dir(folder))
    reading = threading.Event()
    read = NoteReader.read

    def read_later(*parts: Any, **options: Any) -> Any:
        assert reading.wait(DEADLINE_SECONDS)
        return read(*parts, **options)

    monkeypatch.setattr(NoteReader, "read", read_later)
    async with engine_here(folder):
        client = await discovery.connect(folder, start=False)
        stale = await until(client, lambda state: bool(state.stale) and state.pending.changed == 2)
        assert stale.notes == 2
        assert (await ask(client, "ssh")).rankings["keyword"].total == 1
        reading.set()
        after = await until(client, lambda state: current(state) and not state.stale)
        assert after.notes == 2
        assert (await ask(client, "ssh")).rankings["keyword"].total == 1
        await client.close()


def test_a_saved_note_is_indexed_without_a_scan_of_the_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with telling(folder, check_seconds=3600.0) as told:
        before = told.until(current)
        monkeypatch.setattr(TreeScanner, "scan", lambda *_: pytest.fail("the folder was scanned"))
        with (folder / "food.md").open("a") as note:
            note.write("\nThe zephyrine lantern hangs in the boathouse.\n")
        after = told.until(at(before.generation))
    assert (after.last_change and after.last_change.path, after.problem) == ("food.md", "")
    assert after.notes == before.notes


def test_what_is_pending_is_exact_while_notes_are_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(note_reader, "_BATCH_CHUNKS", 1)
    for number in range(4):
        (folder / f"more-{number}.md").write_text(f"# More\n\nNote {number}.\n")
    with telling(folder) as told:
        halfway = told.until(lambda state: state.pending.new == 2)
        after = told.until(current)
    assert halfway.notes == after.notes - 2


def test_indexing_pauses_while_the_disk_is_nearly_full_and_goes_on_by_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 99 << 20
    nearly_full = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=free))
    with telling(folder) as told:
        before = told.until(current)
        monkeypatch.setattr(disk_space, "shutil", nearly_full)
        (folder / "later.md").write_text("# Later\n\nWritten while there is no room.\n")
        paused = told.until(lambda state: bool(state.problem))
        assert "indexing pauses until 100 MB are free" in paused.problem
        assert (paused.notes, paused.pending.new, paused.progress) == (before.notes, 1, None)
        health = engine_health(paused, opened=True)
        assert health.ready and health.reasons[0] == paused.problem
        free = 101 << 20
        after = told.until(lambda state: state.notes == before.notes + 1 and current(state))
        assert not after.problem


def test_a_full_disk_is_named_and_indexing_goes_on_by_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    attempts: queue.SimpleQueue[str] = queue.SimpleQueue()
    with telling(folder) as told:
        before = told.until(current)
        index, full = told.components.index, threading.Event()
        assert isinstance(index, Index)
        written = index._stores.manifest.confirm

        def confirm(*parts: Any) -> None:
            if full.is_set():
                attempts.put(told.components.indexer.state.problem)
                raise OSError(errno.ENOSPC, "No space left on device")
            written(*parts)

        monkeypatch.setattr(index._stores.manifest, "confirm", confirm)
        full.set()
        (folder / "later.md").write_text("# Later\n\nWritten while there is no room.\n")
        stopped = told.until(lambda state: bool(state.problem))
        assert f"the disk is full at {index.directory}: free some" in stopped.problem
        assert stopped.notes == before.notes and engine_health(stopped, opened=True).ready
        assert attempts.get(timeout=DEADLINE_SECONDS) == ""
        assert attempts.get(timeout=DEADLINE_SECONDS) == stopped.problem, "it stays meanwhile"
        full.clear()
        after = told.until(lambda state: state.notes == before.notes + 1 and current(state))
        assert not after.problem and index.check() == []
    logged = [each.message for each in caplog.records if each.name.endswith("indexing.indexer")]
    assert logged.count(stopped.problem) == 1 and logged.count("indexing goes on") == 1


def test_a_request_that_a_full_disk_stops_says_so() -> None:
    http = cast(HttpRequest, SimpleNamespace(url=SimpleNamespace(path="/backup")))
    for error in (OSError(errno.ENOSPC, "No space left on device"), _sqlite_full()):
        status, problem = _http_problem(error, http)
        assert (status, problem.kind) == (507, "disk full") and "free some" in problem.message


def test_only_a_full_disk_or_quota_is_called_full(tmp_path: Path) -> None:
    disk = disk_space.DiskSpace(tmp_path, tmp_path, 0)
    wide = _io_error("SQLITE_IOERR_SHMSIZE")  # as on a full tmpfs
    for error in (OSError(errno.EDQUOT, "Disk quota exceeded"), _sqlite_full(), wide):
        assert "the disk is full" in disk.explain(error)
    cut = _io_error("SQLITE_IOERR_SHORT_READ")
    for error in (OSError(errno.EIO, "I/O error"), OSError(errno.EFBIG, "larger than 9 MB"), cut):
        assert not disk.explain(error)


def test_an_io_error_says_what_failed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = "disk I/O error (SQLITE_IOERR_FSYNC)"
    http = cast(HttpRequest, SimpleNamespace(url=SimpleNamespace(path="/backup")))
    assert failed in _http_problem(_io_error("SQLITE_IOERR_FSYNC"), http)[1].message
    with telling(folder) as told:
        told.until(current)
        index = told.components.index
        assert isinstance(index, Index)

        def confirm(*_: object) -> None:
            raise _io_error("SQLITE_IOERR_FSYNC")

        with monkeypatch.context() as patch:
            patch.setattr(index._stores.manifest, "confirm", confirm)
            (folder / "later.md").write_text("# Later\n\nWritten on a failing disk.\n")
            problem = told.until(lambda state: bool(state.problem)).problem
    assert problem == f"indexing failed: {failed}; retrying soon"


def _io_error(name: str) -> sqlite3.Error:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode, error.sqlite_errorname = getattr(sqlite3, name), name
    return error


def _sqlite_full() -> sqlite3.Error:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.Error) as caught:
            connection.execute("CREATE TABLE t AS SELECT hex(randomblob(9000))")
        return caught.value


def test_a_deleted_index_directory_is_named_with_the_command_that_mends_it(folder: Path) -> None:
    with telling(folder) as told:
        before = told.until(current)
        shutil.rmtree(told.components.index.directory)
        (folder / "later.md").write_text("# Later\n\nWritten since.\n")
        stopped = told.until(lambda state: bool(state.problem))
        assert "was deleted: `membrowse engine restart`" in stopped.problem
    with telling(folder) as told:
        told.until(lambda state: state.notes == before.notes + 1 and current(state))


def test_an_index_is_closed_if_what_is_opened_after_it_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, close = list[Path](), Index.close

    def close_and_tell(index: Index) -> None:
        closed.append(index.directory)
        close(index)

    monkeypatch.setattr(Index, "close", close_and_tell)

    def fails(*_: object) -> None:
        raise SettingsError("`fusion.weight` is 3")

    for opener, part in ((parts, "Searcher"), (sources, "Indexer")):
        with monkeypatch.context() as patch, pytest.raises(SettingsError):
            patch.setattr(opener, part, fails)
            parts.open_components(folder, Settings(), QueryTraffic(), lambda: None)
    assert closed == 2 * [paths.index_dir(folder)]


async def test_an_index_that_cannot_be_opened_is_rebuilt_once_however_often_it_is_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with telling(folder) as told:
        told.until(current)
    opened, discarded = sources.open_index, list[Path]()
    failures = iter((True,))

    def unopened_at_first(*parts: Any) -> SearchIndex:
        if next(failures, False):
            raise RuntimeError("cannot be opened")
        return opened(*parts)

    monkeypatch.setattr(sources, "open_index", unopened_at_first)

    def slowly(directory: Path) -> None:
        discarded.append(directory)
        time.sleep(0.3)
        discard(directory)

    monkeypatch.setattr(index_directory, "discard", slowly)
    service = Service(folder, Settings(engine=EngineSettings(settle_ms=50)), idle_seconds=0)
    await service.start()
    rebuilds = (
        service.answer(RebuildRequest(), EVERY_RIGHT, service.background_work()) for _ in range(2)
    )
    states = [msgspec.convert(each, EngineState) for each in await asyncio.gather(*rebuilds)]
    assert sorted(state.requested for state in states) == [2, 3]
    after = None
    async with asyncio.timeout(DEADLINE_SECONDS):
        async for state in service.stream(StatesRequest()):
            assert isinstance(state, EngineState)
            if current(state) and state.started >= 3:
                after = state
                break
    assert after is not None and (after.notes, after.problem) == (2, "")
    assert discarded == [paths.index_dir(folder)]
    service.begin_stop()
    await service.close()


def test_who_waits_for_the_folders_words_to_be_collected_can_go_away(folder: Path) -> None:
    request = SpellingRequest(text="portt")
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> None:
        begun.set()
        assert go_on.wait(DEADLINE_SECONDS)

    def gone() -> None:
        raise Cancelled

    with telling(folder) as told, ThreadPoolExecutor(2) as clients:
        told.until(current)
        first = clients.submit(suggest_spelling, told.components, request, slowly)
        try:
            assert begun.wait(DEADLINE_SECONDS)
            with pytest.raises(Cancelled):
                clients.submit(suggest_spelling, told.components, request, gone).result(30.0)
        finally:
            go_on.set()
        assert first.result() == [SpellingSuggestion(typed="portt", near=("port", "ports"))]


async def test_a_second_engine_is_refused_by_name_and_a_killed_one_leaves_no_lock(
    folder: Path,
) -> None:
    async with serving(folder) as client:
        await until(client, current)
        first = (await client.ask(HelloRequest())).engine
        arguments = psutil.Process(first.pid).cmdline()
        assert not any(str(folder) in each for each in arguments), "everybody can see them"
        second = interpreter.run("membrowse.engine", folder=folder, timeout=60)
        assert second.returncode == os.EX_TEMPFAIL
        told = paths.log_file(folder).read_text()
        assert f"is in use by process {first.pid} of {first.user}," in told
        os.kill(first.pid, 9)
    async with serving(folder) as client:  # nothing to wait for, nothing to remove
        assert (await client.ask(HelloRequest())).engine.pid != first.pid


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
async def test_a_folder_whose_name_is_not_utf_8_is_served(folder: Path) -> None:
    odd = folder.rename(folder.with_name(os.fsdecode(b"caf\xe9")))
    (odd / "odd.md").write_text('---\ntitle: "\\ud800\\0"\ntags: ["\\udc00"]\n---\nEven soup.\n')
    async with serving(odd) as client:
        state = await until(client, current)
        assert (state.notes, state.problem) == (3, "")
        assert state.folder.endswith("caf\ufffd")
        recall = await ask(client, "even soup")
        assert recall.rankings["keyword"].hits[0].path == "odd.md"
        assert (await client.ask(StoreCheckRequest())).discrepancies == ()


def test_a_closed_engine_leaves_no_thread_and_no_memory(folder: Path) -> None:
    threads = set(threading.enumerate())
    with telling(folder) as told:
        told.until(current)
    components = told.components
    parts = components.index, components.indexer, components.models
    closed = [weakref.ref(part) for part in parts]
    del told, components, parts
    gc.collect()
    assert [each() for each in closed] == [None] * 3, "a reload of the settings opens it again"
    assert set(threading.enumerate()) <= threads
