"""The lock of an index dies with its process and names its holder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from membrowse.engine.lock import LOCK_NAME, IndexLock, IndexLocked, holder

HOLDING = """
import sys, time
from pathlib import Path
from membrowse.engine.lock import IndexLock
lock = IndexLock(Path(sys.argv[1]))
lock.acquire("2026-11-22T10:00:00Z")
print("held", flush=True)
time.sleep(600)
"""


def test_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDING, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(IndexLocked, match=f"process {process.pid} ") as raised:
            IndexLock(tmp_path).acquire("now")
        assert raised.value.holder is not None
        assert raised.value.holder.since == "2026-11-22T10:00:00Z"
        process.send_signal(signal.SIGKILL)
        process.wait()
        lock = IndexLock(tmp_path)
        lock.acquire("later")  # at once: the kernel released it with its process
        found = holder(tmp_path)
        assert found is not None
        assert found.pid == os.getpid()
        lock.release()


def test_a_lock_file_that_merely_lies_there_blocks_nobody(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_text('{"pid": 1, "user": "root", "since": "long ago"}')
    lock = IndexLock(tmp_path)
    lock.acquire("now")
    lock.release()


def test_a_garbled_lock_file_still_names_the_index(tmp_path: Path) -> None:
    first = IndexLock(tmp_path)
    first.acquire("now")
    (tmp_path / LOCK_NAME).write_bytes(b"\xff\x00garbage")
    with pytest.raises(IndexLocked, match=str(tmp_path)):
        IndexLock(tmp_path).acquire("now")
    first.release()
