"""Requests about the recall log."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

import msgspec

from membrowse import sqlite
from membrowse.engine.components import Components
from membrowse.engine.errors import Impossible, Unknown
from membrowse.engine.priority import Pause
from membrowse.engine.recalls.flags import Flags
from membrowse.engine.recalls.places import Places
from membrowse.engine.recalls.recorder import RecallRecorder
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.search_response import hit_at as response_hit
from membrowse.ranking.targets import best_row
from membrowse.recall_log.store import Selection
from membrowse.wire.notes import NoteState
from membrowse.wire.recalls import (
    HITS_KEPT,
    QUERY_CHARACTERS,
    ForgetRecallsRequest,
    ForgottenRecalls,
    GivenHit,
    ImportedRecalls,
    ImportRecallsRequest,
    Recall,
    RecallFlag,
    RecallHit,
    RecallPage,
    RecallRecordsRequest,
    RecallRequest,
    RecallsRequest,
    RecallSummary,
    RecallView,
)

_LARGEST_PAGE = 1000
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_EXAMINED = 500
"""Recalls that one request examines for a flag that the log does not have by itself."""
_RANKING_SECONDS = 0.25
"""Time for rankings before a page is sent with what is known."""
_STORED = (None, RecallFlag.EMPTY, RecallFlag.CUT)


def recalls(components: Components, request: RecallsRequest, pause: Pause) -> RecallPage:
    """A page of the log, newest first."""
    store = components.recalls.store
    selection = Selection(
        agent=request.agent,
        since=request.since,
        until=request.until,
        text=request.text,
        empty=request.flag is RecallFlag.EMPTY,
        cut=request.flag is RecallFlag.CUT,
    )
    limit = max(1, min(request.limit, _LARGEST_PAGE))
    examined = limit if request.flag in _STORED else _EXAMINED
    found = store.newest(selection, before=request.before, limit=examined + 1)
    seconds = _RANKING_SECONDS if request.flag in _STORED else math.inf
    flags = Flags(components, _places(components), pause, seconds)
    page: list[RecallSummary] = []
    last = ""
    for recall in found[:examined]:
        last = recall.id
        summary = summary_of(recall, flags)
        if request.flag is None or request.flag in summary.flags:
            page.append(summary)
        if len(page) == limit:
            break
    counts = store.counts(selection)
    return RecallPage(
        recalls=tuple(page),
        next=last if last and last != found[-1].id else "",
        total=counts.total,
        empty=counts.empty,
        cut=counts.cut,
        days=counts.days,
        agents=store.agents(),
        unchecked=flags.unchecked,
        problem=components.recalls.problem or store.problem,
    )


def summary_of(recall: Recall, flags: Flags | None = None) -> RecallSummary:
    """One recall on a line; without `flags`, only with those that the log has by itself."""
    stored = ((RecallFlag.EMPTY, not recall.given), (RecallFlag.CUT, recall.cut > 0))
    return RecallSummary(
        id=recall.id,
        at=recall.at,
        agent=recall.agent,
        session=recall.session,
        query=recall.query,
        given=len(recall.given),
        best=recall.given[0].score if recall.given else None,
        outcome=recall.outcome,
        cut=recall.cut,
        flags=flags.of(recall) if flags else tuple(flag for flag, applies in stored if applies),
        source=recall.source,
    )


def recall(components: Components, request: RecallRequest, pause: Pause) -> RecallView:
    """One recall with today's rank of each hit. Raises `Unknown`."""
    found = components.recalls.store.get(request.id) if request.id else []
    exact = [each for each in found if each.id == request.id] or found
    if len(exact) != 1:
        problem = "several recalls begin with" if exact else "the log has no recall"
        raise Unknown(f"{problem} {request.id!r}")
    places = _places(components)
    flags = Flags(components, places, pause)
    wanted = exact[0]
    ranked = components.ranked_queries.fresh(
        places.generation,
        wanted.query,
        wanted.syntax,
        components.configuration.ranker,
        filters=wanted.narrowed_to,
    )
    given = partial(_given, components, places, flags, ranked)
    return RecallView(
        recall=wanted,
        outcome=wanted.outcome,
        flags=flags.of(wanted),
        given=tuple(given(hit) for hit in wanted.given),
        missed=flags.missed(wanted),
        generation=places.generation.number,
    )


