"""Locates targets; the chunks of a target are looked up once per generation."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping

import msgspec

from membrowse.engine.errors import Unknown
from membrowse.engine.indexing.file_states import note_path, note_state
from membrowse.engine.indexing.indexer_state import IndexerState
from membrowse.index.generation import Generation
from membrowse.index.protocols import SearchIndex
from membrowse.ranking.targets import LocatedTarget, TargetChunks, locate, target_label
from membrowse.settings import AgentSettings
from membrowse.wire.notes import NoteState
from membrowse.wire.search import CutOrigin, Target

GONE = "this chunk is no longer in the index"
KEPT = 64
"""Targets that are remembered; the least recently used goes first."""


class Targets:
    """Looks up targets. Thread-safe."""

    def __init__(
        self,
        index: SearchIndex,
        state: Callable[[], IndexerState],
        cut_set: Callable[[], bool],
        served: str,
    ) -> None:
        """`cut_set` says whether somebody set the agent's cut, be it to the default values;
        `served` is a `folder`, a `collection` or a `store`."""
        self._index = index
        self._state = state
        self._cut_set = cut_set
        self._served = served
        self._kept: OrderedDict[tuple[int, Target], TargetChunks] = OrderedDict()
        self._lock = threading.Lock()

    def chunks(self, generation: Generation, target: Target) -> TargetChunks:
        """The chunks of `generation` that match `target`."""
        path = self.note_path(generation, target.path)
        target = msgspec.structs.replace(target, path=path)
        key = (generation.number, target)
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
        found = locate(generation, target, self._index.successor)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def live_row(self, rows: Mapping[str, int], chunk: str) -> int:
        """The row of a chunk or of its successor in `rows`. Raises `Unknown` if it is gone."""
        row = rows.get(chunk)
        if row is None and chunk:
            row = rows.get(self._index.successor(chunk) or "")
        if row is None:
            raise Unknown(GONE)
        return row

    def note_path(self, generation: Generation, path: str) -> str:
        """The path of the note that `path` means, see `file_states.note_path`."""
        return note_path(self._state(), generation.notes, path)

    def locate(
        self,
        generation: Generation,
        target: Target,
        agent: AgentSettings,
        k: int | None = None,
    ) -> LocatedTarget:
        """`target` with the state of its note; `k` defaults to the agent's."""
        place = self.chunks(generation, target)
        path = place.path or (generation.chunks[place.rows[0]].path if place.rows else "")
        state, why = self.state(generation, path)
        chunk = generation.chunks[place.rows[0]] if place.rows else None
        return LocatedTarget(
            label=target_label(target, chunk),
            chunks=place,
            k=agent.k if k is None else k,
            cut=self._cut_origin(agent, k),
            min_score=agent.min_score,
            state=state,
            reason="" if place.rows else self._no_match_reason(path, state, why, place),
        )

    def _cut_origin(self, agent: AgentSettings, k: int | None) -> CutOrigin:
        if k is not None:
            return CutOrigin.REQUEST
        default = agent == AgentSettings() and not self._cut_set()
        return CutOrigin.DEFAULT if default else CutOrigin.AGENT

    def state(self, generation: Generation, path: str) -> tuple[NoteState | None, str]:
        """State of the file at `path` at the last check, and why it is not indexed."""
        if not path:
            return None, ""
        return note_state(self._state(), generation.notes, path)

    def _no_match_reason(
        self, path: str, state: NoteState | None, why: str, place: TargetChunks
    ) -> str:
        """Why no chunk matches the target, a sentence."""
        if why:
            return f"{path}: {why}"
        if state is NoteState.NEW:
            return f"{path} is not indexed yet"
        if path and state is None:
            part = "record of" if self._served == "store" else "file"
            return f"the {self._served} has no {part} {path}"
        return place.reason
