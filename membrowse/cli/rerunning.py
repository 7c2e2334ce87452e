"""`membrowse rerun`: the query of a report on today's index, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from membrowse.cli import environment, output
from membrowse.cli.connection import engine_of, recalled, until_loaded
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.redaction import left_out
from membrowse.cli.reporting import query_hash
from membrowse.cli.searching import valid
from membrowse.wire.engine import StatusRequest
from membrowse.wire.report import DEPTH, KIND, SCHEMA, Program, Report, Setting
from membrowse.wire.rerun import COMPARED_DEPTH, Difference, Rerun, RerunHit, RerunRanking
from membrowse.wire.search import RERANKED, Hit, Ranking, SearchRequest, SearchResponse


def read(file: Path, query: str | None) -> Report:
    """The report in `file`, with its query; raises `Stop` where it cannot be run again.

    A redacted report does not hold its query, which must be given; a hash tells whether it is it.
    """
    report = _decoded(file)
    if query is None and report.redacted:
        raise Stop(Exit.USAGE, f"{file} is redacted: give its query with --query")
    text = valid(report.response.query.text if query is None else query)
    if query_hash(text) != report.query_sha256:
        raise Stop(Exit.USAGE, f"{file} is about another query")
    asked = msgspec.structs.replace(report.response.query, text=text)
    recall = msgspec.structs.replace(report.response, query=asked)
    return msgspec.structs.replace(report, response=recall)


async def rerun(folder: Path, then: Report, *, as_json: bool) -> Exit:
    """Ask the report's query again and print what differs; `Exit.NONE` for another order."""
    hits = [hit for ranking in then.response.rankings.values() for hit in ranking.hits]
    request = SearchRequest(
        text=then.response.query.text,
        syntax=then.response.query.syntax,
        limit=DEPTH,
        client="cli",
        track=tuple(dict.fromkeys(hit.chunk for hit in hits)),
    )
    async with engine_of(folder) as engine:
        await until_loaded(engine)
        now = await recalled(engine, request)
        told = await engine.ask(StatusRequest())
        settings = await environment.settings_in_force(engine)
    program = environment.program(told)
    differs = (
        *_differences("", _plain(then.settings), _plain(settings)),
        *_differences("recipe.", then.indexed.recipe, told.recipe),
        *_differences("program.", _flat(then.program), _flat(program)),
    )
    answer = compared(then, now, differs)
    if as_json:
        output.write_json(answer)
    else:
        from membrowse.cli import rerun_sheet, sheet

        page = sheet.for_output()
        rerun_sheet.fill(page, answer)
        sheet.write(page)
    return Exit.DONE if answer.same_order else Exit.NONE


def compared(then: Report, now: SearchResponse, differs: tuple[Difference, ...]) -> Rerun:
    """What differs between a report's recall and the one of now, which tracked its hits."""
    before = then.response
    rankings = {
        name: _ranking(name, ranking, now)
        for name, ranking in before.rankings.items()
        if name in now.rankings
    }
    reranked = rankings.get(RERANKED)
    counts = ("generation", "notes", "chunks", "pending", "settings_digest")
    index = tuple(
        Difference(what=name, then=getattr(before, name), now=getattr(now, name))
        for name in counts
        if getattr(before, name) != getattr(now, name)
    )
    return Rerun(
        same_order=reranked is not None and reranked.same_order,
        query=now.query.text,
        made_at=then.made_at,
        asked_at=now.asked_at,
        generation=now.generation,
        differences=(*index, *differs),
        rankings=rankings,
    )


def _ranking(name: str, before: Ranking, now: SearchResponse) -> RerunRanking:
    placed = tuple(_placed(name, hit, now.tracked.get(hit.chunk)) for hit in before.hits)
    first = now.rankings[name].hits[:COMPARED_DEPTH]
    known = {one.now_chunk for one in placed if not one.gone}
    return RerunRanking(
        same_order=[one.now_chunk for one in placed[:COMPARED_DEPTH]]
        == [hit.chunk for hit in first],
        state=now.rankings[name].state,
        message=now.rankings[name].message,
        hits=placed,
        new=tuple(hit for hit in first if hit.chunk not in known),
    )


def _placed(name: str, before: Hit, now: Hit | None) -> RerunHit:
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


def _plain(settings: Mapping[str, Setting]) -> dict[str, object]:
    """Values as JSON has them."""
    return {key: msgspec.to_builtins(one.value) for key, one in settings.items()}


def _flat(program: Program) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(program)
    libraries = plain.pop("libraries")
    return plain | (libraries if isinstance(libraries, dict) else {})


def _differences(
    prefix: str, then: Mapping[str, object], now: Mapping[str, object]
) -> Iterator[Difference]:
    """Entries that are not equal; those that a redacted report left out are equal by length."""
    for key in sorted({*then, *now}):
        before, today = then.get(key), now.get(key)
        if before != today and before != left_out(today):
            yield Difference(what=f"{prefix}{key}", then=before, now=today)


def _decoded(file: Path) -> Report:
    try:
        content = file.read_bytes()
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
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Stop(Exit.USAGE, f"{file} is not a report that can be read: {error}") from error


class _Kind(msgspec.Struct, frozen=True):
    kind: str = ""
    schema: int = 0