def _given(
    components: Components, places: Places, flags: Flags, ranked: RankedQuery, hit: RecallHit
) -> GivenHit:
    place = places.today(hit)
    row, note = place.row, ""
    if place.edited:
        note = "edited since: this is its successor"
    elif row is None and not hit.chunk and hit.path in places.generation.notes:
        row = best_row(ranked, places.generation.rows(hit.path))
        note = "the best chunk of the note: its lines are not known"
    if row is None:
        reason = _missing(components, places, hit, place.gone_since)
        return GivenHit(
            hit=hit,
            freshness=flags.freshness(hit.path),
            gone_since=place.gone_since,
            gone_at=place.gone_at,
            note=reason,
        )
    today = response_hit(ranked, row, flags.freshness)
    return GivenHit(
        hit=hit,
        chunk=today.chunk,
        start_line=today.start_line,
        end_line=today.end_line,
        title=today.title,
        heading=today.heading,
        ranks=today.ranks,
        scores=today.scores,
        freshness=today.freshness,
        edited=place.edited,
        note=note,
    )


def _missing(components: Components, places: Places, hit: RecallHit, gone_since: int | None) -> str:
    """Why a hit has no chunk today, a clause."""
    if gone_since is not None:
        return f"gone since generation {gone_since}"
    if places.is_outside(hit.path):
        return f"outside the {components.served}"
    if hit.path in places.generation.notes:
        return "its chunk is gone from the note" if hit.chunk else "the note has no such lines"
    state, reason = components.targets.state(places.generation, hit.path)
    if state is NoteState.NEW:
        return "not indexed yet"
    return reason or f"the {components.served} has no such note"


def records(
    components: Components, request: RecallRecordsRequest, _pause: Pause
) -> tuple[Recall, ...]:
    """Whole recalls, oldest first."""
    selection = Selection(agent=request.agent, since=request.since)
    limit = max(1, min(request.limit, _LARGEST_PAGE))
    return tuple(components.recalls.store.oldest(selection, after=request.after, limit=limit))


def add(components: Components, request: ImportRecallsRequest, pause: Pause) -> ImportedRecalls:
    """Add a batch of a foreign log. Raises `Impossible` if it cannot be written."""
    recorder = components.recalls
    places = _places(components)
    usable = [_checked(recall) for recall in request.recalls]
    recent = [recall for recall in usable if not recorder.store.expired(recall)]
    try:
        others = list(_without_recorded(recorder, recent))

        def located() -> Iterator[Recall]:
            for recall in others:
                pause()
                yield places.imported(recall)

        added = recorder.add(list(located()))
    except sqlite3.Error as error:
        raise Impossible(f"the recall log cannot be written: {sqlite.reason(error)}") from error
    hits = [hit for recall in added for hit in recall.given]
    return ImportedRecalls(
        added=len(added),
        known=len(others) - len(added),
        recorded=len(recent) - len(others),
        expired=len(request.recalls) - len(recent),
        hits=len(hits),
        located=sum(bool(hit.chunk) for hit in hits),
        outside=sum(places.is_outside(hit.path) for hit in hits),
    )


def _without_recorded(recorder: RecallRecorder, recalls: Sequence[Recall]) -> Iterator[Recall]:
    """Recalls of other programs, and those of our own server that this log does not have."""
    if any(recall.own_id is not None for recall in recalls):
        recorder.settle()
    for recall in recalls:
        if recall.own_id is None or not recorder.store.is_recorded(recall):
            yield msgspec.structs.replace(recall, own_id=None)


def _checked(recall: Recall) -> Recall:
    """A recall as a foreign log can have it. Raises `Impossible`."""
    if not _ID.fullmatch(recall.id):
        raise Impossible(f"no id of a recall: {recall.id[:100]!r}")
    try:
        datetime.strptime(recall.at, _TIME)
    except ValueError as error:
        raise Impossible(f"{recall.id}: no time like 2026-03-02T10:00:00.000Z") from error
    return msgspec.structs.replace(
        recall,
        agent=recall.agent or "agent",
        query=recall.query[:QUERY_CHARACTERS],
        given=recall.given[:_LARGEST_PAGE],
        rankings={name: hits[:HITS_KEPT] for name, hits in recall.rankings.items()},
    )


def forget(
    components: Components, request: ForgetRecallsRequest, _pause: Pause
) -> ForgottenRecalls:
    """Delete recalls. Raises `Impossible` if the log cannot be written."""
    selection = Selection(
        id=request.id, agent=request.agent, until=request.before, text=request.text
    )
    try:
        return ForgottenRecalls(recalls=components.recalls.store.forget(selection))
    except (OSError, sqlite3.Error) as error:
        raise Impossible(f"the recall log cannot be written: {sqlite.reason(error)}") from error


def _places(components: Components) -> Places:
    return Places(components.roots, components.index, components.targets.note_path)
