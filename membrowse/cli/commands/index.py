"""`membrowse index`: make the index current, and report what could not be indexed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec
import typer

from membrowse.cli import folders, output, terminal
from membrowse.cli.connection import asynchronous, engine_of, index_current
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import AsJson, Folder
from membrowse.client.remembered import Remembered
from membrowse.presentation.figures import counted
from membrowse.presentation.progress import progress_line
from membrowse.text import shown
from membrowse.wire.engine import EngineState, RebuildRequest, ReindexRequest
from membrowse.wire.notes import FileRecord, FilesRequest, NoteState


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A note that could not be indexed."""

    path: str
    reason: str


class Indexed(msgspec.Struct, frozen=True, kw_only=True):
    """What `membrowse index --json` prints."""

    schema: int = 1
    folder: str
    generation: int
    notes: int
    chunks: int
    encoded: int
    """Chunks that have a vector."""
    not_indexed: int
    """Files that are not in the index, including those that failed."""
    failed: tuple[Failure, ...]
    took_s: float


@asynchronous
async def index(
    folder: Folder = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Rebuild the index from scratch.")
    ] = False,
    as_json: AsJson = False,
) -> Exit:
    """Index what has changed, and wait until the index is current.

    Exit status 1 if nothing could be indexed.
    """
    chosen = folders.chosen(folder)
    Remembered().folder(chosen)
    started = time.monotonic()
    async with engine_of(chosen) as engine:
        with _progress_on_stderr() as show:
            request = RebuildRequest() if rebuild else ReindexRequest()
            state = await index_current(engine, request, show)
        files = await engine.ask(FilesRequest())
    indexed = _indexed_record(state, files, time.monotonic() - started)
    for failure in indexed.failed:
        output.say(f"not indexed: {shown(failure.path)}: {failure.reason}")
    if state.encoded < state.chunks:
        output.say(
            f"{counted(state.chunks - state.encoded, 'chunk')} without a vector: "
            f"{state.encoder.message}"
        )
    if as_json:
        output.write_json(indexed)
    else:
        output.write(_indexed_summary(indexed))
    return Exit.DONE if indexed.notes else Exit.NONE


def _indexed_record(state: EngineState, files: list[FileRecord], took: float) -> Indexed:
    failed = (file for file in files if file.state is NoteState.FAILED)
    return Indexed(
        folder=state.folder,
        generation=state.generation,
        notes=state.notes,
        chunks=state.chunks,
        encoded=state.encoded,
        not_indexed=state.not_indexed,
        failed=tuple(Failure(path=file.path, reason=file.reason) for file in failed),
        took_s=round(took, 3),
    )


def _indexed_summary(indexed: Indexed) -> str:
    notes, chunks = counted(indexed.notes, "note"), counted(indexed.chunks, "chunk")
    left_out = f"{indexed.not_indexed} not indexed ({len(indexed.failed)} failed)"
    generation, took = f"generation {indexed.generation}", f"{indexed.took_s:.1f} s"
    return f"{notes}, {chunks}, {left_out} · {generation} · {took}\n"


@contextmanager
def _progress_on_stderr() -> Iterator[Callable[[EngineState], None]]:
    """Show the progress of states on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    with Live("comparing the notes with the index", console=console, transient=True) as live:

        def show(state: EngineState) -> None:
            if state.progress is not None:
                line = progress_line(state.progress, console.width)
                live.update(terminal.text(line), refresh=True)

        yield show
