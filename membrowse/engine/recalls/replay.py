"""Asks logged questions again, and compares the answers with what the agents got."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from membrowse.engine.components import Components
from membrowse.engine.errors import Unknown
from membrowse.engine.handlers.tune import rank_with
from membrowse.engine.priority import Pause
from membrowse.engine.querying.configuration import with_profile
from membrowse.engine.recalls.places import Places
from membrowse.engine.recalls.search_recall import given_hits, last_ranking
from membrowse.ranking.elapsed import elapsed_ms
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.rbo import rank_biased_overlap
from membrowse.ranking.targets import best_row
from membrowse.recall_log.store import Selection
from membrowse.settings import Settings
from membrowse.wire.recalls import (
    HITS_KEPT,
    Interval,
    Recall,
    RecallHit,
    ReplayedHit,
    ReplayedRecall,
    ReplayProgress,
    ReplayRequest,
    ReplaySummary,
)
from membrowse.wire.search import RERANKED

_BATCH = 50
_THREADS = 2
"""A ranking spends most of its time outside the interpreter's lock."""
_RESAMPLES = 1000
_SEED = 0
"""The same replay has the same interval."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer as keys, which are equal for the same chunk: rows of the generation, and negative
    numbers for chunks that are gone."""

    given: Sequence[int]
    ranking: Sequence[int]
    """The first hits, whether given or not, as far as known."""
    hits: Sequence[ReplayedHit]
    """Of `given`."""


def replay(
    components: Components, request: ReplayRequest, pause: Pause
) -> Iterator[ReplayProgress]:
    """Batches of replayed recalls, then the summary. Raises `Unknown` if there is no such
    configuration, and `SettingsError` if it cannot be used."""
    started = time.perf_counter()
    replayer = Replayer(components, request)
    selection = Selection(agent=request.agent, since=request.since)
    total = components.recalls.store.counts(selection).total
    done: list[ReplayedRecall] = []
    yield ReplayProgress(total=total)

    def again(recall: Recall) -> ReplayedRecall | None:
        pause()
        return replayer.replay(recall)

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="replay") as threads:
        for batch in _batches(components, selection):
            found = tuple(each for each in threads.map(again, batch) if each is not None)
            done += found
            yield ReplayProgress(recalls=found, total=total)
    summary = _summary(components, request, done, total - len(done), started, replayer.settings)
    yield ReplayProgress(total=total, summary=summary)


def _batches(components: Components, selection: Selection) -> Iterator[Sequence[Recall]]:
    after = ""
    while batch := components.recalls.store.oldest(selection, after=after, limit=_BATCH):
        yield batch
        after = batch[-1].id


class Replayer:
    """Asks recalls again over one generation with one configuration."""

    def __init__(self, components: Components, request: ReplayRequest) -> None:
        self._components = components
        self._places = Places(components.roots, components.index, components.targets.note_path)
        self._ranker = components.configuration.ranker_with(request.profile)
        self._against = _saved(components, request) if request.against else None

    @property
    def settings(self) -> Settings:
        """What today's answers are ranked by."""
        return self._ranker.settings

    def replay(self, recall: Recall) -> ReplayedRecall | None:
        """The recall asked again; None if there is nothing to compare."""
        foreign_empty = bool(recall.source) and not recall.given and self._against is None
        if foreign_empty or (recall.source and recall.filters):
            return None
        started = time.perf_counter()
        ranked = self._components.ranked_queries.fresh(
            self._places.generation,
            recall.query,
            recall.syntax,
            self._ranker,
            filters=recall.narrowed_to,
        )
        took_ms = elapsed_ms(started)
        k = recall.k or len(recall.given) or self._ranker.settings.agent.k
        now = _answer_of(ranked, recall, k)
        if self._against is None:
            then = self._then(recall, ranked)
        else:
            other = rank_with(self._components, ranked, self._ranker.settings, self._against)
            then = _answer_of(other, recall, k)
        return _compared(recall, k, then, now, took_ms)

    def _then(self, recall: Recall, ranked: RankedQuery) -> _Answer:
        """What the agent got, as chunks of today."""
        known: dict[str, int] = {}
        given = [self._key(hit, ranked, known) for hit in recall.given]
        kept = recall.rankings.get(RERANKED, recall.given)
        ranks = ranked.rankings[last_ranking(ranked)].ranks
        hits = [
            ReplayedHit(
                path=hit.path,
                start_line=hit.start_line,
                end_line=hit.end_line,
                rank=(int(ranks[key]) or None) if key >= 0 else None,
            )
            for hit, key in zip(recall.given, given, strict=True)
        ]
        ranking = dict.fromkeys(self._key(hit, ranked, known) for hit in kept)
        return _Answer(given, list(ranking), hits)

    def _key(self, hit: RecallHit, ranked: RankedQuery, gone: dict[str, int]) -> int:
        row = self._places.today(hit).row
        if row is None and not hit.chunk and hit.path in self._places.generation.notes:
            row = best_row(ranked, self._places.generation.rows(hit.path))
        if row is None:
            row = gone.setdefault(f"{hit.path}:{hit.start_line}:{hit.chunk}", -1 - len(gone))
        return row


