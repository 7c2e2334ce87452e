"""Answers the inspections of `inspections.INSPECTIONS`: one function a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from membrowse.engine.configuration import Configuration
from membrowse.engine.courtesy import Pause
from membrowse.engine.evaluations import Evaluations
from membrowse.engine.indexer import Indexer
from membrowse.engine.inspections import Inspection
from membrowse.engine.models import Models
from membrowse.engine.targets import Targets
from membrowse.index.index import Index


@dataclass(frozen=True, slots=True)
class Parts:
    """What inspections look at."""

    folder: Path
    configuration: Configuration
    index: Index
    models: Models
    indexer: Indexer
    evaluations: Evaluations
    targets: Targets


Answer = Callable[[Parts, Any, Pause], object]

ANSWERS: dict[type, Answer] = {}


def answer(parts: Parts, request: Inspection[Any], pause: Pause) -> object:
    """The record that answers `request`, on the caller's thread. `Unknown` where there is none."""
    return ANSWERS[type(request)](parts, request, pause)
