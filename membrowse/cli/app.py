"""The commands and their help; what they do is imported when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from membrowse import __version__
from membrowse.cli import (
    config_commands,
    engine_commands,
    folders,
    golden_commands,
    inspection_commands,
    running,
)
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import AsJson, Folder, FolderOption, Operators

_HELP = """See how an agent's memory is recalled: keyword, vector and reranked, side by side.

\b
  membrowse                    open the browser on the last folder
  membrowse FOLDER             open it on FOLDER (a folder named like a command: ./index)
  membrowse demo               open it on a demo memory
  membrowse search "which port does staging use?" --folder FOLDER --json
  membrowse why "which port does staging use?" decisions/ssh.md

\b
Exit status: 0 hits (or done), 1 none, 2 usage, 3 engine unavailable, 130 interrupted.
"""

app = typer.Typer(
    help=_HELP,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    subcommand_metavar="[FOLDER] | COMMAND [ARGS]...",
)
app.add_typer(engine_commands.app, name="engine")
app.add_typer(config_commands.app, name="config")
app.add_typer(golden_commands.app, name="golden")
app.add_typer(inspection_commands.app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"membrowse {__version__}")
        raise typer.Exit()


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", is_eager=True, callback=_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


@app.command()
def browse(
    folder: Folder = None,
    questions: Annotated[
        Path | None,
        typer.Option(help="A JSONL file of queries to step through with [ and ]."),
    ] = None,
) -> None:
    """Open the browser; `membrowse [FOLDER]` does the same."""
    from membrowse.cli import browsing

    browsing.browse(folder, questions)


@app.command()
def demo(
    path: Annotated[
        bool, typer.Option("--path", help="Only print where the demo memory is.")
    ] = False,
) -> None:
    """Open the browser on a demo memory, with hard questions.

    The notes of an agent over months, copied to a place where you can edit them. What you edit or
    delete is never written again.
    """
    from membrowse.cli import browsing, demo_memory

    if path:
        from membrowse.cli import output

        output.write(f"{demo_memory.home()}\n")
    else:
        browsing.browse_demo()


@app.command()
def index(
    folder: Folder = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build the index again from nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Index what differs from the folder, and wait until that is done.

    Exit status 1 if nothing could be indexed.
    """
    from membrowse.cli import indexing

    running.end(indexing.index(folders.chosen(folder), rebuild=rebuild, as_json=as_json))


@app.command()
def search(
    query: Annotated[
        str | None,
        typer.Argument(metavar="QUERY", help="What the agent asked.", show_default=False),
    ] = None,
    batch: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='Answer every line {"id": …, "query": "…"} of FILE (-: stdin) with a line of '
            "JSON, in order.",
        ),
    ] = None,
    folder: FolderOption = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="Hits of each ranking.")] = 10,
    syntax: Operators = False,
    wait: Annotated[
        bool | None,
        typer.Option(
            "--wait/--no-wait",
            help="Wait until the index is current. [default: only with --batch]",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the keyword, vector, fused and reranked rankings of a query.

    \b
      membrowse search "who approves a refund?"
      membrowse search --syntax 'path:runbooks "roll back"' -n 5 --json
      membrowse search --batch questions.jsonl --folder notes --json > results.jsonl
    """
    from membrowse.cli import searching

    if (query is None) == (batch is None):
        raise Stop(Exit.USAGE, "give a QUERY, or --batch FILE")
    chosen = folders.chosen(folder)
    asking = searching.Asking(
        limit=limit,
        syntax=searching.syntax_of(syntax),
        wait=batch is not None if wait is None else wait,
    )
    if batch is not None:
        from membrowse.cli import batch as batches

        running.end(batches.search_batch(chosen, batch, asking))
    elif query is not None:
        running.end(searching.search(chosen, query, asking, as_json=as_json))


@app.command()
def status(folder: FolderOption = None, as_json: AsJson = False) -> None:
    """Print what the index holds, what is pending, the engine."""
    from membrowse.cli import status as statuses

    running.end(statuses.status(folders.chosen(folder), as_json=as_json))


@app.command()
def doctor(folder: FolderOption = None, as_json: AsJson = False) -> None:
    """Look for what is wrong, and say which command mends it.

    Works where no engine can start. Exit status 1 if something is wrong.
    """
    from membrowse.cli import doctor as doctors

    raise typer.Exit(doctors.doctor(folders.chosen(folder), as_json=as_json))


@app.command()
def serve(
    folder: Folder = None,
    group: Annotated[
        str | None, typer.Option(help="Let this group connect, too.", show_default=False)
    ] = None,
) -> None:
    """Run the engine of a folder in the foreground.

    It stays until it is told to stop, as under a service manager."""
    from membrowse.cli import serving

    serving.serve(folders.chosen(folder), group)
