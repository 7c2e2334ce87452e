"""Explains one chunk for one query, and follows the best chunks through the rankings."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from membrowse.encoding.encoder import EncoderInput
from membrowse.engine.components import Components
from membrowse.engine.errors import Unknown
from membrowse.engine.indexing.note_diff import indexed_version
from membrowse.engine.priority import Pause
from membrowse.engine.querying.targets import GONE
from membrowse.index.generation import Generation
from membrowse.ranking.explanation.chunk_explanation import ExplanationSources, explain_chunk
from membrowse.ranking.explanation.token_matches import ChunkTokenizer
from membrowse.ranking.late_interaction import HasTokenVectors
from membrowse.ranking.rank_flow import rank_flow
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.targets import best_row
from membrowse.settings import Settings
from membrowse.wire.explanation import ExplainRequest, Explanation
from membrowse.wire.overrides import Overrides
from membrowse.wire.rank_flow import RankFlow, RankFlowRequest
from membrowse.wire.search import Filters, Target

log = logging.getLogger(__name__)


def explain(components: Components, request: ExplainRequest, pause: Pause) -> Explanation:
    """Explain a chunk's rank, term by term. Raises `Unknown` if there is no such chunk."""
    ranked_query, settings = rank_query(components, request)
    pause()
    if request.chunk or request.target is None:
        row = components.targets.live_row(ranked_query.row_of, request.chunk)
    else:
        row = row_of_target(components, ranked_query, request.target)
    return explained(components, ranked_query, row, settings)


def follow_ranks(components: Components, request: RankFlowRequest, pause: Pause) -> RankFlow:
    """The best chunks of every ranking, with their ranks in all rankings."""
    ranked_query, _ = rank_query(components, request)
    pause()
    return rank_flow(ranked_query, request.depth)


class QueryRequest(Protocol):
    """A request about one query."""

    @property
    def text(self) -> str: ...

    @property
    def syntax(self) -> str: ...

    @property
    def filters(self) -> Filters: ...

    @property
    def profile(self) -> Overrides: ...


def rank_query(components: Components, request: QueryRequest) -> tuple[RankedQuery, Settings]:
    """The query over the present generation, and the settings it was ranked by.

    Raises `SettingsError` if the profile cannot change the settings in force, and `InvalidFilter`.
    """
    ranker = components.configuration.ranker_with(request.profile)
    queries = components.ranked_queries
    return queries.of(request.text, request.syntax, ranker, request.filters), ranker.settings


def located(
    components: Components, ranked_query: RankedQuery, rows: Sequence[int], settings: Settings
) -> RankedQuery:
    """The query, ranked by `settings`, with the ranks of `rows`."""
    ranker = components.configuration.ranker.with_settings(settings)
    return components.ranked_queries.located(ranked_query, rows, ranker)


def row_of_target(components: Components, ranked_query: RankedQuery, target: Target) -> int:
    """The row of the chunk that represents `target` in this query. Raises `Unknown`, with the
    reason, if there is none."""
    settings = components.configuration.settings
    place = components.targets.locate(ranked_query.generation, target, settings.agent)
    ranked_query = located(components, ranked_query, place.chunks.rows, settings)
    row = best_row(ranked_query, place.chunks.rows)
    if row is None:
        raise Unknown(place.reason or place.chunks.reason or GONE)
    return row


def explained(
    components: Components, ranked_query: RankedQuery, row: int, settings: Settings
) -> Explanation:
    """The explanation of the chunk at `row`, with the state of its note."""
    ranked_query = located(components, ranked_query, (row,), settings)
    generation = ranked_query.generation
    fresh = indexed_version(
        components.roots, generation, generation.chunks[row].path, settings.notes
    )
    return explain_chunk(ranked_query, row, sources(components, ranked_query, settings), fresh)


def sources(
    components: Components, ranked_query: RankedQuery, settings: Settings
) -> ExplanationSources:
    """What explanations need from the stores and the encoder."""
    pieces, files = components.models.pieces, components.models.files
    prompt = files.config.document_prompt if files is not None else ""
    return ExplanationSources(
        settings=settings,
        tokens_of=_Tokens(components, ranked_query),
        tokenizer=ChunkTokenizer(pieces, prompt) if pieces is not None else None,
        nearest=components.nearest,
    )


@dataclass(frozen=True, slots=True)
class _Tokens:
    """Token vectors of any chunk: cached, stored, or encoded now."""

    components: Components
    ranked_query: RankedQuery

    def __call__(self, row: int) -> HasTokenVectors | None:
        generation = self.ranked_query.generation
        key = generation.keys[row]
        known = self.ranked_query.token_vectors.get(key)
        if known is not None:
            return known
        try:
            stored = self.components.index.tokens.get([key]).get(key)
        except (OSError, sqlite3.Error):
            log.warning("stored token vectors cannot be read", exc_info=True)
            stored = None
        return stored or self._encoded(generation, row)

    def _encoded(self, generation: Generation, row: int) -> HasTokenVectors | None:
        encoder, chunk = self.components.models.encoder, generation.chunks[row]
        if encoder is None:
            return None
        return encoder.encode([EncoderInput(generation.keys[row], chunk.header, chunk.text)])[0]
