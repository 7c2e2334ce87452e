"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[
    Path | None,
    typer.Argument(metavar="FOLDER", help="A folder of notes.", show_default=False),
]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        "-f",
        help="A folder of notes. [default: the current one if it has an index, else the one "
        "opened last]",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Operators = Annotated[
    bool,
    typer.Option(
        "--syntax",
        help='Read operators: "phrase", -word, field:word, path: tag: after: before:. '
        "Otherwise a query is literal.",
    ),
]
