"""The engine's real components over files of a test's making; none of their threads runs.

The index of a set of files is built once per process. Every test has its own copy.
"""

from __future__ import annotations

import atexit
import itertools
import math
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from unittest.mock import patch

from membrowse import paths
from membrowse.engine import clock, components, sources
from membrowse.engine.components import Components
from membrowse.engine.handlers.why import suggest
from membrowse.engine.indexing.events import Event, IndexRequested
from membrowse.engine.indexing.note_reader import NoteReader
from membrowse.engine.priority import QueryTraffic
from membrowse.roots import Roots
from membrowse.settings import Settings
from tests.notes.folder_scan import scan_folder
from tests.standin.encoder import StubModels, stub_encoder

NOW = "2026-07-20T10:00:00Z"
_NOW_SECONDS = 1_784_541_600

_opened = ExitStack()
close_all = _opened.close
"""Close all components that are open."""


@contextmanager
def frozen_time() -> Iterator[None]:
    """Let everything happen at `NOW`, every look at the clock take 3 ms, and no search for changes
    run out of time."""
    looks = itertools.count()

    def perf_counter() -> float:
        main = threading.current_thread() is threading.main_thread()  # not the thread of HNSW
        return 0.003 * next(looks) if main else 0.0

    with (
        patch.object(clock, "now", lambda: NOW),
        patch("time.perf_counter", perf_counter),
        patch.object(suggest, "SECONDS", math.inf),
    ):
        yield


def open_components(
    files: Mapping[str, str],
    others: Mapping[str, str],
    settings: Settings,
    changed: Callable[[], None],
) -> Components:
    """Components over a copy of `files` and their index, with `others` beside them."""
    original = _indexed(tuple(files.items()))
    folder = _new_home() / original.name
    shutil.copytree(original, folder, copy_function=os.link)
    shutil.copytree(_index_dir(original), _index_dir(folder))
    for path, text in others.items():
        write(folder / path, text)
    opened = _open(folder, settings, changed)
    _opened.callback(shutil.rmtree, folder.parent, ignore_errors=True)
    _opened.callback(_close, opened)
    handle(opened, IndexRequested())
    return opened


def handle(opened: Components, *events: Event) -> None:
    """Let the indexer handle what it was told, and run the pins."""
    indexer = opened.indexer
    for event in events:
        indexer.events.put(event)
    with frozen_time():
        while (told := indexer.events.take(0.0)) is not None:
            indexer._handle_safely(told)
        if opened.pins.file.stamp() is not None:
            opened.pins.current(lambda: None)


def write(file: Path, text: str) -> None:
    """Save `text` at `NOW`; `file` may be a link to the original, which stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_text(text, encoding="utf-8", newline="")
    os.utime(file, (_NOW_SECONDS, _NOW_SECONDS))


@cache
def _indexed(files: tuple[tuple[str, str], ...]) -> Path:
    """A folder with `files`, indexed in one generation."""
    folder = _new_home() / "memory"
    folder.mkdir()
    for path, text in files:
        write(folder / path, text)
    opened, settings = _open(folder, Settings(), lambda: None), Settings().notes
    reader = NoteReader(Roots.of_folder(folder), settings, opened.models)
    notes = [file.path for file in scan_folder(folder, settings) if file.excluded is None]
    with frozen_time():
        changes = [change for path in notes if (change := reader.read(path, None).change)]
        encoded = stub_encoder().encode(opened.index.missing_inputs(changes))
        opened.index.apply(changes, encoded, "float32")
    _close(opened)
    return folder


def _open(folder: Path, settings: Settings, changed: Callable[[], None]) -> Components:
    with _at_home(folder), patch.object(sources, "Models", StubModels):
        return components.open_components(folder, settings, QueryTraffic(), changed)


def _close(opened: Components) -> None:
    opened.searcher.close()
    opened.pins.close()
    opened.recalls.close()
    opened.index.close()


def _index_dir(folder: Path) -> Path:
    with _at_home(folder):
        return paths.index_dir(folder)


@contextmanager
def _at_home(folder: Path) -> Iterator[None]:
    """Keep index and saved configurations beside `folder`; other threads notice nothing."""
    here, home = threading.current_thread(), paths._home

    def beside() -> Path | None:
        return folder.parent if threading.current_thread() is here else home()

    with patch.object(paths, "_home", beside):
        yield


def _new_home() -> Path:
    return Path(tempfile.mkdtemp(dir=_root()))


@cache
def _root() -> Path:
    root = Path(tempfile.mkdtemp(prefix="membrowse-stand-in-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root
