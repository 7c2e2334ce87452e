"""Answers to explaining: one chunk under one query; the best chunks' way through the rankings."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from membrowse.encoding.values import ToEncode
from membrowse.engine.courtesy import Pause
from membrowse.engine.freshening import freshened
from membrowse.engine.inspections import ExplainRequest, FlowRequest
from membrowse.engine.parts import Parts
from membrowse.engine.refusals import Unknown
from membrowse.findings.diagnosis import Target
from membrowse.findings.explanation import Explanation, RankFlow
from membrowse.index.generation import Generation
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.explaining.flow import rank_flow
from membrowse.ranking.explaining.tokens import Tokenizer
from membrowse.ranking.explaining.whole import Sources, explanation
from membrowse.ranking.late_interaction import TokenVectors
from membrowse.ranking.targets import best
from membrowse.settings import Settings

log = logging.getLogger(__name__)

GONE = "this chunk is no longer in the index"


def explain(parts: Parts, request: ExplainRequest, pause: Pause) -> Explanation:
    """Why a chunk stands where it stands. `Unknown` where there is no such chunk."""
    evaluation, settings = evaluated(parts, request.text, request.syntax)
    pause()
    if request.chunk or request.target is None:
        row = row_of(parts, evaluation.row_of, request.chunk)
    else:
        row = row_of_target(parts, evaluation, request.target)
    return explained(parts, evaluation, row, settings)


def flow(parts: Parts, request: FlowRequest, pause: Pause) -> RankFlow:
    """The best chunks of every ranking, with their ranks in all of them."""
    evaluation, _ = evaluated(parts, request.text, request.syntax)
    pause()
    return rank_flow(evaluation, request.depth)


def evaluated(parts: Parts, text: str, syntax: str) -> tuple[Evaluation, Settings]:
    """The query over the present generation, and the settings that it was ranked by."""
    ranker = parts.configuration.ranker
    return parts.evaluations.of(text, syntax, ranker), ranker.settings


def row_of(parts: Parts, rows: Mapping[str, int], chunk: str) -> int:
    """The row of a chunk or of its successor, by a generation's `rows`; else `Unknown`."""
    row = rows.get(chunk)
    if row is None and chunk:
        row = rows.get(parts.index.successor(chunk) or "")
    if row is None:
        raise Unknown(GONE)
    return row


def row_of_target(parts: Parts, evaluation: Evaluation, target: Target) -> int:
    """The row of the chunk that stands for `target` under this query; else `Unknown`, with the
    reason."""
    sought = parts.targets.sought(evaluation.at(), target, parts.configuration.settings.agent)
    row = best(evaluation, sought.place.rows)
    if row is None:
        raise Unknown(sought.reason or sought.place.reason or GONE)
    return row


def explained(parts: Parts, evaluation: Evaluation, row: int, settings: Settings) -> Explanation:
    """The explanation of the chunk at `row`, with what the folder and the stores know of it."""
    generation = evaluation.at()
    fresh = freshened(parts.folder, generation, generation.chunks[row].path, settings.notes)
    return explanation(evaluation, row, sources(parts, evaluation, settings), fresh)


def sources(parts: Parts, evaluation: Evaluation, settings: Settings) -> Sources:
    """What explaining asks of the stores and the encoder."""
    pieces, files = parts.models.pieces, parts.models.files
    prompt = files.configuration.document_prompt if files is not None else ""
    return Sources(
        settings=settings,
        tokens_of=_Tokens(parts, evaluation),
        tokenizer=Tokenizer(pieces, prompt) if pieces is not None else None,
        nearest=parts.index.approximate,
    )


@dataclass(frozen=True, slots=True)
class _Tokens:
    """Token vectors of any chunk: at hand, stored, or encoded now."""

    parts: Parts
    evaluation: Evaluation

    def __call__(self, row: int) -> TokenVectors | None:
        generation = self.evaluation.at()
        key = generation.keys[row]
        known = self.evaluation.tokens.get(key)
        if known is not None:
            return known
        try:
            stored = self.parts.index.tokens.get([key]).get(key)
        except (OSError, sqlite3.Error):
            log.warning("no stored token vectors", exc_info=True)
            stored = None
        return stored or self._encoded(generation, row)

    def _encoded(self, generation: Generation, row: int) -> TokenVectors | None:
        encoder, chunk = self.parts.models.encoder, generation.chunks[row]
        if encoder is None:
            return None
        return encoder.encode([ToEncode(generation.keys[row], chunk.header, chunk.text)])[0]
