"""Answers the inspections of `inspections.INSPECTIONS`: one function a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from membrowse.engine import explaining, tuning
from membrowse.engine.courtesy import Pause
from membrowse.engine.inspections import (
    ExplainRequest,
    FlowRequest,
    Inspection,
    SaveTuningRequest,
    TuneRequest,
    TuningsRequest,
    UseTuningRequest,
)
from membrowse.engine.parts import Parts

Answer = Callable[[Parts, Any, Pause], object]

ANSWERS: dict[type, Answer] = {
    ExplainRequest: explaining.explain,
    FlowRequest: explaining.flow,
    TuneRequest: tuning.tune,
    TuningsRequest: tuning.tunings,
    SaveTuningRequest: tuning.save,
    UseTuningRequest: tuning.use,
}


def answer(parts: Parts, request: Inspection[Any], pause: Pause) -> object:
    """The record that answers `request`, on the caller's thread. `Unknown` where there is none."""
    return ANSWERS[type(request)](parts, request, pause)
