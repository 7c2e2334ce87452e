"""The export process: `python -m membrowse.encoding.onnx_export_child MODEL REVISION TARGET`.

A failure ends it with a traceback, whose last line is the reason shown to the user. It ends when
its stdin does, so also when the parent process dies.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from membrowse.encoding.model_files import locate_verified


def main() -> None:
    """Export MODEL to TARGET if it still has REVISION."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    name, revision, target = sys.argv[1:4]
    files = locate_verified(name, revision)
    if files.bundled:
        from membrowse.encoding import bert_export

        bert_export.export(files, Path(target))
    else:
        from membrowse.encoding import torch_export, torch_model

        torch_export.export(torch_model.load_model(files, "cpu"), Path(target))


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(os.EX_TEMPFAIL)


if __name__ == "__main__":
    main()
