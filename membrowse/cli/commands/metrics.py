"""`membrowse metrics`: an engine's metrics, for a monitoring system."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from membrowse import paths
from membrowse.cli import folders, output
from membrowse.cli.connection import asynchronous
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import FolderOption
from membrowse.client import discovery
from membrowse.wire.engine import MetricsRequest


@asynchronous
async def metrics(
    folder: FolderOption = None,
    textfile: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.prom",
            help="Replace this file, as node_exporter's textfile collector reads it.",
            show_default=False,
        ),
    ] = None,
) -> Exit:
    """Print the metrics of a running engine, as OpenMetrics text."""
    engine = await discovery.connect(folders.chosen(folder), start=False)
    try:
        text = (await engine.ask(MetricsRequest())).text
    finally:
        await engine.close()
    if textfile is None:
        output.write(text)
        return Exit.DONE
    file = textfile.absolute()
    try:  # the directory is the collector's: its owner and rights are left alone
        paths.replace_file(file, text.encode(), mode=0o644, root=file.parent)
    except OSError as error:
        raise Stop(Exit.INTERNAL, f"{textfile} cannot be written: {error.strerror}") from error
    return Exit.DONE
