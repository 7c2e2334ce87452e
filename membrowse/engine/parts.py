"""The engine's parts that inspections look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from membrowse.engine.configuration import Configuration
from membrowse.engine.evaluations import Evaluations
from membrowse.engine.indexer import Indexer
from membrowse.engine.models import Models
from membrowse.engine.pinning import Pins
from membrowse.engine.questions import Questions
from membrowse.engine.saved_tunings import SavedTunings
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
    questions: Questions
    tunings: SavedTunings
    pins: Pins
