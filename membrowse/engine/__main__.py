"""`python -m membrowse.engine FOLDER`: the engine of a folder, as a client starts it."""

from __future__ import annotations

import sys
from pathlib import Path

from membrowse.engine.process import main

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
