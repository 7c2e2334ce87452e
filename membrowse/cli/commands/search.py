"""`membrowse search`: the rankings of one query, or of a batch of queries."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from membrowse import paths, settings
from membrowse.cli import agent_search, folders, output, terminal
from membrowse.cli.connection import (
    asynchronous,
    encoder_loaded,
    engine_of,
    index_current,
)
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import (
    AfterFilter,
    AsJson,
    BeforeFilter,
    FolderOption,
    Operators,
    PathFilter,
    RootFilter,
    TagFilter,
    not_blank,
    syntax_of,
    valid,
)
from membrowse.client.agent_ranking import with_agent
from membrowse.client.engine import Engine, EngineRefused
from membrowse.client.search import search_response
from membrowse.client.titles import title
from membrowse.counts import counted
from membrowse.presentation import figures
from membrowse.presentation.rankings import WEAK
from membrowse.presentation.search import search_page
from membrowse.text import shown
from membrowse.wire.agents import AgentAnswer, AgentProfile
from membrowse.wire.engine import EngineState, StatusRequest
from membrowse.wire.search import (
    Filters,
    Ranking,
    RankingState,
    RecallContext,
    SearchRequest,
    SearchResponse,
)

STDIN = Path("-")
IN_FLIGHT = 4
"""Queries of a batch in the engine at once: enough that it never waits for this side."""
_READ_BYTES = 1 << 16
_READ_AHEAD = 1000
_BAD_REQUEST = 400
_WAIT = "; --wait waits until the index is complete"


QueryText = Annotated[
    str | None,
    typer.Argument(
        metavar="QUERY", help="What the agent asked.", show_default=False, parser=not_blank
    ),
]
BatchFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help='Answer every line {"id": …, "query": "…"} of FILE (-: stdin) with a line of '
        "JSON, in order.",
    ),
]
Limit = Annotated[int, typer.Option("-n", "--limit", min=1, help="Hits of each ranking.")]
Wait = Annotated[
    bool | None,
    typer.Option(
        "--wait/--no-wait",
        help="Wait until the index is current. [default: only with --batch]",
        show_default=False,
    ),
]
ClientName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Record the search in the log as a recall of the agent NAME.",
        show_default=False,
        parser=valid,
    ),
]
AskAgent = Annotated[
    bool, typer.Option("--ask-agent", help="Ask the agent's or store's own search, too.")
]
Agreed = Annotated[bool, typer.Option("--yes", help="Agree that the agent's search program runs.")]


@asynchronous
async def search(
    query: QueryText = None,
    batch: BatchFile = None,
    folder: FolderOption = None,
    root: RootFilter = "",
    path: PathFilter = "",
    tag: TagFilter = "",
    after: AfterFilter = "",
    before: BeforeFilter = "",
    limit: Limit = 10,
    syntax: Operators = False,
    wait: Wait = None,
    client: ClientName = "",
    ask_agent: AskAgent = False,
    yes: Agreed = False,
    as_json: AsJson = False,
) -> Exit:
    """Print the rankings of a query, or of a batch of queries.

    A terminal gets a page to read, a pipe one line per hit with tabs between rank, ranking,
    score, place and heading; --json prints everything.

    \b
      membrowse search "who approves a refund?"
      membrowse search "what broke?" --path 'logs/*' --after 2026-03 --before 2026-05
      membrowse search --syntax 'path:runbooks "roll back"' -n 5 --json
      membrowse search --batch questions.jsonl --folder notes --json > results.jsonl
    """
    if (query is None) == (batch is None):
        raise Stop(Exit.USAGE, "give a QUERY, or --batch FILE")
    chosen = folders.chosen(folder)
    request = SearchRequest(
        text=query or "",
        syntax=syntax_of(syntax),
        limit=limit,
        client="cli",
        filters=Filters(root=root, path=path, tag=tag, after=after, before=before),
        recall=_recall_context(client, limit) if client else None,
    )
    if ask_agent and batch is not None:
        raise Stop(Exit.USAGE, "--ask-agent asks one QUERY")
    asked = agent_search.agreed_profile(yes=yes) if ask_agent else None
    if batch is not None:
        return await _search_batch(chosen, batch, request, wait=wait is not False)
    return await _search(chosen, request, asked, wait=bool(wait), as_json=as_json)


def _recall_context(agent: str, limit: int) -> RecallContext:
    """An agent that gets the hits that are printed, cut by the minimum score of the settings."""
    least = settings.configured(paths.config_file()).settings.agent.min_score
    return RecallContext(agent=agent, k=limit, min_score=least or None)


# One query


async def _search(
    folder: Path,
    request: SearchRequest,
    agent: AgentProfile | None,
    *,
    wait: bool,
    as_json: bool,
) -> Exit:
    answer: AgentAnswer | None = None
    limit = request.limit
    if agent is not None:
        request = msgspec.structs.replace(request, limit=max(limit, agent_search.LINK_DEPTH))
    async with engine_of(folder) as engine:
        if wait:
            await index_current(engine)
        state = await encoder_loaded(engine)
        response = await search_response(engine, request)
        failed = response.failed
        if not (response.chunks or response.reading or response.pending):
            state = (await engine.ask(StatusRequest())).state
            output.say(_nothing_to_find(state))
            failed = bool(state.problem)
        if agent is not None:
            answer = await agent_search.agents_answer(agent, request.text, engine)
    _report_problems(response, state.pending.failed if state else 0, waited=wait)
    agent_search.report_out_of_scope(response)
    if agent is not None and response.query.filters:
        agent_search.report_filters(agent, response.query.filters)
    if answer is not None:
        response = with_agent(response, answer, limit)
    if as_json:
        output.write_json(response if answer is None else _with_answer(response, answer))
    elif sys.stdout.isatty():
        now = datetime.now().astimezone()
        name, roots = title(folder), folders.roots_of(folder, _paths(response))
        terminal.write(search_page(response, now, terminal.width(), name, roots))
    else:
        output.write("".join(_tab_separated(response)))
    return _status(hits=has_hits(response), failed=failed)


def _status(*, hits: bool, failed: bool) -> Exit:
    if hits:
        return Exit.DONE
    return Exit.UNAVAILABLE if failed else Exit.NONE


def _with_answer(response: SearchResponse, answer: AgentAnswer) -> dict[str, Any]:
    """The response, with the agent's answer as it was given under `agent`."""
    return {**msgspec.to_builtins(response), "agent": answer}


