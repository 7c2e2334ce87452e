"""What an engine counts, and its metrics in the text formats that monitoring systems read.

Every metric has the label `service`, because a collector may gather those of several engines. No
text of a note or of a query becomes part of a metric. The names are documented in
`assets/docs/service.md` and stay.
"""

from __future__ import annotations

import bisect
import datetime
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from membrowse.wire.engine import EngineInfo, EngineState, MetricsFormat, SelfCheck
from membrowse.wire.search import SearchResponse

if TYPE_CHECKING:
    from prometheus_client.core import Metric

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds in seconds, inclusive."""
CLIENTS = ("tui", "cli")
"""Clients with a label of their own; every other is `other`, so that a client cannot add labels."""


@dataclass(slots=True)
class Latencies:
    """A histogram of durations in seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BUCKETS) + 1))
    """By bucket, not cumulative; the last has no upper bound."""
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect.bisect_left(LATENCY_BUCKETS, seconds)] += 1
        self.total += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """(upper bound, count up to it), as OpenMetrics wants them."""
        bounds = [*map(str, LATENCY_BUCKETS), "+Inf"]
        return [(bound, sum(self.counts[: n + 1])) for n, bound in enumerate(bounds)]


class Counts:
    """Counted since the engine started. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.latencies: dict[str, Latencies] = {}
        """By ranking."""
        self.searches: Counter[tuple[str, str]] = Counter()
        """By client and outcome: `hits` or `none`."""
        self.errors: Counter[str] = Counter()
        """Requests that failed, by the kind of problem."""

    def searched(self, response: SearchResponse) -> None:
        """Count a complete response."""
        client = response.client if response.client in CLIENTS else "other"
        outcome = "hits" if any(each.total for each in response.rankings.values()) else "none"
        with self._lock:
            self.searches[client, outcome] += 1
            for name, ranking in response.rankings.items():
                latencies = self.latencies.setdefault(name, Latencies())
                latencies.observe(ranking.took_ms / 1000)

    def failed(self, kind: str) -> None:
        """Count a request that failed."""
        with self._lock:
            self.errors[kind] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the metrics show of an engine at one moment."""

    service: str
    """The name of the service, or the key of the folder that a user's own engine serves."""
    state: EngineState
    info: EngineInfo
    open_files: int
    in_progress: Mapping[str, int]
    """Requests that run or wait, by kind of threads."""
    store_bytes: Mapping[str, int]
    ready: bool
    recalls: Mapping[tuple[str, str], int]
    """Recorded recalls by agent and outcome."""
    recalls_lost: int


def exposition(counts: Counts, sample: Sample, text_format: MetricsFormat) -> str:
    """The metrics in OpenMetrics 1.0, or in version 0.0.4 of Prometheus's own format."""
    from prometheus_client import CollectorRegistry, exposition
    from prometheus_client.openmetrics import exposition as openmetrics

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(counts, sample))
    text: bytes = (
        openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
        if text_format is MetricsFormat.OPENMETRICS
        else exposition.generate_latest(registry)
    )
    return text.decode()


@dataclass(frozen=True, slots=True, eq=False)
class _Collector:
    counts: Counts
    sample: Sample

    def collect(self) -> Iterator[Metric]:
        """The metrics, each sample with the label of the engine."""
        for metric in self._metrics():
            metric.samples = [
                each._replace(labels={"service": self.sample.service, **each.labels})
                for each in metric.samples
            ]
            yield metric

    def _metrics(self) -> Iterator[Metric]:
        yield from _engine_metrics(self.sample)
        yield from _index_metrics(self.sample.state)
        yield from _watcher_metrics(self.sample.state)
        yield from _self_check_metrics(self.sample.state.self_check or SelfCheck(at=""))
        yield from _request_metrics(self.counts, self.sample)


def _engine_metrics(sample: Sample) -> Iterator[Metric]:
    from prometheus_client.core import InfoMetricFamily

    info = InfoMetricFamily("membrowse_build", "The program.")
    info.add_metric([], {"version": sample.info.version})
    yield info
    yield _gauge_metric("ready", "1 if searches are answered.", float(sample.ready))
    yield _gauge_metric("memory_bytes", "Resident memory of the engine.", sample.info.memory_bytes)
    yield _gauge_metric("open_files", "Open file descriptors.", sample.open_files)
    yield _labelled_gauge("store_bytes", "Bytes on disk.", "store", sample.store_bytes)


