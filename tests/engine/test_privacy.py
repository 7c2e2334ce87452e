"""No byte leaves the machine: nothing of ours ever makes a socket that is not Unix's."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from membrowse import paths
from membrowse.engine.indexing.encoding_run import BULK_THRESHOLD
from tests.engine import no_network

INTERNET = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"


def sockets(tmp_path: Path, *command: str) -> list[dict[str, object]]:
    """Each socket beyond Unix's that `command`, or whatever it starts, asks for."""
    report = tmp_path / "sockets.jsonl"
    report.touch()
    watched = [sys.executable, "-m", "tests.engine.no_network", str(report), *command]
    done = subprocess.run(watched, capture_output=True, timeout=500)
    if done.returncode == no_network.UNSUPPORTED:
        pytest.skip("the kernel has no filter that asks")
    found = [json.loads(line) for line in report.read_text().splitlines()]
    if not found:
        assert done.returncode == 0, done.stderr.decode()
    return found


def test_a_socket_that_lives_for_an_instant_is_noticed(tmp_path: Path) -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {INTERNET!r}])"
    (found,) = sockets(tmp_path, sys.executable, "-c", child)
    assert INTERNET in str(found["process"])


def test_people_and_agents_make_no_internet_socket(
    folder: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBROWSE_ENCODER_PRECISION", "bfloat16")  # takes torch
    (home / "cache").unlink()  # so that the encoder is exported too
    sections = "".join(
        f"## Part {n}\n\nText of part {n}, about matter {n}.\n\n" for n in range(120)
    )
    (folder / "long.md").write_text(f"# Long\n\n{sections}")  # enough for the bulk encoder
    job = (sys.executable, "-m", "tests.engine.whole_job", str(folder), "which port?")
    (tmp_path / "person/.memsearch/memory").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    assert sockets(tmp_path, *job) == []
    log = paths.log_file(folder).read_text()
    encoded = re.search(r"encoding (\d+) chunks", log)
    assert encoded is not None
    assert int(encoded[1]) > BULK_THRESHOLD
    assert "the bulk encoder died" not in log
