"""From a key to its echo in the browser: `echo.py FOLDER`; run it while FOLDER is being indexed.

The browser runs in a real pseudo-terminal; a key's echo is the first output after it.
"""

from __future__ import annotations

import os
import select
import sys
import time
from pathlib import Path

from tests.benchmarks import bench

_TEXT = "how is the gateway deployed on staging and which port does it use"
_PAUSE_SECONDS = 0.25


def main(folder: Path) -> None:
    took = []
    with bench.browser(folder) as (_, terminal):
        bench.drain(terminal, 5.0)
        for character in _TEXT:
            pressed = time.perf_counter()
            os.write(terminal, character.encode())
            select.select([terminal], [], [], 5.0)
            took.append((time.perf_counter() - pressed) * 1000)
            bench.drain(terminal, _PAUSE_SECONDS)
    rows: list[list[object]] = [["keys", "p50 ms", "p95 ms", "worst ms"]]
    rows.append([len(took), bench.percentile(took, 0.5), bench.percentile(took, 0.95), max(took)])
    bench.table(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
