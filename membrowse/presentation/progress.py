"""Progress and pending work of an engine, as lines."""

from __future__ import annotations

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, bar_parts, shortened
from membrowse.text import shown
from membrowse.wire.engine import EngineState, Pending, Progress

_LOADING = {"loading": "", "preparing": " (first run only)"}
"""What follows the seconds in these phases."""


def progress_line(progress: Progress, width: int) -> Line:
    """`encoding 40/992 chunks ━━──── 4% · 3 min left · 94 chunks/s`; `loading the model, 2 s`."""
    if progress.phase in _LOADING:
        return shortened([_loading_parts(progress)], width)
    records = bool(progress.chunks_total) and not progress.notes_total
    if progress.phase == "encoding" or records:
        done, total, noun = progress.chunks_done, progress.chunks_total, "chunks"
    else:
        done, total, noun = progress.notes_done, progress.notes_total, "notes"
    groups = [[Part(shown(progress.phase), "accent")]]
    if total:
        share = done / total
        groups[0] += [
            Part(f" {figures.number(done)}/{figures.number(total)} {noun} "),
            *bar_parts(share, 12),
            Part(f" {figures.percent(share)}"),
        ]
    if progress.seconds_left is not None:
        groups.append([Part(f"{figures.duration(progress.seconds_left)} left")])
    if progress.chunks_per_second > 0:
        groups.append([Part(f"{progress.chunks_per_second:.0f} chunks/s", "dim")])
    return shortened(groups, width)


def _loading_parts(progress: Progress) -> Line:
    line = [Part("loading the model", "accent")]
    if progress.seconds:
        line.append(Part(f", {figures.duration(progress.seconds)}"))
    return [*line, Part(_LOADING[progress.phase])]


def reading_text(state: EngineState) -> str:
    """`Reading 146 notes…` until the first pass over the folder has ended, then empty."""
    if not state.reading or state.problem:
        return ""
    progress = state.progress
    if progress is not None and progress.phase == "reading" and progress.notes_total:
        left = f"{figures.number(progress.notes_done)} of "
        return f"Reading {left}{figures.counted(progress.notes_total, 'note')}…"
    pending = state.pending.new + state.pending.changed
    return f"Reading {figures.counted(pending, 'note')}…" if pending else "Reading the notes…"


def pending_parts(pending: Pending, *, quiet: bool = False) -> Line:
    """The pending notes by kind; zeros are dim, or left out if `quiet`."""
    line: Line = []
    for count, word, style in (
        (pending.new, "new", "warn"),
        (pending.changed, "changed", "warn"),
        (pending.deleted, "deleted", "warn"),
        (pending.failed, "failed", "bad"),
    ):
        if count or not quiet:
            line.append(Part(f"{figures.number(count)} {word}", style if count else "dim"))
            line.append(Part(" "))
    return line[:-1]