def _saved(components: Components, request: ReplayRequest) -> Settings:
    """The settings with a saved configuration in force, and the profile over it."""
    name = request.against
    saved = {each.name: each.overrides for each in components.configurations.listed().saved}
    if name not in saved:
        raise Unknown(f"no configuration is saved as {name!r}")
    return with_profile(components.configurations.with_overrides(saved[name]), request.profile)


def _answer_of(ranked: RankedQuery, recall: Recall, k: int) -> _Answer:
    """What the agent of `recall` would get."""
    min_score = None if recall.source else recall.min_score
    given = given_hits(ranked, k, min_score, withhold_weak=recall.withholds_weak).rows
    order = ranked.rankings[last_ranking(ranked)].order[:HITS_KEPT].tolist()
    hits = [
        ReplayedHit(
            path=ranked.chunks[row].path,
            start_line=ranked.chunks[row].start_line,
            end_line=ranked.chunks[row].end_line,
            rank=rank,
        )
        for rank, row in enumerate(given, start=1)
    ]
    return _Answer(given, order, hits)


def _compared(
    recall: Recall, k: int, then: _Answer, now: _Answer, took_ms: float
) -> ReplayedRecall:
    before, after = set(then.given), set(now.given)
    longer = max(len(before), len(after))
    return ReplayedRecall(
        id=recall.id,
        at=recall.at,
        agent=recall.agent,
        query=recall.query,
        k=k,
        then=len(then.given),
        now=len(now.given),
        same_top=list(then.given[:1]) == list(now.given[:1]),
        overlap=len(before & after) / longer if longer else 1.0,
        rank_biased_overlap=rank_biased_overlap(then.ranking, now.ranking),
        lost=_missing(then, after),
        gained=_missing(now, before),
        took_ms=took_ms,
        took_then_ms=recall.took_ms,
    )


def _missing(answer: _Answer, keys: set[int]) -> tuple[ReplayedHit, ...]:
    pairs = zip(answer.given, answer.hits, strict=True)
    return tuple(hit for key, hit in pairs if key not in keys)


def _summary(
    components: Components,
    request: ReplayRequest,
    done: Sequence[ReplayedRecall],
    left_out: int,
    started: float,
    settings: Settings,
) -> ReplaySummary:
    return ReplaySummary(
        recalls=len(done),
        left_out=left_out,
        same_top=interval([float(each.same_top) for each in done]),
        overlap=interval([each.overlap for each in done]),
        rank_biased_overlap=interval([each.rank_biased_overlap for each in done]),
        lost=sum(len(each.lost) for each in done),
        gained=sum(len(each.gained) for each in done),
        took_ms=round(sum(each.took_ms for each in done) / max(1, len(done)), 3),
        seconds=round(elapsed_ms(started) / 1000, 3),
        against=request.against,
        generation=components.index.generation.number,
        settings_digest=settings.digest,
    )


def interval(values: Sequence[float]) -> Interval:
    """The mean and its 95% percentile bootstrap interval; zeros without values."""
    if not values:
        return Interval(mean=0.0, low=0.0, high=0.0)
    sample = np.asarray(values, dtype=np.float64)
    dice = np.random.default_rng(_SEED)
    means = [dice.choice(sample, len(sample)).mean() for _ in range(_RESAMPLES)]
    low, high = np.percentile(means, (2.5, 97.5)).tolist()
    return Interval(mean=float(sample.mean()), low=low, high=high)
