"""`membrowse search QUERY`: one recall, for a person or a program."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from membrowse.cli import output
from membrowse.cli.connection import brought_up_to_date, engine_of, recalled, until_loaded
from membrowse.cli.exit_codes import Exit
from membrowse.text import shown
from membrowse.wire.search import RankingState, SearchRequest, SearchResponse


@dataclass(frozen=True, slots=True)
class Asking:
    """How queries are asked, alone or in a batch."""

    limit: int
    syntax: str
    """`literal` or `operators`."""
    wait: bool
    """Whether to wait until the index is current."""

    def request(self, text: str) -> SearchRequest:
        """The request for `text`."""
        return SearchRequest(text=valid(text), syntax=self.syntax, limit=self.limit, client="cli")


def syntax_of(operators: bool) -> str:
    """How a query is read: by `--syntax` with operators, else literally."""
    return "operators" if operators else "literal"


def valid(text: str) -> str:
    """`text` with what is not valid Unicode, and so cannot match, replaced."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


async def search(folder: Path, text: str, asking: Asking, *, as_json: bool) -> Exit:
    """Ask for `text` and print every ranking."""
    async with engine_of(folder) as engine:
        if asking.wait:
            await brought_up_to_date(engine)
        await until_loaded(engine)
        recall = await recalled(engine, asking.request(text))
    _say_what_is_the_matter(recall, waited=asking.wait)
    if as_json:
        output.write_json(recall)
    elif sys.stdout.isatty():
        from membrowse.cli import rendering

        size = shutil.get_terminal_size()
        output.write(rendering.for_terminal(recall, size.columns))
    else:
        output.write("".join(plain_lines(recall)))
    return Exit.DONE if found(recall) else Exit.NONE


def found(recall: SearchResponse) -> bool:
    """Whether any ranking has a hit."""
    return any(ranking.hits for ranking in recall.rankings.values())


def plain_lines(recall: SearchResponse) -> list[str]:
    """`rank ranking score path:line heading`, separated by tabs, a line for each hit."""
    return [
        "\t".join(
            (
                str(hit.rank),
                shown(name),
                f"{hit.score:.6g}",
                f"{shown(hit.path)}:{hit.start_line}",
                shown(hit.heading or hit.title),
            )
        )
        + "\n"
        for name, ranking in recall.rankings.items()
        for hit in ranking.hits
    ]


def _say_what_is_the_matter(recall: SearchResponse, *, waited: bool) -> None:
    for warning in recall.query.warnings:
        output.say(warning)
    for name, ranking in recall.rankings.items():
        if ranking.state is not RankingState.READY:
            output.say(f"{name}: {ranking.state}{': ' if ranking.message else ''}{ranking.message}")
    if not recall.chunks:
        output.say("nothing is indexed" + ("" if waited else " yet; --wait waits until it is"))
    elif not found(recall):
        told = (ranking.message for ranking in recall.rankings.values() if ranking.message)
        output.say(next(told, "no hit"))
    elif recall.pending:
        differ = f"{recall.pending} notes differ from the index"
        output.say(differ + ("" if waited else "; --wait waits until they are indexed"))
