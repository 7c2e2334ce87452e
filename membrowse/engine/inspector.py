"""Answers the inspections of `inspections.INSPECTIONS`: one function a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from membrowse.engine import (
    comparing,
    diagnosing,
    explaining,
    pin_answers,
    ruling,
    spelling,
    tuning,
)
from membrowse.engine.courtesy import Pause
from membrowse.engine.inspections import (
    CompareRequest,
    ExplainRequest,
    FlowRequest,
    Inspection,
    PinRequest,
    PinsRequest,
    RulersRequest,
    SaveTuningRequest,
    SpellingRequest,
    TuneRequest,
    TuningsRequest,
    UnpinRequest,
    UseTuningRequest,
    WhyRequest,
)
from membrowse.engine.parts import Parts

Answer = Callable[[Parts, Any, Pause], object]

ANSWERS: dict[type, Answer] = {
    ExplainRequest: explaining.explain,
    SpellingRequest: spelling.near,
    FlowRequest: explaining.flow,
    CompareRequest: comparing.compare,
    WhyRequest: diagnosing.why,
    RulersRequest: ruling.rulers,
    PinsRequest: pin_answers.pins,
    PinRequest: pin_answers.pin,
    UnpinRequest: pin_answers.unpin,
    TuneRequest: tuning.tune,
    TuningsRequest: tuning.tunings,
    SaveTuningRequest: tuning.save,
    UseTuningRequest: tuning.use,
}


def answer(parts: Parts, request: Inspection[Any], pause: Pause) -> object:
    """The record that answers `request`, on the caller's thread. `Unknown` where there is none."""
    return ANSWERS[type(request)](parts, request, pause)
