"""What the screens show of the engine: connection, rights and its last state, as lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from pathlib import Path

from membrowse.client.titles import title
from membrowse.presentation import figures
from membrowse.presentation.lines import (
    Line,
    Part,
    cells,
    clip,
    clip_path,
    fit,
    joined,
    root_beginnings,
    shortened,
    spread,
)
from membrowse.presentation.pins import state_parts
from membrowse.presentation.progress import pending_parts, progress_line, reading_text
from membrowse.roots import Root, Roots
from membrowse.settings import NotesSettings
from membrowse.text import shown
from membrowse.tui.actions import KeyOf
from membrowse.wire.engine import EngineState, Right
from membrowse.wire.recalls import Recall
from membrowse.wire.search import RankingState

_PINS = "screen.pins"
"""What a click on the pins in the status line does."""


class Phase(Enum):
    """The state of the connection to an engine."""

    NONE = "no folder"
    STARTING = "starting"
    CONNECTED = "connected"
    LOST = "lost"
    GAVE_UP = "gave up"


@dataclass(frozen=True, slots=True)
class EngineView:
    """Everything the screens know about the engine."""

    folder: Path | None = None
    phase: Phase = Phase.NONE
    message: str = ""
    log_tail: str = ""
    rights: frozenset[Right] = frozenset()
    state: EngineState | None = None
    note_kinds: str = NotesSettings().kinds
    """Which files are notes, in words."""
    agent: str = ""
    """The agent whose recall is shown, with the recall's k and minimum score; else the attached
    agent that was chosen."""
    agent_k: int = 5
    agent_min_score: float = 0.0
    agent_set: bool = False

    @property
    def store(self) -> str:
        """Address of the store that is open; empty for a folder."""
        return self.state.store if self.state else ""

    @property
    def connected(self) -> bool:
        return self.phase is Phase.CONNECTED

    @property
    def reading(self) -> bool:
        """Whether the first pass over the folder has not ended; what the engine says about its
        content is then provisional."""
        return self.state is not None and self.state.reading and not self.state.problem

    @property
    def generation(self) -> int:
        """Generation of the index; −1 if it is unknown."""
        return self.state.generation if self.state else -1

    @property
    def roots(self) -> Roots | None:
        """Where the notes are on the disk; None without a folder."""
        if self.folder is None:
            return None
        if self.state is None or not self.state.roots:
            return Roots.of_folder(self.folder)
        states = self.state.roots
        roots = Roots(self.folder, (Root(Path(root.path), root.name) for root in states))
        roots.unavailable = frozenset(root.name for root in states if root.problem)
        return roots

    @property
    def root_beginnings(self) -> dict[str, str]:
        """The roots of a collection, as paths shorten them."""
        return root_beginnings(shown(root.name) for root in self.state.roots) if self.state else {}

    @property
    def changed(self) -> frozenset[str]:
        return frozenset(self.state.changed) if self.state else frozenset()

    @property
    def deleted(self) -> frozenset[str]:
        return frozenset(self.state.deleted) if self.state else frozenset()


def with_recall(view: EngineView, recall: Recall | None) -> EngineView:
    """`view` with the agent and the cut of a recall.

    The minimum score of a foreign log is on that agent's own scale, so it cuts nothing of ours.
    """
    if recall is None:
        return view
    k = view.agent_k if recall.k is None else recall.k
    min_score = 0.0 if recall.source else recall.min_score or 0.0
    return replace(view, agent=recall.agent, agent_k=k, agent_min_score=min_score)


def short_path(path: Path, home: Path | None = None) -> str:
    """`path` with the home directory as `~`, safe to show."""
    home = home or Path.home()
    if path == home:
        return "~"
    if path.is_relative_to(home):
        return shown(f"~/{path.relative_to(home)}")
    return shown(str(path))


def folder_title(folder: Path) -> str:
    """What an opened folder or collection is called, safe to show."""
    return shown(title(folder)) or short_path(folder)


def header_line(view: EngineView, width: int, key: KeyOf) -> Line:
    """Name and folder at the left; at the right the state of the index, then its size."""
    left = [Part(" membrowse ", "brand")]
    facts = _index_facts(view, key) if view.state else []
    needed = cells(joined(facts[:2]))
    if view.folder is not None:
        room = max(16, width - cells(left) - needed - 4)
        left.append(Part(f" {clip_path(folder_title(view.folder), room)}", "folder"))
    if not facts:
        return spread(left, [], width)
    shown_facts = shortened(facts, width - cells(left) - 3)
    return spread(left, [*shown_facts, Part(" ")], width)


def _condition_part(view: EngineView, state: EngineState) -> Part:
    """Whether the index matches the folder, as far as the engine knows."""
    if state.stale:
        return Part("stale", "warn")
    if view.reading:
        return Part(reading_text(state), "warn")
    missing = any(root.problem for root in state.roots)
    waiting = state.watcher.paused or bool(state.problem) or missing or not state.pending.total
    if state.progress is not None or not waiting:
        return Part("catching up", "warn")
    if state.watcher.paused:
        return Part("paused, may be out of date", "warn")
    if state.problem or missing or not state.watcher.alive or state.pending.total:
        return Part("may be out of date", "warn")
    return Part("current", "good")


def _index_facts(view: EngineView, key: KeyOf) -> list[Line]:
    """The state of the index and its figures, most important first."""
    state = view.state
    if state is None:
        return []
    if view.reading:
        return [[_condition_part(view, state)]]
    not_indexed = f"{figures.number(state.not_indexed)} not indexed [{key('view.files')}]"
    return [
        [_condition_part(view, state)],
        [Part(f"{clip(shown(view.agent), 16)} k {view.agent_k}", "accent")] if view.agent else [],
        [Part(not_indexed, "", "screen.files")] if state.not_indexed else [],
        [Part(figures.counted(state.notes, "note"))],
        [Part(figures.counted(state.chunks, "chunk"), "dim")],
    ]


def watcher_part(state: EngineState) -> Part:
    """Whether and how the engine notices changes."""
    watcher = state.watcher
    if watcher.paused:
        return Part("‖ watching paused", "warn", "screen.pause")
    if not watcher.alive:
        return Part(f"✗ not watching: {shown(watcher.message) or 'the watcher stopped'}", "bad")
    if watcher.kind == "none":
        return Part("○ not watching yet", "dim")
    if watcher.kind == "polling":
        return Part("◐ polling", "warn")
    if watcher.kind == "store":
        return Part("● read-only store", "good")
    if watcher.restarted_at:
        return Part("● watching again", "good")
    return Part("● watching", "good")


def encoder_part(state: EngineState) -> Line:
    """The encoder's state if it is not ready."""
    encoder = state.encoder
    if encoder.state is RankingState.READY:
        return []
    if encoder.state is RankingState.LOADING:
        return [Part("loading the model…", "warn")]
    style = "bad" if encoder.state is RankingState.FAILED else "warn"
    return [Part(f"{shown(encoder.name.rsplit('/', 1)[-1])} {encoder.state.value}", style)]


