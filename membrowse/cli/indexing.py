"""`membrowse index`: bring an index up to date, and say what could not be indexed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from membrowse.cli import output
from membrowse.cli.connection import brought_up_to_date, engine_of
from membrowse.cli.exit_codes import Exit
from membrowse.text import shown
from membrowse.wire.engine import EngineState, Progress, RebuildRequest, ReindexRequest
from membrowse.wire.notes import FileRecord, FilesRequest, NoteState


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A note that could not be indexed."""

    path: str
    reason: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `membrowse index --json` prints."""

    schema: int = 1
    folder: str
    generation: int
    notes: int
    chunks: int
    encoded: int
    """Chunks that have a vector."""
    not_indexed: int
    """Files of the folder that are not in the index, failed ones included."""
    failed: tuple[Failure, ...]
    took_s: float


async def index(folder: Path, *, rebuild: bool, as_json: bool) -> Exit:
    """Index `folder`, wait until that is done, and report."""
    started = time.monotonic()
    async with engine_of(folder) as engine:
        with _progress_bar() as seen:
            state = await brought_up_to_date(
                engine, RebuildRequest() if rebuild else ReindexRequest(), seen
            )
        report = _report(state, await engine.ask(FilesRequest()), time.monotonic() - started)
    for failure in report.failed:
        output.say(f"not indexed: {shown(failure.path)}: {failure.reason}")
    if state.encoded < state.chunks:
        output.say(f"{state.chunks - state.encoded} chunks have no vector: {state.encoder.message}")
    if as_json:
        output.write_json(report)
    else:
        output.write(_summary(report))
    return Exit.DONE if report.notes else Exit.NONE


def _report(state: EngineState, files: list[FileRecord], took: float) -> Report:
    failed = (file for file in files if file.state is NoteState.FAILED)
    return Report(
        folder=state.folder,
        generation=state.generation,
        notes=state.notes,
        chunks=state.chunks,
        encoded=state.encoded,
        not_indexed=state.not_indexed,
        failed=tuple(Failure(path=file.path, reason=file.reason) for file in failed),
        took_s=round(took, 3),
    )


def _summary(report: Report) -> str:
    return (
        f"{report.notes} notes, {report.chunks} chunks, {report.not_indexed} not indexed "
        f"({len(report.failed)} failed) · generation {report.generation} · {report.took_s:.1f} s\n"
    )


@contextmanager
def _progress_bar() -> Iterator[Callable[[EngineState], None]]:
    """A bar on stderr while there is progress, where stderr is a terminal; else nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking at the folder", total=None, detail="")

        def seen(state: EngineState) -> None:
            progress = state.progress
            if progress is not None:
                done, total, detail = measure(progress)
                bar.update(
                    task,
                    description=progress.phase,
                    completed=done,
                    total=total or None,
                    detail=detail,
                )

        yield seen


def measure(progress: Progress) -> tuple[int, int, str]:
    """How much is done, of how much, and that in words with the rate and the time left."""
    if progress.phase != "encoding":
        done, total = progress.notes_done, progress.notes_total
        return done, total, f"{done}/{total} notes" if total else ""
    done, total = progress.chunks_done, progress.chunks_total
    words = [f"{done}/{total} chunks"]
    if progress.chunks_per_second:
        words.append(f"{progress.chunks_per_second:.0f}/s")
    if progress.seconds_left is not None:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        words.append(f"{minutes}:{seconds:02} left")
    return done, total, " · ".join(words)
