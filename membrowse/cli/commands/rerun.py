"""`membrowse rerun`: the query of a report on the index of today, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from membrowse import paths
from membrowse.cli import folders, output, report_context, terminal
from membrowse.cli.commands.report import query_hash
from membrowse.cli.connection import asynchronous, encoder_loaded, engine_of
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import AsJson, FolderOption, valid
from membrowse.cli.redaction import left_out
from membrowse.client.search import search_response
from membrowse.presentation.rerun import rerun_page
from membrowse.wire.engine import StatusRequest
from membrowse.wire.report import DEPTH, KIND, SCHEMA, Program, Report, Setting
from membrowse.wire.rerun import COMPARED_DEPTH, Difference, Rerun, RerunHit, RerunRanking
from membrowse.wire.search import RERANKED, Hit, Ranking, SearchRequest, SearchResponse


@asynchronous
async def rerun(
    file: Annotated[
        Path,
        typer.Argument(metavar="REPORT.json", help="What `report` wrote.", show_default=False),
    ],
    query: Annotated[
        str | None,
        typer.Option(
            metavar="QUERY",
            help="The query of a redacted report.",
            show_default=False,
            parser=valid,
        ),
    ] = None,
    folder: FolderOption = None,
    as_json: AsJson = False,
) -> Exit:
    """Run the query of a report again, and show what differs today.

    Without --folder, it runs in the report's folder if that has an index.
    Exit status 0 if the first ten reranked hits are in the same order, 1 if not.
    """
    then = _read_report(file, query)
    chosen = folders.of_report(folder, then.response.folder)
    hits = [hit for ranking in then.response.rankings.values() for hit in ranking.hits]
    request = SearchRequest(
        text=then.response.query.text,
        syntax=then.response.query.syntax,
        limit=DEPTH,
        client="cli",
        filters=then.filters,
        track=tuple(dict.fromkeys(hit.chunk for hit in hits)),
    )
    async with engine_of(chosen) as engine:
        await encoder_loaded(engine)
        now = await search_response(engine, request)
        status = await engine.ask(StatusRequest())
        in_force = await report_context.settings_in_force(engine)
    differences = (
        *_differences("", _values(then.settings), _values(in_force)),
        *_differences("recipe.", then.indexed.recipe, status.recipe),
        *_differences(
            "program.",
            _all_versions(then.program),
            _all_versions(report_context.running_program(status)),
        ),
    )
    answer = _compared_with_report(then, now, differences)
    if as_json:
        output.write_json(answer)
    else:
        terminal.write(rerun_page(answer, terminal.width()))
    return Exit.DONE if answer.same_order else Exit.NONE


# The report


_LARGEST_BYTES = 64 << 20


class _Kind(msgspec.Struct, frozen=True):
    kind: str = ""
    schema: int = 0


def _read_report(file: Path, query: str | None) -> Report:
    """The report in `file`, with its query; raises `Stop` if it cannot be run again.

    A redacted report lacks its query, which must be given; its hash is checked.
    """
    report = _decoded_report(file)
    if query is None and report.redacted:
        raise Stop(Exit.USAGE, f"{file} is redacted: give its query with --query")
    if report.redacted and report.filters:
        raise Stop(Exit.USAGE, f"{file} is redacted, and its filters with it: make a report anew")
    text = valid(report.response.query.text) if query is None else query
    if query_hash(text) != report.query_sha256:
        raise Stop(Exit.USAGE, f"{file} is about another query")
    asked = msgspec.structs.replace(report.response.query, text=text)
    response = msgspec.structs.replace(report.response, query=asked)
    return msgspec.structs.replace(report, response=response)


def _decoded_report(file: Path) -> Report:
    try:
        content = paths.read_regular(file, _LARGEST_BYTES)
    except OSError as error:
        raise Stop(Exit.USAGE, f"{file} cannot be read: {error.strerror}") from error
    try:
        kind = msgspec.json.decode(content, type=_Kind)
        if kind.kind != KIND:
            raise Stop(Exit.USAGE, f"{file} is not a report of membrowse")
        if kind.schema != SCHEMA:
            newer = f"{file} is a report of schema {kind.schema}; this membrowse reads {SCHEMA}"
            raise Stop(Exit.USAGE, newer)
        return msgspec.json.decode(content, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Stop(Exit.USAGE, f"{file} is not a report that can be read: {error}") from error


# Comparing


def _compared_with_report(
    then: Report, now: SearchResponse, differences: tuple[Difference, ...]
) -> Rerun:
    """The report's response compared with the one of today, which tracked its hits."""
    before = then.response
    rankings = {
        name: _rerun_ranking(name, ranking, now)
        for name, ranking in before.rankings.items()
        if name in now.rankings
    }
    reranked = rankings.get(RERANKED)
    index = tuple(
        Difference(what=name, then=getattr(before, name), now=getattr(now, name))
        for name in ("generation", "notes", "chunks", "pending", "settings_digest")
        if getattr(before, name) != getattr(now, name)
    )
    return Rerun(
        same_order=reranked is not None and reranked.same_order,
        query=now.query.text,
        made_at=then.made_at,
        asked_at=now.asked_at,
        generation=now.generation,
        differences=(*index, *differences),
        rankings=rankings,
    )


def _rerun_ranking(name: str, before: Ranking, now: SearchResponse) -> RerunRanking:
    hits = tuple(_rerun_hit(name, hit, now.tracked.get(hit.chunk)) for hit in before.hits)
    first = now.rankings[name].hits[:COMPARED_DEPTH]
    known = {hit.now_chunk for hit in hits if not hit.gone}
    order = [hit.now_chunk for hit in hits[:COMPARED_DEPTH]]
    return RerunRanking(
        same_order=order == [hit.chunk for hit in first],
        state=now.rankings[name].state,
        message=now.rankings[name].message,
        hits=hits,
        new=tuple(hit for hit in first if hit.chunk not in known),
    )


def _rerun_hit(name: str, before: Hit, now: Hit | None) -> RerunHit:
    found = before if now is None else now
    return RerunHit(
        chunk=before.chunk,
        now_chunk="" if now is None else now.chunk,
        path=found.path,
        heading=found.heading or found.title,
        start_line=found.start_line,
        then=before.rank,
        now=None if now is None else now.ranks.get(name),
        score_then=before.score,
        score_now=None if now is None else now.scores.get(name),
        gone=now is None,
        edited=now is not None and now.chunk != before.chunk,
    )


def _values(settings: Mapping[str, Setting]) -> dict[str, object]:
    """The settings' values as JSON has them."""
    return {key: msgspec.to_builtins(setting.value) for key, setting in settings.items()}


def _all_versions(program: Program) -> dict[str, object]:
    """All versions, those of libraries included."""
    versions: dict[str, object] = msgspec.to_builtins(program)
    libraries = versions.pop("libraries")
    return versions | (libraries if isinstance(libraries, dict) else {})


def _differences(
    prefix: str, then: Mapping[str, object], now: Mapping[str, object]
) -> Iterator[Difference]:
    """Entries that differ; those that a redacted report leaves out are compared by length."""
    for key in sorted({*then, *now}):
        before, today = then.get(key), now.get(key)
        if before != today and before != left_out(today):
            yield Difference(what=f"{prefix}{key}", then=before, now=today)
