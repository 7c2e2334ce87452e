"""Answers how the machinery sees a text."""

from __future__ import annotations

from membrowse.engine.courtesy import Pause
from membrowse.engine.explaining import row_of
from membrowse.engine.inspections import RulersRequest
from membrowse.engine.parts import Parts
from membrowse.findings.rulers import Ruler, Rulers
from membrowse.ranking.rulers import Scale, of_chunk, of_query


def rulers(parts: Parts, request: RulersRequest, pause: Pause) -> Rulers:
    """The query under both rulers, then the chunk. `Unknown` where there is no such chunk."""
    generation = parts.index.generation
    models = parts.models
    scale = Scale(
        reader=generation.keyword,
        pieces=models.pieces,
        window=models.files.configuration.window if models.files is not None else 0,
        message="" if models.pieces is not None else models.message,
        pause=pause,
    )
    found: list[Ruler] = []
    if request.text:
        found.append(of_query(request.text, scale))
    if request.chunk:
        row = row_of(parts, generation.row_of, request.chunk)
        found.append(of_chunk(generation.chunks[row], scale))
    return Rulers(rulers=tuple(found))
