"""`membrowse log`: what agents asked, and what they got."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from membrowse.cli import folders, output, terminal
from membrowse.cli.connection import NOT_FOUND, asynchronous, encoder_loaded, engine_of
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import AsJson, FolderOption, valid
from membrowse.client.engine import EngineRefused
from membrowse.presentation import recalls as pages
from membrowse.wire.recalls import RecallFlag, RecallRequest, RecallsRequest

_AGO = re.compile(r"(\d{1,5})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

app = typer.Typer(
    help="What agents asked and what they got: list, show, import, follow, replay.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)


def moment(text: str) -> str:
    """A date, a time, or an age such as `7d` or `12h`, as ISO time in UTC. Raises `Stop`."""
    if not text:
        return ""
    if ago := _AGO.fullmatch(text.strip()):
        then = datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    else:
        try:
            then = datetime.fromisoformat(text.strip())
        except ValueError as error:
            raise Stop(
                Exit.USAGE, f"{text!r} is no time: give a date like 2026-03-02, or an age like 7d"
            ) from error
        then = then.astimezone(UTC)  # a time without a zone is local
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


Agent = Annotated[
    str,
    typer.Option(
        "--agent", metavar="NAME", help="Only this agent.", show_default=False, parser=valid
    ),
]
Since = Annotated[
    str,
    typer.Option(
        "--since",
        metavar="TIME",
        help="A date, a time, or an age: 2026-03-02, 7d, 12h.",
        show_default=False,
        parser=moment,
    ),
]


@app.command("list")
@asynchronous
async def list_(
    agent: Agent = "",
    since: Since = "",
    flag: Annotated[
        RecallFlag | None, typer.Option(help="Only recalls with this flag.", show_default=False)
    ] = None,
    text: Annotated[
        str,
        typer.Option(
            "--text",
            metavar="TEXT",
            help="Only queries that contain this.",
            show_default=False,
            parser=valid,
        ),
    ] = "",
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=1000, help="Recalls.")] = 50,
    folder: FolderOption = None,
    as_json: AsJson = False,
) -> Exit:
    """List recalls, newest first.

    Flags: empty (the agent got nothing), cut (its minimum score or k removed hits), near (a note
    pinned to the query was just missed), changed (today's answer differs), stale (a hit's file has
    changed or is gone). Exit status 1 if there is none.
    """
    request = RecallsRequest(agent=agent, since=since, flag=flag, text=text, limit=limit)
    async with engine_of(folders.chosen(folder)) as engine:
        await encoder_loaded(engine)
        page = await engine.ask(request)
    if page.problem:
        output.say(page.problem)
    if as_json:
        output.write_json(page, output.SCHEMA)
    elif page.recalls:
        terminal.write(pages.log_page(page, datetime.now().astimezone(), terminal.width()))
    else:
        output.say(
            "the log has no such recall" if any(page.agents.values()) else "the log is empty"
        )
    return Exit.DONE if page.recalls else Exit.NONE


@app.command()
@asynchronous
async def show(
    recall: Annotated[
        str,
        typer.Argument(metavar="ID", help="A recall's id, or its beginning.", show_default=False),
    ],
    folder: FolderOption = None,
    as_json: AsJson = False,
) -> Exit:
    """Show a recall: what the agent got, and where each hit ranks today.

    Exit status 1 if there is no such recall.
    """
    async with engine_of(folders.chosen(folder)) as engine:
        await encoder_loaded(engine)
        try:
            view = await engine.ask(RecallRequest(id=recall))
        except EngineRefused as refusal:
            if refusal.status != NOT_FOUND:
                raise
            raise Stop(Exit.NONE, str(refusal)) from refusal
    if as_json:
        output.write_json(view, output.SCHEMA)
    else:
        terminal.write(pages.recall_page(view, datetime.now().astimezone(), terminal.width()))
    return Exit.DONE
