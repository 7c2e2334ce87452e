"""`membrowse backup`: what cannot be derived from the folder, in one file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from membrowse.cli import folders, output
from membrowse.cli.connection import asynchronous, engine_of
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import FolderOption
from membrowse.client.engine import Engine
from membrowse.presentation.figures import size
from membrowse.wire.backup import BackupRequest


@asynchronous
async def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write, as .tar.gz.")],
    folder: FolderOption = None,
    with_vectors: Annotated[
        bool, typer.Option("--with-vectors", help="Add the vectors, so that none is encoded again.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> Exit:
    """Write journal, pins and settings of a folder to a file.

    The engine goes on serving. Only its owner and root may do it.
    """
    if file.exists() and not force:
        raise Stop(Exit.USAGE, f"{file} exists; --force replaces it")
    async with engine_of(folders.chosen(folder)) as engine:
        try:
            written = await _write_archive(engine, BackupRequest(with_vectors=with_vectors), file)
        except OSError as error:
            raise Stop(Exit.INTERNAL, f"{file} cannot be written: {error.strerror}") from error
    output.say(f"{file}: {size(written)}")
    return Exit.DONE


async def _write_archive(engine: Engine, request: BackupRequest, file: Path) -> int:
    """Write the archive beside `file`, and put it in place when it is complete; returns its size.

    Raises `OSError`.
    """
    descriptor, name = tempfile.mkstemp(dir=file.absolute().parent, prefix=f".{file.name}.")
    written = 0
    try:
        with os.fdopen(descriptor, "wb") as stream:
            async for part in engine.stream(request):
                written += stream.write(part.data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(file)
    finally:
        Path(name).unlink(missing_ok=True)
    return written
