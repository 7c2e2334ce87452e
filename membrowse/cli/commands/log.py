"""`membrowse log`: what agents asked, and what they got."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from membrowse import paths
from membrowse.agents import profiles
from membrowse.agents.collections import real_roots
from membrowse.cli import chosen_agent, folders, output, terminal
from membrowse.cli.chosen_agent import chosen_profile
from membrowse.cli.connection import (
    NOT_FOUND,
    asynchronous,
    encoder_loaded,
    engine_of,
    index_current,
)
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import AsJson, FolderOption, NewFile, valid
from membrowse.client.engine import Engine, EngineRefused, EngineUnavailable
from membrowse.client.recall_import import RecallImport, import_file, logs_in, new_recalls
from membrowse.presentation import recalls as pages
from membrowse.presentation.figures import counted, number, percent
from membrowse.presentation.moments import iso_moment
from membrowse.recall_log.export import RecallExport
from membrowse.recall_log.foreign_log import AUTO, FORMATS, BadLine, ForeignLog
from membrowse.text import shown
from membrowse.wire.recalls import (
    FollowRecallsRequest,
    ForgetRecallsRequest,
    ImportedRecalls,
    Recall,
    RecallFlag,
    RecallRecordsRequest,
    RecallRequest,
    RecallsRequest,
    ReplayRequest,
    ReplaySummary,
)

_STDIN = Path("-")
_BAD_LINES_SHOWN = 20
_RECORDS = 200

app = typer.Typer(
    help="List, import, follow and replay what agents asked and got.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)


def moment(text: str) -> str:
    """A date, a time, or an age such as `7d` or `12h`, as ISO time in UTC. Raises `Stop`."""
    if not text:
        return ""
    try:
        return iso_moment(text, datetime.now().astimezone())
    except (ValueError, OverflowError) as error:
        raise Stop(
            Exit.USAGE, f"{text!r} is no time: give a date like 2026-03-02, or an age like 7d"
        ) from error


Agent = Annotated[
    str,
    typer.Option(
        "--agent",
        metavar="NAME",
        help="Only recalls of this agent; if it is attached, in its folder.",
        show_default=False,
        parser=valid,
    ),
]
InQuery = Annotated[
    str,
    typer.Option(
        "--text",
        metavar="TEXT",
        help="Only queries that contain this.",
        show_default=False,
        parser=valid,
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


def _folder(named: Path | None, agent: str) -> Path:
    """The folder of the log; if `agent` is attached and no folder is named, the agent's."""
    if not folders.is_named(named) and agent in profiles.names():
        chosen_agent.choose(agent)
    return folders.chosen(named)


def _attached_log(name: str, logs: list[Path]) -> tuple[str, list[Path]]:
    """Format and logs: as given, else those of the attached agent. Raises `Stop`."""
    profile = chosen_profile()
    if logs:
        return name, logs
    if profile is None or not profile.memory.log:
        what = f"{profile.name} keeps no log that is known" if profile else "name a log"
        raise Stop(Exit.USAGE, f"{what}: `membrowse docs log` lists the formats")
    return profile.memory.log_format or name, [Path(profile.memory.log)]


