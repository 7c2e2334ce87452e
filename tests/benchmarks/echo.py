"""From a key to its echo in the browser: `echo.py FOLDER`; run it while FOLDER is being indexed.

The browser runs in a real pseudo-terminal; a key's echo is the first output after it.
"""

from __future__ import annotations

import os
import pty
import select
import struct
import sys
import time
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

from tests.benchmarks import bench

_TEXT = "how is the gateway deployed on staging and which port does it use"
_PAUSE_SECONDS = 0.25
_PROGRAM = str(Path(sys.executable).with_name("membrowse"))


def drain(terminal: int, seconds: float) -> bool:
    """Read what comes within `seconds`; whether anything came."""
    came = False
    until = time.perf_counter() + seconds
    while (left := until - time.perf_counter()) > 0:
        if select.select([terminal], [], [], left)[0]:
            os.read(terminal, 65536)
            came = True
    return came


def main(folder: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        os.execv(_PROGRAM, [_PROGRAM, str(folder)])  # noqa: S606  (our own program, no shell)
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", 45, 160, 0, 0))
    drain(terminal, 5.0)
    took = []
    for character in _TEXT:
        pressed = time.perf_counter()
        os.write(terminal, character.encode())
        select.select([terminal], [], [], 5.0)
        took.append((time.perf_counter() - pressed) * 1000)
        drain(terminal, _PAUSE_SECONDS)
    os.kill(pid, 15)
    os.close(terminal)
    os.waitpid(pid, 0)
    rows: list[list[object]] = [["keys", "p50 ms", "p95 ms", "worst ms"]]
    rows.append([len(took), bench.percentile(took, 0.5), bench.percentile(took, 0.95), max(took)])
    bench.table(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
