"""Who has the first places: of a query, of the pins' queries, or of what agents got."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from membrowse.engine.components import Components
from membrowse.engine.handlers.filters import folders_of
from membrowse.engine.priority import Pause
from membrowse.engine.recalls.places import Places
from membrowse.index.generation import Generation
from membrowse.ranking.near_duplicates import MIN_RESEMBLANCE, resemblance, resemblance_terms
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.wire.crowding import Crowding, CrowdingRequest, CrowdingSource, PlaceShare
from membrowse.wire.search import RERANKED, Filters

MOST_SHARES = 50
"""Roots, folders and notes of a reply, each."""
_MOST_RECALLS = 5_000
"""The newest recalls that are counted."""


class _Tally:
    """Counts the places of lists of rows."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self._terms: dict[int, frozenset[str]] = {}
        self.lists = self.near_duplicates = self.gone = 0
        self.places: Counter[str] = Counter()
        """By note."""
        self.lists_by_name: Counter[str] = Counter()
        """By root, folder and note."""
        self.query: RankedQuery | None = None
        """The only query, if there is one."""

    def chunks(self) -> Counter[str]:
        """The chunks that could have a place, by note."""
        notes = self.generation.notes.items()
        return Counter({path: note.chunks for path, note in notes if self._in_scope(path)})

    def _in_scope(self, path: str) -> bool:
        rows = self.generation.rows(path)
        return self.query is None or bool(self.query.scope[rows.start : rows.stop].any())

    def add(self, rows: Iterable[int]) -> None:
        """Count one list, best hit first."""
        taken: list[int] = []
        seen: set[str] = set()
        for row in rows:
            path = self.generation.chunks[row].path
            self.places[path] += 1
            seen |= _names(path)
            self.near_duplicates += any(self._resembles(row, other) for other in taken)
            taken.append(row)
        self.lists += bool(taken)
        self.lists_by_name.update(seen)

    def _resembles(self, row: int, other: int) -> bool:
        return resemblance(self._of(row), self._of(other)) >= MIN_RESEMBLANCE

    def _of(self, row: int) -> frozenset[str]:
        if row not in self._terms:
            self._terms[row] = resemblance_terms(self.generation.chunks[row].text)
        return self._terms[row]


def crowding(components: Components, request: CrowdingRequest, pause: Pause) -> Crowding:
    """The shares of the first places. Raises `InvalidFilter`."""
    k = request.k or components.configuration.settings.agent.k
    if request.source is CrowdingSource.LOG:
        tally = _of_recalls(components, pause)
    else:
        tally = _Tally(components.index.generation)
        for text, syntax, filters in _queries(components, request, pause):
            pause()
            ranked = components.ranked_queries.fresh(
                tally.generation, text, syntax, components.configuration.ranker, filters=filters
            )
            tally.add(ranked.ranking(RERANKED).order[:k].tolist())
            if request.source is CrowdingSource.QUERY:
                tally.query = ranked
    return _counted(components, tally, request.source, k)


def _queries(
    components: Components, request: CrowdingRequest, pause: Pause
) -> Iterator[tuple[str, str, Filters]]:
    if request.source is CrowdingSource.QUERY:
        yield request.text, request.syntax, request.filters
    elif request.source is CrowdingSource.PINS:
        for result in components.pins.current(pause).results:
            yield result.pin.query, result.pin.syntax, result.pin.filters


def _of_recalls(components: Components, pause: Pause) -> _Tally:
    """Count what agents got, wherever it is in the index today."""
    places = Places(components.roots, components.index, components.targets.note_path)
    tally = _Tally(places.generation)
    for recall in components.recalls.store.newest(limit=_MOST_RECALLS):
        pause()
        rows = []
        for hit in recall.given:
            row = places.today(hit).row
            if row is None and (own := places.generation.rows(hit.path)):
                row = own[0]
            if row is None:
                tally.gone += 1
            else:
                rows.append(row)
        tally.add(rows)
    return tally


def _names(path: str) -> set[str]:
    """The note, its folder and its root."""
    return {path, _folder(path), f"{path.partition('/')[0]}//"}


def _folder(path: str) -> str:
    *_, folder = ("", *folders_of(path))
    return folder


def _counted(components: Components, tally: _Tally, source: CrowdingSource, k: int) -> Crowding:
    places, chunks = tally.places.total(), tally.chunks()

    def shares(name_of: Callable[[str], str], key: str = "") -> tuple[PlaceShare, ...]:
        held, owned = _summed(tally.places, name_of), _summed(chunks, name_of)
        return tuple(
            PlaceShare(
                name=name,
                places=count,
                share=count / places,
                chunk_share=owned[name] / max(1, chunks.total()),
                lists=tally.lists_by_name[name + key],
            )
            for name, count in sorted(held.items(), key=lambda item: (-item[1], item[0]))
        )[:MOST_SHARES]

    in_collection = components.roots.is_collection
    return Crowding(
        source=source,
        k=None if source is CrowdingSource.LOG else k,
        lists=tally.lists,
        places=places,
        roots=shares(lambda path: path.partition("/")[0], "//") if in_collection else (),
        folders=shares(_folder),
        notes=shares(lambda path: path),
        near_duplicates=tally.near_duplicates,
        near_duplicate_share=tally.near_duplicates / places if places else 0.0,
        filters=tally.query.query.filters if tally.query else (),
        gone=tally.gone,
    )


def _summed(counts: Counter[str], name_of: Callable[[str], str]) -> Counter[str]:
    summed: Counter[str] = Counter()
    for path, count in counts.items():
        summed[name_of(path)] += count
    return summed