def has_hits(response: SearchResponse) -> bool:
    """Whether any ranking has a hit."""
    return any(ranking.hits for ranking in response.rankings.values())


def _paths(response: SearchResponse) -> Iterator[str]:
    return (hit.path for ranking in response.rankings.values() for hit in ranking.hits)


def _tab_separated(response: SearchResponse) -> Iterator[str]:
    """A line per hit: `rank ranking score path:line heading`."""
    for name, ranking in response.rankings.items():
        for hit in ranking.hits:
            fields = (
                str(hit.rank),
                shown(name),
                f"{hit.score:.6g}",
                f"{shown(hit.path)}:{hit.start_line}",
                shown(hit.heading or hit.title),
            )
            yield "\t".join(fields) + "\n"


def _report_problems(response: SearchResponse, failed: int, *, waited: bool) -> None:
    """Say what makes the response doubtful; waiting does not help for `failed` notes."""
    pending = response.pending - failed
    for warning in response.query.warnings:
        output.say(warning)
    for name, ranking in response.rankings.items():
        _report_doubt(name, ranking, reading=response.reading)
    if response.reading:
        output.say(f"still reading the notes: {_read_so_far(response)}{_WAIT}")
    elif not response.chunks:
        if response.pending:
            output.say("nothing is indexed" + ("" if waited else f" yet{_WAIT}"))
    elif not has_hits(response):
        messages = (ranking.message for ranking in response.rankings.values() if ranking.message)
        output.say(next(messages, "no hit"))
    elif pending > 0:
        differ = "differs" if pending == 1 else "differ"
        said = f"{figures.counted(pending, 'note')} {differ} from the index"
        output.say(said + ("" if waited else _WAIT))


def _nothing_to_find(state: EngineState) -> str:
    """Why a folder that was read has no chunk."""
    if state.problem:
        return state.problem
    if state.notes:
        return f"nothing to find: {figures.counted(state.notes, 'note')} without text"
    if state.store:
        return f"no record with text in {state.store}"
    kinds = settings.configured(paths.config_file()).settings.notes.kinds
    left_out = f", {figures.counted(state.not_indexed, 'file')} not indexed"
    return f"no notes here{left_out if state.not_indexed else ''} (notes are {kinds})"


def _report_doubt(name: str, ranking: Ranking, *, reading: bool) -> None:
    """Why a ranking cannot be trusted, unless that is only because the folder is being read."""
    if ranking.state is RankingState.READY:
        if ranking.strength is not None and ranking.strength.weak:
            output.say(f"{name}: {WEAK}")
    elif not (reading and ranking.state is RankingState.INDEXING):
        output.say(f"{name}: {ranking.state}{': ' if ranking.message else ''}{ranking.message}")


def _read_so_far(response: SearchResponse) -> str:
    """`40 notes so far, 106 to go`."""
    so_far = f"{figures.counted(response.notes, 'note')} so far"
    return f"{so_far}, {figures.number(response.pending)} to go" if response.pending else so_far


# A batch of queries


class BadLine(Exception):
    """A line without a query; the message says what is wrong with it."""


class Question(msgspec.Struct, frozen=True):
    """One line of the input; other keys are ignored."""

    query: str
    id: Any = None


