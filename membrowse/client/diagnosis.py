"""A diagnosis with suggestions: two requests, because suggestions take longer."""

from __future__ import annotations

from membrowse.client.engine import Engine
from membrowse.wire.diagnosis import DiagnosisReport, DiagnosisRequest, SuggestionsRequest


async def diagnose(
    engine: Engine, request: DiagnosisRequest, *, suggest: bool = True
) -> DiagnosisReport:
    """The diagnosis, and with `suggest` changes that help, if the target is not in the top k."""
    diagnosis = await engine.ask(request)
    if not suggest or diagnosis.in_top_k:
        return DiagnosisReport.of(diagnosis, None)
    found = await engine.ask(
        SuggestionsRequest(
            text=request.text,
            syntax=request.syntax,
            target=request.target,
            k=request.k,
            filters=request.filters,
        )
    )
    return DiagnosisReport.of(diagnosis, found)
