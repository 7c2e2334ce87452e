"""The engine's parts put together, as plain blocking calls: the service runs them on threads."""

from __future__ import annotations

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

from membrowse import places
from membrowse.engine import clock, preview
from membrowse.engine.facts import Facts
from membrowse.engine.freshness import FreshnessOf
from membrowse.engine.indexer import Asked, EncoderLoaded, Indexer, Paused
from membrowse.engine.models import Models
from membrowse.engine.protocol import (
    CheckReport,
    ChunkRequest,
    ChunkView,
    EncoderState,
    EngineInfo,
    FileRecord,
    PageRequest,
    Pending,
    RecallRequest,
    ReindexRequest,
    State,
    Status,
    Watcher,
)
from membrowse.index.index import Index, Recipe
from membrowse.ranking.pipeline import Evaluation, Ranker
from membrowse.recall import Ranking, RankingState, Recall
from membrowse.settings import Settings

log = logging.getLogger(__name__)

_REMEMBERED = 16
"""Evaluations kept for pages."""


class NotReady(Exception):
    """The index could not be opened (or is not yet); the message says why."""


class Unknown(Exception):
    """No such recall or chunk; the message says what to do."""
