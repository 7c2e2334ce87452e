"""What differs between the rows in Milvus and a generation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from membrowse.wire.health import Discrepancy


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ids of chunks."""

    present: set[str]
    """Chunks of which Milvus has any row."""
    missing: set[str]
    orphaned: set[str]
    repeated: set[str]
    without_passages: set[str]
    """Chunks with too few passages."""
    with_surplus: set[str]
    """Chunks with too many passages."""

    @property
    def differing(self) -> set[str]:
        return {
            *self.missing,
            *self.orphaned,
            *self.repeated,
            *self.without_passages,
            *self.with_surplus,
        }

    def discrepancies(self) -> Iterator[Discrepancy]:
        """What `membrowse doctor` reports."""
        for store, kind, ids in (
            ("milvus", "missing", self.missing),
            ("milvus", "orphaned", self.orphaned),
            ("milvus", "repeated", self.repeated),
            ("milvus vectors", "missing", self.without_passages),
            ("milvus vectors", "orphaned", self.with_surplus),
        ):
            if ids:
                yield Discrepancy(store=store, kind=kind, count=len(ids), example=min(ids))


def compared(
    live: set[str],
    expected: Mapping[str, int],
    ids: Sequence[str],
    passages: Sequence[str],
    ignored: Collection[str],
) -> Comparison:
    """Compare the ids of all rows with the `live` chunks and their `expected` passages.

    Chunks that are `ignored` were changed while the ids were listed.
    """
    found = Counter(passage.partition(":")[0] for passage in passages)
    present = set(ids)
    ignored = set(ignored)
    return Comparison(
        present | found.keys(),
        live - present - ignored,
        present - live - ignored,
        {chunk for chunk, count in Counter(ids).items() if count > 1} - ignored,
        {chunk for chunk, count in expected.items() if found[chunk] < count} - ignored,
        {chunk for chunk, count in found.items() if expected.get(chunk, 0) < count} - ignored,
    )
