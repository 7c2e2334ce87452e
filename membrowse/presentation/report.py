"""A report as Markdown, to paste into a bug report.

All text from notes and queries is in code blocks, whose fences are longer than any run of backticks
in them, so that none of it becomes markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from membrowse.counts import counted
from membrowse.presentation import figures, rankings
from membrowse.presentation.diagnosis import diagnosis_page
from membrowse.presentation.explanation import explanation_page
from membrowse.presentation.hits import lines_place
from membrowse.presentation.lines import Line, Part, fit, hanging, plain, spread
from membrowse.presentation.ranks import letters, ranks_text
from membrowse.text import shown, shown_block
from membrowse.wire.report import Report
from membrowse.wire.search import SearchResponse

TITLE = "# membrowse report"
"""First line of every report."""
_WIDTH = 110
_BACKTICKS = re.compile("`+")
_SHORTEST_FENCE = 3


def report_markdown(report: Report) -> str:
    """The whole document."""
    return "\n".join((f"{TITLE}\n", *_sections(report)))


def fenced(block: str) -> str:
    """`block` as a code block that it cannot end."""
    safe = shown_block(block)
    longest = max(map(len, _BACKTICKS.findall(safe)), default=0)
    fence = "`" * max(_SHORTEST_FENCE, longest + 1)
    end = "" if safe.endswith("\n") else "\n"
    return f"{fence}text\n{safe}{end}{fence}\n"


def _sections(report: Report) -> Iterator[str]:
    now = datetime.fromisoformat(report.made_at)
    facts = (
        hanging([Part(name.ljust(12))], [Part(shown(value))], _WIDTH)
        for name, value in _report_facts(report)
    )
    yield _block(line for lines in facts for line in lines)
    changed = {key: one for key, one in report.settings.items() if one.source != "default"}
    if changed:
        yield "## Settings that are not the default\n"
        yield fenced(
            "".join(f"{key} = {one.value}  # {one.source}\n" for key, one in changed.items())
        )
    yield "## Rankings\n"
    yield _block(_rankings(report.response))
    if report.explanation is not None:
        yield "## Explanation\n"
        yield _block(explanation_page(report.explanation, None, now, _WIDTH))
    if report.diagnosis is not None:
        yield "## Why\n"
        yield _block(diagnosis_page(report.diagnosis, _WIDTH))
    yield "## Notes\n"
    yield fenced("".join(f"{note.sha256[:16]:<16}  {note.path}\n" for note in report.notes))


def _block(lines: Iterator[Line] | list[Line]) -> str:
    return fenced("".join(f"{plain(line)}\n" for line in lines))


def _report_facts(report: Report) -> Iterator[tuple[str, str]]:
    response, program, indexed = report.response, report.program, report.indexed
    yield "query", f"{response.query.text} ({response.query.syntax})"
    yield "made", report.made_at
    version = f"membrowse {program.membrowse}"
    if program.engine != program.membrowse:
        version += f", engine {program.engine}"
    yield "program", f"{version}, Python {program.python}, {program.platform}"
    yield "libraries", ", ".join(f"{name} {version}" for name, version in program.libraries.items())
    notes, chunks = counted(response.notes, "note"), counted(response.chunks, "chunk")
    counts = f"{notes}, {chunks}, {indexed.encoded} with a vector"
    yield "index", f"generation {response.generation}: {counts}, {response.pending} pending"
    yield "recipe", ", ".join(f"{name} {value}" for name, value in indexed.recipe.items())
    yield "encoder", f"{indexed.encoder} {indexed.precision}".rstrip()
    yield "settings", response.settings_digest
    for name, value in (("stale", indexed.stale), ("problem", indexed.problem)):
        if value:
            yield name, value


def _rankings(response: SearchResponse) -> Iterator[Line]:
    """A line per hit: rank, score, place, heading, ranks elsewhere."""
    short = letters(response.rankings)
    for name, ranking in response.rankings.items():
        counts = rankings.ranking_counts(
            ranking.total, ranking.pool, ranking.cached, ranking.took_ms, exact=ranking.exact
        )
        notice = rankings.ranking_notice(name, ranking.message, ranking.approximate, response.query)
        weak = rankings.WEAK if ranking.strength is not None and ranking.strength.weak else ""
        facts = " · ".join(filter(None, (ranking.state.value, counts, weak, notice)))
        yield fit([Part(f"{shown(name).upper()}  {facts}")], _WIDTH)
        for hit in ranking.hits:
            heading = shown(hit.heading or hit.title)
            score = figures.exact(hit.score)
            left = [Part(f"{hit.rank:>4} {score:>8}  {lines_place(hit)}  {heading}")]
            yield spread(left, [Part(ranks_text(hit, short, name))], _WIDTH)
        yield []