async def _search_batch(folder: Path, file: Path, request: SearchRequest, *, wait: bool) -> Exit:
    """Answer every query of `file` (`-`: stdin) with a line of JSON, each as soon as it is known.

    Lines without a query are reported and left out; the status is then `Exit.USAGE`.
    """
    descriptor = _opened_batch(file)
    try:
        async with engine_of(folder) as engine:
            if wait:
                await index_current(engine)
            await encoder_loaded(engine)
            batch = _Batch(engine, request)
            await batch.run(_numbered_lines(descriptor))
    finally:
        if file != STDIN:
            os.close(descriptor)
    if batch.bad:
        output.say(f"{counted(batch.bad, 'line')} skipped")
        return Exit.USAGE
    return _status(hits=batch.hits, failed=batch.failed)


class _Batch:
    """A few queries in flight, answered in the order they came."""

    def __init__(self, engine: Engine, request: SearchRequest) -> None:
        self._engine = engine
        self._request = request
        self._free_slots = asyncio.Semaphore(IN_FLIGHT)
        self._in_flight: asyncio.Queue[
            tuple[int, Question, asyncio.Task[SearchResponse]] | None
        ] = asyncio.Queue()
        self.hits = False
        """Whether any query has hits."""
        self.failed = False
        """Whether any query could not be answered."""
        self.bad = 0
        """Lines that were left out."""

    async def run(self, lines: AsyncIterator[tuple[int, bytes]]) -> None:
        """Ask the queries of `lines` and print the answers in order, each when it is known."""
        asking = asyncio.create_task(self._send_queries(lines))
        asking.add_done_callback(lambda _: self._in_flight.put_nowait(None))
        try:
            while (flight := await self._in_flight.get()) is not None:
                await self._write_answer(*flight)
                self._free_slots.release()
            await asking
        finally:
            await self._cancel(asking)

    async def _send_queries(self, lines: AsyncIterator[tuple[int, bytes]]) -> None:
        async for number, line in lines:
            try:
                question = _parsed_question(line)
            except BadLine as error:
                self._leave_out(number, str(error))
                continue
            await self._free_slots.acquire()
            request = msgspec.structs.replace(self._request, text=valid(question.query))
            task = asyncio.create_task(search_response(self._engine, request))
            self._in_flight.put_nowait((number, question, task))

    async def _write_answer(
        self, number: int, question: Question, task: asyncio.Task[SearchResponse]
    ) -> None:
        try:
            response = await task
        except EngineRefused as refusal:
            if refusal.status != _BAD_REQUEST:
                raise
            self._leave_out(number, str(refusal))
        else:
            self.hits = has_hits(response) or self.hits
            self.failed = response.failed or self.failed
            output.write_json(response, {"id": question.id})

    async def _cancel(self, asking: asyncio.Task[None]) -> None:
        tasks: list[asyncio.Task[Any]] = [asking]
        while not self._in_flight.empty():
            flight = self._in_flight.get_nowait()
            if flight is not None:
                tasks.append(flight[2])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _leave_out(self, number: int, reason: str) -> None:
        self.bad += 1
        output.say(f"line {number}: {reason}")


def _parsed_question(line: bytes) -> Question:
    """The query of one line; raises `BadLine`."""
    try:
        question = msgspec.json.decode(line, type=Question)
    except msgspec.ValidationError as error:
        raise BadLine(f'not a query, which is {{"id": …, "query": "…"}}: {error}') from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadLine(f"not JSON: {error}") from error
    if not question.query.strip():
        raise BadLine("the query is empty")
    return question


def _opened_batch(file: Path) -> int:
    if file == STDIN:
        return 0
    try:
        return os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Stop(Exit.USAGE, f"{file} cannot be read: {error.strerror}") from error


async def _numbered_lines(descriptor: int) -> AsyncIterator[tuple[int, bytes]]:
    """The lines that are not blank, with their 1-based numbers, as they come.

    A daemon thread reads ahead, so that a silent terminal or pipe delays neither the answers nor
    the end.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[int, bytes] | OSError | None] = asyncio.Queue()
    room = threading.Semaphore(_READ_AHEAD)
    own = os.dup(descriptor)

    def hand_over(item: tuple[int, bytes] | OSError | None) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, item)

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            try:
                for item in enumerate(_lines_read(own), start=1):
                    room.acquire()
                    hand_over(item)
            except OSError as error:
                hand_over(error)
            else:
                hand_over(None)
        os.close(own)

    threading.Thread(target=read, name="batch input", daemon=True).start()
    while (item := await queue.get()) is not None:
        if isinstance(item, OSError):
            raise Stop(Exit.USAGE, f"the queries cannot be read: {item.strerror}")
        room.release()
        number, line = item
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.strip():
            yield number, line


def _lines_read(descriptor: int) -> Iterator[bytes]:
    rest: list[bytes] = []
    while piece := os.read(descriptor, _READ_BYTES):
        first, *more = piece.split(b"\n")
        rest.append(first)
        for start in more:
            yield b"".join(rest)
            rest = [start]
    if last := b"".join(rest):
        yield last
