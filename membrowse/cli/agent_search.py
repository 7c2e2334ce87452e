"""An agent's own search, asked by a command: with the person's consent, beside our rankings."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import typer

from membrowse.agents import profiles
from membrowse.agents.collections import own_name
from membrowse.agents.scope import Scope
from membrowse.agents.search_command import ask, question
from membrowse.cli import output
from membrowse.cli.chosen_agent import chosen_profile
from membrowse.cli.chosen_store import chosen_store
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.client.engine import Engine
from membrowse.stores.directory import title_of
from membrowse.text import shown_block
from membrowse.wire.agents import AgentAnswer, AgentProfile, OwnSearchRequest
from membrowse.wire.search import RERANKED, SearchResponse

LINK_DEPTH = 500
"""Hits of our rankings among which the agent's hits are looked for."""


def agreed_profile(*, yes: bool) -> AgentProfile:
    """The chosen agent, whose search may run: the person agreed now or earlier. Raises `Stop`.

    The own search of a store is asked by its engine.
    """
    profile = chosen_profile()
    if profile is None and (store := chosen_store()) is not None:
        return profiles.of_store(title_of(store))
    if profile is None:
        raise Stop(Exit.USAGE, "--ask-agent needs --agent or --store: whose search?")
    if profile.memory.search is None and profile.memory.store:
        return profile
    text = question(profile)
    if profile.may_run:
        return profile
    if not yes:
        if not sys.stdin.isatty():
            raise Stop(Exit.USAGE, f"{text}\n--yes agrees where nobody can be asked")
        typer.echo(shown_block(text), err=True)
        if not typer.confirm("Run it now, and whenever it is asked for?", err=True):
            raise Stop(Exit.USAGE, "the agent was not asked")
    return profiles.agree(profile)


async def agents_answer(profile: AgentProfile, query: str, engine: Engine) -> AgentAnswer:
    """What the agent's own search returns; reports what is wrong with it on stderr."""
    if profile.memory.search is None:
        answer = await engine.ask(OwnSearchRequest(text=query, k=profile.memory.k or 0))
    else:
        answer = await asyncio.to_thread(ask, profile, query)
    for text in (answer.problem, answer.warning):
        if text:
            output.say(f"{profile.name}: {text}")
    return answer


def report_filters(profile: AgentProfile, filters: Sequence[str]) -> None:
    """Say that the agent's own search knows nothing of the filters in force."""
    output.say(f"only our rankings have {' '.join(filters)}: {profile.name} was asked without")


def report_out_of_scope(response: SearchResponse) -> None:
    """Say which of the hits within the agent's k are of files that the agent never searches."""
    profile = chosen_profile()
    ranking = response.rankings.get(RERANKED)
    if profile is None or ranking is None:
        return
    scope = Scope(profile.memory)
    k = profile.memory.k or len(ranking.hits)
    names = ((hit.path, own_name(profile.memory, hit.path)) for hit in ranking.hits[:k])
    paths = dict.fromkeys(path for path, name in names if not scope.contains(name))
    if paths:
        output.say(f"{profile.name} does not search {', '.join(paths)}")