def _index_metrics(state: EngineState) -> Iterator[Metric]:
    pending = state.pending
    notes = {
        "indexed": state.notes,
        "new": pending.new,
        "changed": pending.changed,
        "deleted": pending.deleted,
        "failed": pending.failed,
    }
    yield _labelled_gauge("notes", "Notes: indexed, and how the folder differs.", "state", notes)
    chunks = {"indexed": state.chunks, "encoded": state.encoded}
    yield _labelled_gauge("chunks", "Chunks in the index.", "state", chunks)
    yield _gauge_metric(
        "files_not_indexed", "Files of the folder that are not notes.", state.not_indexed
    )
    yield _gauge_metric("generation", "Number of the index's generation.", state.generation)
    yield _gauge_metric("stale", "1 while the index is of another recipe.", bool(state.stale))
    yield _gauge_metric(
        "last_change_timestamp_seconds",
        "When the index last changed.",
        _timestamp(state.last_change.at if state.last_change is not None else ""),
    )
    rate = state.progress.chunks_per_second if state.progress is not None else 0.0
    yield _gauge_metric("encoding_chunks_per_second", "Rate of encoding; 0 while idle.", rate)


def _watcher_metrics(state: EngineState) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    watcher = state.watcher
    kinds = {watcher.kind: float(watcher.alive and not watcher.paused)}
    yield _labelled_gauge("watcher", "1 while the folder is watched, by kind.", "kind", kinds)
    yield _gauge_metric(
        "last_check_timestamp_seconds",
        "When folder and index were last compared.",
        _timestamp(watcher.last_check),
    )
    meaning = "Watchers that died and were replaced."
    yield CounterMetricFamily("membrowse_watcher_restarts", meaning, value=watcher.restarts)
    yield _gauge_metric(
        "problem", "1 if something stops the engine from working.", bool(state.problem)
    )


def _self_check_metrics(check: SelfCheck) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily

    yield _gauge_metric(
        "self_check_timestamp_seconds",
        "When the daily check of all stores last ended.",
        _timestamp(check.at),
    )
    repairs = CounterMetricFamily(
        "membrowse_repairs", "Entries that the check made again.", labels=["store"]
    )
    for store, count in sorted(check.repaired.items()):
        repairs.add_metric([store], count)
    yield repairs
    yield _labelled_gauge("unrepaired", "Entries that still differ.", "store", check.unrepaired)


def _request_metrics(counts: Counts, sample: Sample) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    meaning = "Requests that run or wait, by kind of threads."
    yield _labelled_gauge("requests_in_progress", meaning, "threads", sample.in_progress)
    seconds = HistogramMetricFamily(
        "membrowse_search_seconds", "Time of a ranking.", labels=["ranking"]
    )
    for ranking, latencies in sorted(counts.latencies.items()):
        seconds.add_metric([ranking], latencies.cumulative(), latencies.total)
    yield seconds
    searches = CounterMetricFamily(
        "membrowse_searches", "Searches, by client and outcome.", labels=["client", "outcome"]
    )
    for (client, outcome), count in sorted(counts.searches.items()):
        searches.add_metric([client, outcome], count)
    yield searches
    recalls = CounterMetricFamily(
        "membrowse_recalls", "Recalls of agents.", labels=["agent", "outcome"]
    )
    for (agent, outcome), count in sorted(sample.recalls.items()):
        recalls.add_metric([agent, outcome], count)
    yield recalls
    meaning = "Recalls that could not be recorded."
    yield CounterMetricFamily("membrowse_recalls_lost", meaning, value=sample.recalls_lost)
    errors = CounterMetricFamily("membrowse_errors", "Requests that failed.", labels=["kind"])
    for kind, count in sorted(counts.errors.items()):
        errors.add_metric([kind], count)
    yield errors


def _gauge_metric(name: str, meaning: str, value: float) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(f"membrowse_{name}", meaning, value=value)


def _labelled_gauge(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"membrowse_{name}", meaning, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


def _timestamp(iso: str) -> float:
    """Seconds since the epoch; 0 for a time that is not known yet."""
    return datetime.datetime.fromisoformat(iso).timestamp() if iso else 0.0
