"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def valid(text: str) -> str:
    """`text` as valid Unicode: bytes of an argument that are not UTF-8 become question marks."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def syntax_of(operators: bool) -> str:
    """The `syntax` of a request: `operators` with `--syntax`, else `literal`."""
    return "operators" if operators else "literal"


Folder = Annotated[
    Path | None,
    typer.Argument(metavar="FOLDER", help="A folder of notes.", show_default=False, readable=False),
]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        "-f",
        help="A folder of notes. [default: the current one if it has an index, else the one "
        "opened last]",
        show_default=False,
        readable=False,
    ),
]
Query = Annotated[
    str,
    typer.Argument(metavar="QUERY", help="What the agent asked.", show_default=False, parser=valid),
]
Place = Annotated[
    str,
    typer.Argument(
        metavar="PATH[:LINE]",
        help="A note, relative to the folder or absolute, and a line in it.",
        show_default=False,
    ),
]
ExpectedPlace = Annotated[
    str | None,
    typer.Argument(
        metavar="PATH[:LINE]",
        help="The expected note, relative to the folder or absolute, and a line in it.",
        show_default=False,
    ),
]
ExpectedText = Annotated[
    str,
    typer.Option(
        "--text",
        metavar="TEXT",
        help="Words that the expected chunk contains.",
        show_default=False,
        parser=valid,
    ),
]
TopK = Annotated[
    int | None,
    typer.Option("-k", min=1, help="The top k. [default: the agent's]", show_default=False),
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
