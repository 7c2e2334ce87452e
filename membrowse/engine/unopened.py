"""What an engine tells of itself before its index is open. Light to import."""

from __future__ import annotations

from pathlib import Path

from membrowse.engine.protocol import EncoderState, Pending, Progress, State, Watcher
from membrowse.recall import RankingState
from membrowse.settings import Settings


def state(
    folder: Path,
    settings: Settings,
    *,
    encoder: EncoderState | None = None,
    problem: str = "",
    stopping: bool = False,
) -> State:
    """Nothing is indexed as far as anybody knows; `problem` says why it will not be."""
    loading = EncoderState(state=RankingState.LOADING, name=settings.encoder.model)
    return State(
        folder=str(folder),
        generation=0,
        notes=0,
        chunks=0,
        encoded=0,
        not_indexed=0,
        pending=Pending(),
        watcher=Watcher(kind="none"),
        encoder=encoder or loading,
        progress=None if problem else Progress(phase="opening"),
        problem=problem,
        settings_digest=settings.digest,
        agent_k=settings.agent.k,
        agent_min_score=settings.agent.min_score,
        stopping=stopping,
    )
