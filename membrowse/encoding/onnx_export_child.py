"""The export process: `python -m membrowse.encoding.onnx_export_child MODEL REVISION TARGET`.

What goes wrong ends it with a traceback, whose last line is the reason that people read. It ends
when its standard input does, so also when the process that wanted the export dies.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from membrowse.encoding.model_files import located_again


def main() -> None:
    """Export MODEL, if it still has REVISION, to TARGET."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    name, revision, target = sys.argv[1:4]
    files = located_again(name, revision)
    from membrowse.encoding.torch_export import export
    from membrowse.encoding.torch_model import load

    export(load(files, "cpu"), Path(target))


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(os.EX_TEMPFAIL)


if __name__ == "__main__":
    main()
