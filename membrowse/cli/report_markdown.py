"""A report as markdown, to paste where bugs are filed.

All of it that is not ours stands in fenced blocks, each fenced by more backticks than it holds, so
that no text of a note or a query becomes markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from membrowse.cli import explanation_sheet, ladder_sheet
from membrowse.cli.sheet import Sheet
from membrowse.text import shown_block
from membrowse.wire.report import Report
from membrowse.wire.search import Hit, Ranking, SearchResponse

_COLUMNS = 110
_BACKTICKS = re.compile("`+")
_SHORTEST_FENCE = 3


def text(report: Report) -> str:
    """The whole document."""
    parts = ["# membrowse report\n", *_sections(report)]
    return "\n".join(parts)


def fenced(block: str) -> str:
    """`block` as a fenced code block that it cannot leave."""
    safe = shown_block(block)
    longest = max(map(len, _BACKTICKS.findall(safe)), default=0)
    fence = "`" * max(_SHORTEST_FENCE, longest + 1)
    end = "" if safe.endswith("\n") else "\n"
    return f"{fence}text\n{safe}{end}{fence}\n"


def _sections(report: Report) -> Iterator[str]:
    page = Sheet(_COLUMNS)
    for name, value in _facts(report):
        page.sentence(value, indent=12, first=name)
    yield fenced(page.text(styled=False))
    changed = {key: one for key, one in report.settings.items() if one.source != "default"}
    if changed:
        yield "## Settings that are not the default\n"
        yield fenced(
            "".join(f"{key} = {one.value}  # {one.source}\n" for key, one in changed.items())
        )
    yield "## Rankings\n"
    yield fenced(_rankings(report.response))
    if report.explanation is not None:
        yield "## Explanation\n"
        page = Sheet(_COLUMNS)
        explanation_sheet.fill(page, report.explanation)
        yield fenced(page.text(styled=False))
    if report.diagnosis is not None:
        yield "## Why\n"
        page = Sheet(_COLUMNS)
        ladder_sheet.fill(page, report.diagnosis)
        yield fenced(page.text(styled=False))
    yield "## Notes\n"
    yield fenced("".join(f"{note.sha256[:16]:<16}  {note.path}\n" for note in report.notes))


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    recall, program, indexed = report.response, report.program, report.indexed
    yield "query", f"{recall.query.text} ({recall.query.syntax})"
    yield "made", report.made_at
    version = f"membrowse {program.membrowse}"
    if program.engine != program.membrowse:
        version += f", its engine {program.engine}"
    yield "program", f"{version}, Python {program.python}, {program.platform}"
    yield "libraries", ", ".join(f"{name} {version}" for name, version in program.libraries.items())
    counts = f"{recall.notes} notes, {recall.chunks} chunks, {indexed.encoded} with a vector"
    yield "index", f"generation {recall.generation}: {counts}, {recall.pending} pending"
    yield "recipe", ", ".join(f"{name} {value}" for name, value in indexed.recipe.items())
    yield "encoder", f"{indexed.encoder} {indexed.precision}".rstrip()
    yield "settings", recall.settings_digest
    for name, value in (("stale", indexed.stale), ("problem", indexed.problem)):
        if value:
            yield name, value


def _rankings(recall: SearchResponse) -> str:
    page = Sheet(_COLUMNS)
    for name, ranking in recall.rankings.items():
        page.heading(name.upper(), _told(ranking), f"{ranking.took_ms:.1f} ms")
        for hit in ranking.hits:
            page.row(f"{hit.rank:>4} {hit.score:>9.4f}  {_place(hit)}", _elsewhere(name, hit))
    return page.text(styled=False)


def _told(ranking: Ranking) -> str:
    pool = "" if ranking.pool is None else f" · pool {ranking.pool}"
    message = f" · {ranking.message}" if ranking.message else ""
    return f"{ranking.state.value} · {ranking.total} chunks{pool}{message}"


def _place(hit: Hit) -> str:
    return f"{hit.path}:{hit.start_line}-{hit.end_line}  {hit.heading or hit.title}"


def _elsewhere(name: str, hit: Hit) -> str:
    """The chunk's ranks in the other rankings, as `k9 v2 f4`."""
    return " ".join(
        f"{other[:1]}{'–' if rank is None else rank}"
        for other, rank in hit.ranks.items()
        if other != name
    )
