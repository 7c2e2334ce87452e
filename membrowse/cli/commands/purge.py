"""`membrowse purge`: remove text that notes no longer contain from the index."""

from __future__ import annotations

import datetime
import sys
from typing import Annotated

import typer

from membrowse.cli import folders, output
from membrowse.cli.connection import asynchronous, engine_of, index_current
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import AsJson, FolderOption, valid
from membrowse.cli.targets import parse_target
from membrowse.presentation.figures import counted
from membrowse.text import shown
from membrowse.wire.engine import Purged, PurgeRequest


@asynchronous
async def purge(
    text: Annotated[
        str,
        typer.Option(
            "--text",
            metavar="TEXT",
            help="Only what was changed in chunks with this text.",
            show_default=False,
            parser=valid,
        ),
    ] = "",
    note: Annotated[
        str | None,
        typer.Option(
            "--note",
            metavar="PATH",
            help="Only what was changed in this note.",
            show_default=False,
        ),
    ] = None,
    before: Annotated[
        datetime.datetime | None,
        typer.Option(
            "--before",
            metavar="DATE",
            formats=["%Y-%m-%d"],
            help="Only what was changed before this day (UTC).",
            show_default=False,
        ),
    ] = None,
    folder: FolderOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: AsJson = False,
) -> Exit:
    """Remove deleted text from the index for good.

    \b
      membrowse purge --text "hunter2"
      membrowse purge --note decisions/ssh.md

    Exit status 1 if a note still contains it.
    """
    if sum(map(bool, (text, note, before))) > 1:
        raise Stop(Exit.USAGE, "give --text, --note or --before, not several of them")
    chosen = folders.chosen(folder)
    request = PurgeRequest(
        text=text,
        note=parse_target(chosen, note).path if note else "",
        before=before.date().isoformat() if before else "",
    )
    if not yes:
        _confirm_purge(request)
    async with engine_of(chosen) as engine:
        await index_current(engine)
        purged = await engine.ask(request)
    if as_json:
        output.write_json(purged, output.SCHEMA)
    else:
        output.write(_purged_summary(purged))
    return Exit.NONE if purged.still_in else Exit.DONE


def _confirm_purge(request: PurgeRequest) -> None:
    """Ask on a terminal; raises `Stop` unless the answer is yes."""
    if not sys.stdin.isatty():
        raise Stop(Exit.USAGE, "nothing was removed: --yes confirms where nobody can be asked")
    limit = request.text or request.note or (request.before and f"before {request.before}")
    what = f"history ({shown(limit)})" if limit else "whole history"
    if not typer.confirm(f"Remove the {what} from the index? It cannot be undone.", err=True):
        raise Stop(Exit.USAGE, "nothing was removed")


def _purged_summary(purged: Purged) -> str:
    lines = [f"removed {counted(purged.entries, 'change')} of the history, and rewrote the stores"]
    lines += [f"still in {shown(path)}: edit it, then purge again" for path in purged.still_in]
    lines.append(
        "not touched: notes, pins, saved queries, reports and the engine's log "
        "(`membrowse docs privacy`)"
    )
    return "\n".join(lines) + "\n"
