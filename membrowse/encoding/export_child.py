"""The exporting process. Run as `python -m membrowse.encoding.export_child MODEL REVISION TARGET`.

What goes wrong ends it with a traceback, whose last line is the reason that people read.
"""

from __future__ import annotations

import sys
from pathlib import Path

from membrowse.encoding.files import located_again


def main() -> None:
    """Export MODEL, if it still has REVISION, to TARGET."""
    name, revision, target = sys.argv[1:4]
    files = located_again(name, revision)
    from membrowse.encoding.torch_export import export
    from membrowse.encoding.torch_model import load

    export(load(files, "cpu"), Path(target))


if __name__ == "__main__":
    main()
