"""An agent's memory on disk, compared file by file with the agent's own index."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from membrowse import paths
from membrowse.agents.collections import roots_of_memory
from membrowse.agents.discovery import system_of
from membrowse.agents.foreign_files import Unreadable
from membrowse.agents.scope import MemoryFile, Scope
from membrowse.agents.system import ForeignIndex, IndexedFile, MemorySystem
from membrowse.wire.agents import (
    AgentHealth,
    AgentMemory,
    AgentProfile,
    ComparedFile,
    IndexedState,
)
from membrowse.wire.notes import NoteState

LARGEST_FILE = 100 << 20
"""Bytes of a file that is compared."""
_WRONG = (
    IndexedState.MISSING,
    IndexedState.STALE,
    IndexedState.GONE,
    IndexedState.UNREADABLE,
)


def compare_index(
    profile: AgentProfile, ours: Mapping[str, NoteState] | None = None
) -> AgentHealth:
    """Compare disk, the agent's index, and `ours` (the states of our notes by path, if known)."""
    memory, system = profile.memory, system_of(profile.memory)
    try:
        index = _index_of(system, memory) if system is not None else None
    except Unreadable as error:
        problem = f"its index cannot be read: {error}"
        return AgentHealth(
            agent=profile.name,
            folder=memory.folder,
            index=memory.index,
            healthy=False,
            problems=(problem,),
        )
    problems = list(index.problems) if index is not None else []
    healthy = not problems
    files = tuple(_compared(memory, index, ours or {}, problems))
    states = {file.state for file in files}
    remedies = system.remedies(memory) if system is not None else {}
    return AgentHealth(
        agent=profile.name,
        folder=memory.folder,
        index=memory.index,
        healthy=healthy and not states & set(_WRONG),
        files=files,
        remedies={state: text for state, text in remedies.items() if state in states},
        problems=tuple(problems),
    )


def _index_of(system: MemorySystem, memory: AgentMemory) -> ForeignIndex | None:
    """The agent's index; an empty one if it has made none yet. Raises `Unreadable`."""
    if memory.index.startswith("/") and not os.path.lexists(memory.index):
        return ForeignIndex((), problems=("the agent has no index yet",))
    return system.indexed(memory)


def _compared(
    memory: AgentMemory,
    index: ForeignIndex | None,
    ours: Mapping[str, NoteState],
    problems: list[str],
) -> Iterator[ComparedFile]:
    """Every file on disk or in the index; adds to `problems` what cannot be compared."""
    known = {file.name: file for file in (index.files if index is not None else ())}
    folder, roots = Path(memory.folder), roots_of_memory(memory)

    def our_state(name: str) -> NoteState | None:
        return ours.get(roots.path_of(folder / name) or name)

    for file in Scope(memory).files():
        theirs = known.pop(file.name, None)
        state = _state(file, theirs, indexes=index is not None)
        yield ComparedFile(path=file.name, state=state, ours=our_state(file.name))
    strange = 0
    for name, theirs in sorted(known.items()):
        path = folder / name
        if not os.path.lexists(path):
            yield ComparedFile(path=name, state=IndexedState.GONE, ours=our_state(name))
        elif _is_inside(name, folder):
            yield ComparedFile(path=name, state=_against(path, theirs), ours=our_state(name))
        else:
            strange += 1
    if strange:
        what = (
            "1 entry of its index is a link"
            if strange == 1
            else f"{strange} entries of its index are links"
        )
        problems.append(f"{what}, or outside its memory")


def _state(file: MemoryFile, theirs: IndexedFile | None, *, indexes: bool) -> IndexedState:
    """`indexes`: whether the agent's index is known; without one, it reads the files."""
    if theirs is not None:
        return _against(file.path, theirs)
    if not file.in_scope:
        return IndexedState.OUT_OF_SCOPE
    return _unindexed(file.path) if indexes else IndexedState.CURRENT


def _unindexed(path: Path) -> IndexedState:
    """State of a file that the index lacks; there is nothing to index in a blank one."""
    try:
        blank = not paths.read_regular(path, LARGEST_FILE).strip()
    except OSError:
        return IndexedState.UNREADABLE
    return IndexedState.CURRENT if blank else IndexedState.MISSING


def _against(path: Path, theirs: IndexedFile) -> IndexedState:
    """State of a file that the index has."""
    try:
        content = paths.read_regular(path, LARGEST_FILE)
    except OSError:
        return IndexedState.UNREADABLE
    current = _is_covered(content, theirs.texts)
    if theirs.digest:
        current = theirs.digest in _digests(content)
    return IndexedState.CURRENT if current else IndexedState.STALE


def _digests(content: bytes) -> Iterator[str]:
    """Of the bytes, and of the text as programs in JavaScript read it."""
    yield hashlib.sha256(content).hexdigest()
    yield hashlib.sha256(content.decode("utf-8", errors="replace").encode()).hexdigest()


def _is_covered(content: bytes, chunks: Iterable[str]) -> bool:
    """Whether `chunks` contain the lines of a file, and no others.

    Chunkers leave out headings and comments without text.
    """
    lines = {line.strip() for line in content.decode("utf-8", errors="replace").splitlines()}
    indexed = {line.strip() for chunk in chunks for line in chunk.splitlines()}
    left_out = {line for line in lines - indexed if not line.startswith(("#", "<!--"))} - {""}
    return not left_out and indexed <= lines | {""}


def _is_inside(name: str, folder: Path) -> bool:
    """Whether an entry of the index is a regular file in the folder, and reached by no link."""
    parts = Path(name).parts
    if Path(name).is_absolute() or ".." in parts:
        return False
    ways = (folder.joinpath(*parts[:length]) for length in range(1, len(parts) + 1))
    return not any(way.is_symlink() for way in ways) and (folder / name).is_file()
