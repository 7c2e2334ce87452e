"""`python -m membrowse.engine`: the engine of a folder, as a client starts it."""

from __future__ import annotations

import sys

from membrowse import interpreter
from membrowse.engine.process import main

if __name__ == "__main__":
    sys.exit(main(interpreter.given_folder()))
