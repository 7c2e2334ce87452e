"""Arguments and options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from membrowse.cli import output
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit


def valid(text: str) -> str:
    """`text` as valid Unicode, whatever the locale; what is not UTF-8 becomes question marks."""
    try:
        return os.fsencode(text).decode("utf-8")  # as typed: an ASCII or Latin-1 locale misreads it
    except UnicodeError:
        replaced = text.encode("utf-8", errors="replace").decode("utf-8")
    if replaced != text:
        output.say(f"bytes that are not UTF-8 are read as question marks: {replaced}")
    return replaced


def not_blank(text: str) -> str:
    """`text` as valid Unicode; raises `Stop` if there is nothing in it to look for."""
    if not text.strip():
        raise Stop(Exit.USAGE, "nothing to look for: the text is empty")
    return valid(text)


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
    typer.Argument(
        metavar="QUERY", help="What the agent asked.", show_default=False, parser=not_blank
    ),
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
RootFilter = Annotated[
    str,
    typer.Option(
        "--root",
        metavar="NAME",
        help="Rank only notes in this root of a collection (or subfolder of a folder).",
        show_default=False,
        parser=valid,
    ),
]
PathFilter = Annotated[
    str,
    typer.Option(
        "--path",
        metavar="GLOB",
        help="Rank only notes whose path matches GLOB (logs/*.md) or, without *?[, contains it.",
        show_default=False,
        parser=valid,
    ),
]
TagFilter = Annotated[
    str,
    typer.Option(
        "--tag",
        metavar="TAG",
        help="Rank only notes with this tag.",
        show_default=False,
        parser=valid,
    ),
]
AfterFilter = Annotated[
    str,
    typer.Option(
        "--after",
        metavar="DATE",
        help="Rank only notes dated in or after DATE: 2026, 2026-03, 2026-03-02 or last week.",
        show_default=False,
        parser=valid,
    ),
]
BeforeFilter = Annotated[
    str,
    typer.Option(
        "--before",
        metavar="DATE",
        help="Rank only notes dated before DATE.",
        show_default=False,
        parser=valid,
    ),
]
NewFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE", help="A new file. [default: print the lines]", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Operators = Annotated[
    bool,
    typer.Option(
        "--syntax",
        help='Read operators: "phrase", -word, field:word, root: path: tag: after: before:. '
        "Otherwise a query is literal.",
    ),
]