def change_parts(view: EngineView, now: datetime) -> Line:
    """When the index last changed, and through which note if it is one."""
    change = view.state.last_change if view.state else None
    if change is None:
        return []
    at = Part(f"indexed {figures.local_time(change.at, now)} ", "dim")
    if not change.path:
        return [at]
    chunks = figures.counted(change.chunks, "chunk")
    return [at, Part(shown(change.path)), Part(f", {chunks} ", "dim")]


def status_line(view: EngineView, now: datetime, width: int, key: KeyOf) -> Line:
    """The line at the bottom: connection, watcher, pending counts, models, last change."""
    if view.phase is not Phase.CONNECTED or view.state is None:
        return _unconnected_line(view, width, key)
    state = view.state
    if state.stopping:
        return fit([Part(" ○ the engine is stopping", "warn")], width)
    lead = [Part(" "), watcher_part(state)]
    if state.progress is not None:
        loading = state.progress.phase in ("loading", "preparing")
        encoder = [] if loading else encoder_part(state)
        pending = joined([pending_parts(state.pending, quiet=True), encoder])
        room = width - cells(lead) - cells(pending) - 7
        lead = joined([lead, progress_line(state.progress, max(20, room)), pending])
    else:
        lead = joined([lead, pending_parts(state.pending, quiet=True), encoder_part(state)])
    right = change_parts(view, now)
    if state.pins.total or state.pins.problem:
        lead, right = _with_pins(lead, right, state, width)
    if cells(lead) + cells(right) + 2 > width:
        right = []
    return spread(lead, right, width)


def _with_pins(lead: Line, right: Line, state: EngineState, width: int) -> tuple[Line, Line]:
    """The line with the pins added; if there is little room, they replace the last change."""
    for last in (right, []):
        for brief in (False, True):
            line = joined([lead, state_parts(state.pins, brief=brief, action=_PINS)])
            if cells(line) + cells(last) + 2 <= width:
                return line, last
    watching = [Part(" "), watcher_part(state)]
    return joined(
        [
            watching,
            state_parts(state.pins, brief=True, action=_PINS),
            pending_parts(state.pending, quiet=True),
        ]
    ), []


Basis = tuple[object, ...]


def state_basis(state: EngineState) -> Basis:
    """What a response depends on besides the generation; ask again when it differs."""
    cut = (state.agent_k, state.agent_min_score, state.agent_set)
    configured = (state.settings_digest, state.configuration)
    encoder = (state.encoder.state, state.encoder.message)
    unreadable = tuple(root.name for root in state.roots if root.problem)
    return (state.reading, *encoder, *configured, *cut, unreadable)


def reply_basis(view: EngineView) -> Basis | None:
    """What a reply depends on, generation included; ask again when it differs."""
    state = view.state
    return (state.generation, *state_basis(state)) if state else None


def _unconnected_line(view: EngineView, width: int, key: KeyOf) -> Line:
    words = {
        Phase.NONE: Part(" ○ no folder open", "dim"),
        Phase.STARTING: Part(f" ◌ {shown(view.message) or 'starting'}", "accent"),
        Phase.CONNECTED: Part(" ◌ connected, waiting for the engine's state", "accent"),
        Phase.LOST: Part(f" ◌ engine lost: {shown(view.message)}; restarting it", "warn"),
        Phase.GAVE_UP: Part(f" ✗ no engine: {key('app.retry')} restarts it", "bad", "app.retry"),
    }
    return fit([words[view.phase]], width)


def trouble_lines(view: EngineView) -> list[Line]:
    """Problems that affect everything, each behind a sign, for a notice above the columns."""
    if view.phase is Phase.LOST:
        text = "The engine stopped and is being restarted; the rows shown are old."
        return [[Part("◌ ", "warn"), Part(text)]]
    state = view.state
    if state is None or not view.connected:
        return []
    if state.problem:
        return [[Part("✗ ", "bad"), Part(shown(state.problem))]]
    if missing := [root for root in state.roots if root.problem]:
        return [_warning(f"{root.name}: {root.problem}") for root in missing]
    if state.stale:
        return [_warning(f"The index is out of date: {state.stale}")]
    if state.watcher.message and (not state.watcher.alive or state.watcher.kind == "polling"):
        return [_warning(state.watcher.message)]
    return []


def _warning(text: str) -> Line:
    return [Part("! ", "warn"), Part(shown(text))]
