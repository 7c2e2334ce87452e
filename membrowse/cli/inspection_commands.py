"""The commands that explain a recall: `explain`, `why`, `rulers`, `report`, `rerun`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from membrowse.cli import folders, running
from membrowse.cli.parameters import AsJson, FolderOption, Operators

app = typer.Typer(rich_markup_mode=None)

QueryArgument = Annotated[
    str, typer.Argument(metavar="QUERY", help="What the agent asked.", show_default=False)
]
Place = Annotated[
    str,
    typer.Argument(
        metavar="PATH[:LINE]",
        help="A note, relative to the folder or absolute, and a line of it.",
        show_default=False,
    ),
]
MaybePlace = Annotated[
    str | None,
    typer.Argument(
        metavar="PATH[:LINE]",
        help="The note that you expected, relative to the folder or absolute, and a line of it.",
        show_default=False,
    ),
]


@app.command()
def explain(
    query: QueryArgument,
    place: Place,
    folder: FolderOption = None,
    syntax: Operators = False,
    spellings: Annotated[
        bool,
        typer.Option(
            "--spellings", help="Look for near spellings of words that match nothing (slower)."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show every number that makes a chunk stand where it stands.

    Of a note without a line, its best chunk is taken. Exit status 1 if none is indexed.
    """
    from membrowse.cli import explaining

    chosen = folders.chosen(folder)
    asked = explaining.Asked(query, place, operators=syntax, spellings=spellings)
    running.end(explaining.explain(chosen, asked, as_json=as_json))


@app.command()
def why(
    query: QueryArgument,
    place: MaybePlace = None,
    text: Annotated[
        str, typer.Option(help="Words that the chunk should hold.", show_default=False)
    ] = "",
    k: Annotated[
        int | None,
        typer.Option("-k", min=1, help="The top k. [default: the agent's]", show_default=False),
    ] = None,
    folder: FolderOption = None,
    syntax: Operators = False,
    no_changes: Annotated[
        bool, typer.Option("--no-changes", help="Do not look for changes that would help.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say why a note is not in the top k, and what would bring it there.

    \b
      membrowse why "which port does staging use?" decisions/ssh.md:14
      membrowse why "which port does staging use?" --text "listens on 41022"

    Exit status 0 if it is in the top k, 1 if not.
    """
    from membrowse.cli import why as whys

    chosen = folders.chosen(folder)
    asked = whys.Asked(query, place, text, k=k, operators=syntax, changes=not no_changes)
    running.end(whys.why(chosen, asked, as_json=as_json))


@app.command()
def rulers(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="A query, or any text.", show_default=False)
    ],
    chunk: Annotated[
        str | None,
        typer.Option(metavar="PATH:LINE", help="The chunk at this line, too.", show_default=False),
    ] = None,
    folder: FolderOption = None,
    as_json: AsJson = False,
) -> None:
    """Show how the analyser and the encoder see a text."""
    from membrowse.cli import rulers as texts

    running.end(texts.rulers(folders.chosen(folder), text, chunk, as_json=as_json))


@app.command()
def report(
    query: QueryArgument,
    file: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Where the JSON goes; the markdown goes beside it, as .md.",
            show_default=False,
        ),
    ],
    place: MaybePlace = None,
    redact: Annotated[
        bool,
        typer.Option(
            "--redact", help="Leave out the query and all text, titles and paths of notes."
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the files.")] = False,
    folder: FolderOption = None,
    syntax: Operators = False,
) -> None:
    """Write a recall with all that explains it to a file, to keep or to share.

    \b
      membrowse report "which port does staging use?" decisions/ssh.md -o ssh.json
    """
    from membrowse.cli import reporting

    asked = reporting.Asked(query, place, operators=syntax)
    target = reporting.Files.of(file, force=force)
    running.end(reporting.report(folders.chosen(folder), asked, target, redact=redact))


@app.command()
def rerun(
    file: Annotated[
        Path,
        typer.Argument(metavar="REPORT.json", help="What `report` wrote.", show_default=False),
    ],
    query: Annotated[
        str | None,
        typer.Option(help="The query of a redacted report.", show_default=False),
    ] = None,
    folder: FolderOption = None,
    as_json: AsJson = False,
) -> None:
    """Ask the query of a report again, and show what differs today.

    Without --folder it is asked of the report's folder, where that has an index.
    Exit status 0 if the first ten reranked hits are in the same order, 1 if not.
    """
    from membrowse.cli import rerunning

    recorded = rerunning.read(file, query)
    chosen = folders.of_report(folder, recorded.response.folder)
    running.end(rerunning.rerun(chosen, recorded, as_json=as_json))