@app.command("list")
@asynchronous
async def list_(
    agent: Agent = "",
    since: Since = "",
    flag: Annotated[
        RecallFlag | None, typer.Option(help="Only recalls with this flag.", show_default=False)
    ] = None,
    text: InQuery = "",
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
    async with engine_of(_folder(folder, agent)) as engine:
        await encoder_loaded(engine)
        page = await engine.ask(request)
        while page.unchecked:
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


# Import


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `log import --json` prints."""

    format: str
    """Of the last file."""
    files: int
    lines: int
    bad: int
    """Lines that were left out."""
    own: int
    """Questions that the memory asked itself, which were left out."""
    added: int
    known: int
    recorded: int
    """Searches of a transcript that membrowse answered and logged itself, which were left out."""
    expired: int
    """Older than the log keeps."""
    hits: int
    located: int
    """Hits whose chunk is in the index."""
    outside: int
    """Hits outside the folder."""
    seconds: float


def known_format(name: str) -> str:
    """`name` if it is a format. Raises `Stop`."""
    if name not in (AUTO, *FORMATS):
        raise Stop(Exit.USAGE, f"no format {name!r}: {', '.join((AUTO, *FORMATS))}")
    return name


LogFormat = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="NAME",
        help=f"Format of the log: {', '.join((AUTO, *FORMATS))}.",
        parser=known_format,
    ),
]
AgentName = Annotated[
    str,
    typer.Option(
        "--agent",
        metavar="NAME",
        help="Name of the agent; if it is attached, its folder. [default: as the log says]",
        show_default=False,
        parser=valid,
    ),
]


@app.command("import")
@asynchronous
async def import_(
    logs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH…",
            help="Logs, or directories of logs; -: stdin. [default: the log of --agent, if that "
            "is attached]",
            show_default=False,
        ),
    ] = None,
    format: LogFormat = AUTO,  # noqa: A002
    agent: AgentName = "",
    folder: FolderOption = None,
    as_json: AsJson = False,
) -> Exit:
    """Import recalls from the log of an agent's own memory.

    \b
      membrowse log import ~/.openclaw/workspace/memory/.dreams/events.jsonl
      membrowse log import ~/.claude/projects/-home-me-ops --agent claude
      membrowse log import --agent main            (an attached agent)

    Importing a log again adds only what is new. A bad line is reported by number and left out; the
    exit status is then 2. Exit status 1 if there is no recall. Formats: `membrowse docs log`.
    """
    chosen = _folder(folder, agent)
    format, logs = _attached_log(format, logs or [])  # noqa: A001
    files = [file for path in logs for file in logs_in(path)]
    if not files:
        raise Stop(Exit.NONE, "no log there: *.jsonl, *.ndjson or *.json")
    began = asyncio.get_running_loop().time()
    done: list[RecallImport] = []
    async with engine_of(chosen) as engine:
        for file in files:
            log = ForeignLog(folders=real_roots(chosen), format=format, agent=agent)
            importing = RecallImport(engine=engine, log=log, bad_line=_reporter(file))
            await _import(importing, file)
            if log.lines and not log.known:
                output.say(f"{file}: no format matches: give --format")
            done.append(importing)
    report = _report(done, asyncio.get_running_loop().time() - began)
    if as_json:
        output.write_json(report, output.SCHEMA)
    else:
        output.write(_import_summary(report))
    if report.bad or not any(importing.log.known for importing in done):
        return Exit.USAGE
    return Exit.DONE if report.added or report.known else Exit.NONE


async def _import(importing: RecallImport, file: Path) -> None:
    try:
        descriptor = 0 if file == _STDIN else os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        size = os.fstat(descriptor).st_size
    except OSError as error:
        raise Stop(Exit.USAGE, f"{file} cannot be read: {error.strerror}") from error
    try:
        with _progress(importing, file, size) as progress:
            problem = await import_file(
                importing, descriptor, whole=file.suffix == ".json", progress=progress
            )
    except OSError as error:
        raise Stop(Exit.USAGE, f"{file} cannot be read: {error.strerror}") from error
    finally:
        if descriptor:
            os.close(descriptor)
    if problem:
        output.say(f"{file}: {problem}: import it again later")


def _reporter(file: Path) -> Callable[[BadLine], None]:
    """Reports the first bad lines of `file`."""
    reported = 0

    def report(line: BadLine) -> None:
        nonlocal reported
        reported += 1
        if reported <= _BAD_LINES_SHOWN:
            output.say(f"{file}: line {line.number}: {line.reason}")
        elif reported == _BAD_LINES_SHOWN + 1:
            output.say(f"{file}: more lines are left out")

    return report


@contextmanager
def _progress(importing: RecallImport, file: Path, size: int) -> Iterator[Callable[[int], None]]:
    """Show how far an import is on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live("", console=Console(stderr=True), transient=True) as live:

        def show(read: int) -> None:
            share = f"{percent(min(1.0, read / size))} · " if size else ""
            line = f"{shown(file.name)}: {share}{counted(importing.log.lines, 'line')}"
            live.update(Text(line), refresh=True)

        yield show


def _report(done: list[RecallImport], seconds: float) -> ImportReport:
    sums = {
        name: sum(getattr(importing.done, name) for importing in done)
        for name in ImportedRecalls.__struct_fields__
    }
    return ImportReport(
        format=done[-1].log.format if done[-1].log.known else "",
        files=len(done),
        lines=sum(importing.log.lines for importing in done),
        bad=sum(importing.log.bad for importing in done),
        own=sum(importing.log.own for importing in done),
        seconds=round(seconds, 3),
        **sums,
    )


def _import_summary(report: ImportReport) -> str:
    others = {
        "known already": report.known,
        "logged when membrowse answered": report.recorded,
        "asked by the memory itself, left out": report.own,
        "older than the log keeps": report.expired,
        "bad lines left out": report.bad,
    }
    facts = [f"{counted(report.added, 'recall')} added"]
    facts += [f"{number(count)} {what}" for what, count in others.items() if count]
    if report.hits:
        facts.append(f"{number(report.located)} of {counted(report.hits, 'hit')} in the index")
    if report.outside:
        facts.append(f"{number(report.outside)} of other notes")
    return f"{', '.join(facts)}\n"


# Export, forget, follow


@app.command()
@asynchronous
async def export(
    file: NewFile = None,
    redact: Annotated[
        bool, typer.Option("--redact", help="Without a word of queries and notes.")
    ] = False,
    agent: Agent = "",
    since: Since = "",
    folder: FolderOption = None,
) -> Exit:
    """Write recalls in the generic format, oldest first.

    `--redact` writes numbers for queries, sessions, filters and paths. Exit status 1 if there is no
    recall.
    """
    chosen, exporting, written = _folder(folder, agent), RecallExport(redact=redact), 0
    write, close = _writer(file)
    try:
        async with engine_of(chosen) as engine:
            async for recall in _records(engine, agent, since):
                write(output.json_line(exporting.record(recall)).encode() + b"\n")
                written += 1
    finally:
        close()
    if file is not None:
        output.say(f"{counted(written, 'recall')} written to {file}")
    return Exit.DONE if written else Exit.NONE


def _writer(file: Path | None) -> tuple[Callable[[bytes], object], Callable[[], None]]:
    """How to write a line to `file`, or to stdout, and how to end. Raises `Stop`."""
    if file is None:
        return lambda line: output.write_json(msgspec.Raw(line[:-1])), lambda: None
    try:
        descriptor = paths.open_file(file.absolute(), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except FileExistsError as error:
        raise Stop(Exit.USAGE, f"{file} exists already: name a new file") from error
    except OSError as error:
        raise Stop(Exit.USAGE, f"{file} cannot be written: {error.strerror}") from error
    stream = os.fdopen(descriptor, "wb")
    return stream.write, stream.close


async def _records(engine: Engine, agent: str, since: str) -> AsyncIterator[Recall]:
    """Whole recalls, oldest first."""
    after = ""
    while True:
        request = RecallRecordsRequest(agent=agent, since=since, after=after, limit=_RECORDS)
        found = await engine.ask(request)
        for recall in found:
            yield recall
        if not found:
            return
        after = found[-1].id


@app.command()
@asynchronous
async def forget(
    recall: Annotated[
        str | None, typer.Argument(metavar="ID", help="A recall's id.", show_default=False)
    ] = None,
    agent: Agent = "",
    before: Annotated[
        str,
        typer.Option(
            "--before",
            metavar="TIME",
            help="Only before this: 2026-03-02, 30d.",
            show_default=False,
            parser=moment,
        ),
    ] = "",
    text: InQuery = "",
    everything: Annotated[bool, typer.Option("--all", help="The whole log.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    folder: FolderOption = None,
    as_json: AsJson = False,
) -> Exit:
    """Delete recalls from the log, to the last byte.

    Exit status 1 if there is none.
    """
    request = ForgetRecallsRequest(id=recall or "", agent=agent, before=before, text=text)
    if everything is (request != ForgetRecallsRequest()):
        raise Stop(Exit.USAGE, "give an ID, --agent, --before or --text, or --all")
    chosen = _folder(folder, agent)
    if not yes:
        _confirm(everything)
    async with engine_of(chosen) as engine:
        forgotten = await engine.ask(request)
    if as_json:
        output.write_json(forgotten, output.SCHEMA)
    else:
        output.write(f"{counted(forgotten.recalls, 'recall')} deleted\n")
    return Exit.DONE if forgotten.recalls else Exit.NONE


def _confirm(everything: bool) -> None:
    """Ask on a terminal; raises `Stop` unless the answer is yes."""
    if not sys.stdin.isatty():
        raise Stop(Exit.USAGE, "nothing was deleted: --yes confirms where nobody can be asked")
    what = "all recalls" if everything else "these recalls"
    if not typer.confirm(f"Delete {what} from the log? It cannot be undone.", err=True):
        raise Stop(Exit.USAGE, "nothing was deleted")


@app.command()
@asynchronous
async def follow(
    log: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATH",
            help="A log of the agent's own memory, to import from as it grows.",
            show_default=False,
        ),
    ] = None,
    format: LogFormat = AUTO,  # noqa: A002
    agent: Agent = "",
    folder: FolderOption = None,
    as_json: AsJson = False,
) -> Exit:
    """Print recalls as they come, until ctrl+c.

    With PATH, that log is imported, and what is appended to it within a second; a log that is
    rotated or truncated is read again from its start.
    """
    chosen = _folder(folder, agent)
    if log is None and chosen_profile() is not None:
        format, logs = _attached_log(format, [])  # noqa: A001
        log = next(iter(logs), None)
    async with engine_of(chosen) as engine:
        watching = asyncio.create_task(_watch(engine, chosen, log, format, agent))
        watching.add_done_callback(_report_end)
        try:
            async with aclosing(engine.stream(FollowRecallsRequest(agent=agent))) as stream:
                async for batch in stream:
                    for each in batch.recalls:
                        if as_json:
                            output.write_json(each)
                        else:
                            now = datetime.now().astimezone()
                            terminal.write([pages.recall_line(each, now, terminal.width())])
        finally:
            watching.cancel()
    return Exit.DONE


async def _watch(engine: Engine, folder: Path, file: Path | None, name: str, agent: str) -> None:
    """Import what is appended to a foreign log."""
    if file is None:
        return

    def importing(each: Path) -> RecallImport:
        log = ForeignLog(folders=real_roots(folder), format=name, agent=agent)
        return RecallImport(engine=engine, log=log, bad_line=_reporter(each))

    async for _ in new_recalls(importing, file):
        pass


def _report_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        output.say(f"the log is not watched any more: {error}")


# Replay


@app.command()
@asynchronous
async def replay(
    agent: Agent = "",
    since: Since = "",
    against: Annotated[
        str,
        typer.Option(
            "--against",
            metavar="CONFIG",
            help="Compare with a saved configuration, instead of with what the agents got.",
            show_default=False,
            parser=valid,
        ),
    ] = "",
    min_overlap: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Exit with status 1 if the mean overlap is below.",
            show_default=False,
        ),
    ] = None,
    folder: FolderOption = None,
    as_json: AsJson = False,
) -> Exit:
    """Ask every logged question again, over today's index and settings, and compare.

    A line per question whose hits differ (with --json, one per question), then the means with 95%
    intervals. Exit status 1 if there is nothing to compare, or below --min-overlap.
    """
    request = ReplayRequest(agent=agent, since=since, against=against)
    async with engine_of(_folder(folder, agent)) as engine:
        await index_current(engine)
        await encoder_loaded(engine)
        try:
            summary = await _replay(engine, request, as_json=as_json)
        except EngineRefused as refusal:
            if refusal.status != NOT_FOUND:
                raise
            raise Stop(Exit.USAGE, str(refusal)) from refusal
    if not summary.recalls:
        output.say("no recall can be compared")
        return Exit.NONE
    low = min_overlap is not None and summary.overlap.mean < min_overlap
    return Exit.NONE if low else Exit.DONE


async def _replay(engine: Engine, request: ReplayRequest, *, as_json: bool) -> ReplaySummary:
    """Print the recalls as they are replayed, then the summary."""
    headed = False
    async with aclosing(engine.stream(request)) as stream:
        async for progress in stream:
            for recall in progress.recalls:
                if as_json:
                    output.write_json(recall)
                elif recall.lost or recall.gained or not recall.same_top:
                    width = terminal.width()
                    head = [] if headed else [pages.replay_head(width)]
                    terminal.write([*head, pages.replay_line(recall, width)])
                    headed = True
            if (summary := progress.summary) is not None:
                if as_json:
                    output.write_json({"summary": summary}, output.SCHEMA)
                else:
                    terminal.write([*([[]] if headed else []), *pages.replay_summary(summary)])
                return summary
    raise EngineUnavailable("the engine ended before the replay did")
