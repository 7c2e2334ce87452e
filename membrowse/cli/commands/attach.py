"""`membrowse attach`: keep an agent's folder, k, minimum score, weights and search as a profile."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from membrowse.agents import profiles
from membrowse.agents.answers import reader_of
from membrowse.agents.collections import roots_of_memory
from membrowse.agents.discovery import find_agents
from membrowse.cli import output
from membrowse.cli.commands.agents import search_terms
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.folders import existing
from membrowse.cli.parameters import AsJson, valid
from membrowse.stores.address import parse_address
from membrowse.stores.directory import opened
from membrowse.text import shown
from membrowse.wire.agents import AgentMemory, AgentProfile, FoundAgent, SearchCommand

_COMMAND_HELP = (
    "Search with another program; {query}, {k} and {folder} in its arguments are replaced. It runs "
    "without a shell."
)
_STORE_HELP = (
    "Open the store that it keeps, read-only, in place of its folder (`membrowse agents` lists it)."
)
_READS_HELP = (
    "How its output is read: openclaw, qmd, memsearch, basic-memory, or fields of its JSON such as "
    "results=hits,path=file,start_line=line,score=rank,text=body."
)


def attach(
    agent: Annotated[
        str,
        typer.Argument(
            metavar="AGENT",
            help="An agent that `membrowse agents` lists.",
            show_default=False,
            parser=valid,
        ),
    ],
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Its name here. [default: from AGENT]")
    ] = "",
    folder: Annotated[
        Path | None,
        typer.Option("--folder", "-f", help="The folder of its notes, if another one."),
    ] = None,
    store: Annotated[str, typer.Option(metavar="STORE", help=_STORE_HELP)] = "",
    include: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Files that it searches (repeatable)."),
    ] = None,
    k: Annotated[int | None, typer.Option("-k", min=1, help="Hits that it gets.")] = None,
    min_score: Annotated[float | None, typer.Option(help="The least score of a hit.")] = None,
    command: Annotated[str, typer.Option(metavar="COMMAND", help=_COMMAND_HELP)] = "",
    reads: Annotated[str, typer.Option(metavar="READER", help=_READS_HELP)] = "",
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="VARIABLE", help="A variable that its search gets (repeatable)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep an agent as a profile, for `--agent NAME`.

    \b
      membrowse attach openclaw:main
      membrowse search --agent openclaw-main "which port does staging use?"
      membrowse --agent openclaw-main

    Only the profile is written, in a file of its own beside the settings. Attach again to read the
    agent's settings anew.
    """
    found = _chosen(agent, find_agents())
    memory = found.memory
    memory = _with_place(memory, folder, store)
    if not memory.folder:
        raise Stop(Exit.USAGE, f"the folder of {memory.id} is not known: name it with --folder")
    if include:
        memory = msgspec.structs.replace(memory, include=tuple(include))
    memory = _with_cut(memory, k, min_score)
    memory = _with_search(memory, command, reads, tuple(env or ()))
    profile = AgentProfile(name=name or profiles.default_name(memory), memory=memory)
    file = profiles.keep(profile)
    for problem in found.problems if folder is None and not store else ():
        output.say(problem)
    if as_json:
        output.write_json(profiles.read(profile.name), output.SCHEMA)
    else:
        output.write("".join(_lines(profile, file)))


def _chosen(agent: str, found: list[FoundAgent]) -> FoundAgent:
    """The agent with this id, or the only one of a system. Raises `Stop`."""
    for matching in (
        [each for each in found if each.memory.id == agent],
        [each for each in found if each.memory.system == agent],
    ):
        if len(matching) == 1:
            return matching[0]
    known = ", ".join(each.memory.id for each in found) or "none was found"
    raise Stop(Exit.USAGE, f"which agent is {agent}? On this machine: {known}")


def _with_place(memory: AgentMemory, folder: Path | None, store: str) -> AgentMemory:
    """`memory` in another folder, or in the store at an address, whose own search its engine asks.

    Raises `Stop` and `SettingsError`.
    """
    if folder is not None and store:
        raise Stop(Exit.USAGE, "give --store or --folder, not both")
    if not store:
        place = str(existing(folder)) if folder is not None else memory.folder
        return msgspec.structs.replace(memory, store="", folder=place)
    address = parse_address(store)
    return msgspec.structs.replace(
        memory,
        store=str(address),
        folder=str(opened(address)),
        include=("**",),
        outside=(),
        search=None,
    )


def _with_cut(memory: AgentMemory, k: int | None, min_score: float | None) -> AgentMemory:
    settings = dict(memory.settings)
    if k is not None:
        settings["agent.k"] = k
        memory = msgspec.structs.replace(memory, k=k)
    if min_score is not None:
        settings["agent.min_score"] = min_score
        memory = msgspec.structs.replace(memory, min_score=min_score)
    return msgspec.structs.replace(memory, settings=settings)


def _with_search(
    memory: AgentMemory, command: str, reads: str, variables: tuple[str, ...]
) -> AgentMemory:
    """`memory` with the command given, or its own with what was given of it. Raises `Stop`."""
    search = memory.search
    if command:
        try:
            arguments = tuple(shlex.split(command))
        except ValueError as error:
            raise Stop(Exit.USAGE, f"--command: {error}") from error
        if not reads or not any("{query}" in each for each in arguments[1:]):
            raise Stop(Exit.USAGE, "--command needs {query} among its arguments, and --reads")
        search = SearchCommand(arguments=arguments, reads=reads)
    elif search is None and (reads or variables):
        raise Stop(Exit.USAGE, f"{memory.id} has no search: give --command")
    if search is not None:
        search = msgspec.structs.replace(
            search, reads=reads or search.reads, environment=(*search.environment, *variables)
        )
        reader_of(search.reads)
    return msgspec.structs.replace(memory, search=search)


def _lines(profile: AgentProfile, file: Path) -> Iterator[str]:
    memory = profile.memory
    yield f"{profile.name}: {shown(memory.id)} in {shown(memory.store or memory.folder)}\n"
    rows = [("profile", str(file)), ("search", ", ".join(search_terms(memory)))]
    if (roots := roots_of_memory(memory)).is_collection:
        rows += [("root", f"{root.name}: {root.path}") for root in roots]
    rows += [("setting", f"{key} = {value}") for key, value in memory.settings.items()]
    rows += [("not here", each) for each in memory.unmapped]
    if memory.search is not None:
        rows.append(("command", shlex.join(memory.search.arguments)))
    for label, value in rows:
        if value:
            yield f"  {label:<9} {shown(value)}\n"
