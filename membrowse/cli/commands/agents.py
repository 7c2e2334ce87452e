"""`membrowse agents`: the agents on this machine, and where they keep their memory."""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.agents.discovery import find_agents
from membrowse.cli import output
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import AsJson
from membrowse.presentation.figures import counted, size
from membrowse.text import shown
from membrowse.wire.agents import AgentMemory, FoundAgent


def agents(as_json: AsJson = False) -> None:
    """List the agents on this machine.

    Shows where each keeps its memory, its index and its log, and how it searches.
    Nothing is written, and nothing is sent anywhere. `membrowse attach` keeps one as a profile.
    """
    found = find_agents()
    if as_json:
        output.write_json({"schema": 1, "agents": found})
    else:
        output.write("".join(line for agent in found for line in lines(agent)))
    if not found:
        raise Stop(Exit.NONE, "no agent was found; `membrowse docs agents` lists those it knows")


def lines(agent: FoundAgent) -> Iterator[str]:
    """An agent in a few lines."""
    memory = agent.memory
    yield f"{shown(memory.id)}\n"
    for name, value in _rows(agent, memory):
        if value:
            yield f"  {name:<9} {shown(value)}\n"


def _rows(agent: FoundAgent, memory: AgentMemory) -> Iterator[tuple[str, str]]:
    if memory.folder:
        yield "folder", f"{memory.folder} ({counted(agent.files, 'file')}, {size(agent.bytes)})"
        yield "memory", ", ".join((*memory.include, *memory.outside))
    part = f" ({memory.index_part})" if memory.index_part else ""
    yield "index", f"{memory.index}{part}" if memory.index else ""
    yield "store", memory.store
    yield "log", memory.log
    yield "search", ", ".join(search_terms(memory))
    for problem in agent.problems:
        yield "!", problem


def search_terms(memory: AgentMemory) -> Iterator[str]:
    """`k 6`, `minimum score 0.35`, and the weights by name."""
    if memory.k is not None:
        yield f"k {memory.k}"
    if memory.min_score is not None:
        yield f"minimum score {memory.min_score:g}"
    for name, weight in memory.weights.items():
        yield f"{name} {weight:g}"
