"""`membrowse metrics`: an engine's metrics, for a monitoring system."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from membrowse import paths
from membrowse.cli import folders, output
from membrowse.cli.chosen_service import named
from membrowse.cli.connection import asynchronous
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import FolderOption
from membrowse.client import discovery
from membrowse.client.engine import EngineClient, EngineUnavailable
from membrowse.client.registered_services import RegisteredService, registered
from membrowse.wire.engine import MetricsFormat, MetricsRequest

_NOT_READY = """\
# HELP membrowse_ready 1 if searches are answered.
# TYPE membrowse_ready gauge
membrowse_ready{{service="{service}"}} 0.0
"""


@asynchronous
async def metrics(
    folder: FolderOption = None,
    service: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A service, instead of a folder.", show_default=False),
    ] = None,
    textfile: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.prom",
            help="Replace this file, as node_exporter's textfile collector reads it.",
            show_default=False,
        ),
    ] = None,
) -> Exit:
    """Print the metrics of a running engine, as OpenMetrics text.

    A textfile reports an engine that does not answer, too: as not ready.
    """
    source = _source(folder, service)
    if textfile is None:
        output.write(await _text(source, MetricsFormat.OPENMETRICS))
        return Exit.DONE
    try:
        _replace(textfile, await _text(source, MetricsFormat.PROMETHEUS))
    except EngineUnavailable:
        if source.admits:
            _replace(textfile, _NOT_READY.format(service=source.name))
        raise
    return Exit.DONE


@dataclass(frozen=True, slots=True)
class _Source:
    """An engine whose metrics are read."""

    name: str
    """The value of the label `service`."""
    admits: bool
    """This user may connect, so that no answer means no engine."""
    connect: Callable[[], Coroutine[Any, Any, EngineClient]]


def _source(folder: Path | None, service: str | None) -> _Source:
    """The service called `service`, or the engine of `folder`. Raises `Stop`."""
    if service is not None:
        if folders.is_named(folder):
            raise Stop(Exit.USAGE, "give --service or a folder, not both")
        serving: RegisteredService | None = named(service)
    else:
        chosen = folders.chosen(folder)
        serving = registered(chosen)
    if serving is not None:
        return _Source(serving.name, serving.admits, partial(discovery.connect_to, serving))
    own = partial(discovery.connect, chosen, start=False)
    return _Source(paths.folder_key(chosen), True, own)


async def _text(source: _Source, text_format: MetricsFormat) -> str:
    engine = await source.connect()
    try:
        return (await engine.ask(MetricsRequest(text_format=text_format))).text
    finally:
        await engine.close()


def _replace(textfile: Path, text: str) -> None:
    """Replace a collector's file. Raises `Stop` if it cannot be written."""
    file = textfile.absolute()
    try:  # the directory is the collector's: its owner and rights are left alone
        paths.replace_file(file, text.encode(), mode=0o644, root=file.parent)
    except OSError as error:
        raise Stop(Exit.INTERNAL, f"{textfile} cannot be written: {error.strerror}") from error
