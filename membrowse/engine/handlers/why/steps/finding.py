"""What a step found, and the phrases that findings share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from membrowse.notes.chunk import Chunk
from membrowse.wire.diagnosis import Outcome, Step, StepName


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one step."""

    name: StepName
    outcome: Outcome
    clause: str
    """A sentence without its capital and its full stop, to stand alone or within a verdict."""
    evidence: tuple[str, ...] = ()
    rank: int | None = None
    """The target's rank in the step's ranking."""
    at_least: bool = False
    """Whether `rank` is a lower bound."""

    def step(self) -> Step:
        """The record for clients."""
        return Step(
            name=self.name,
            outcome=self.outcome,
            finding=as_sentence(self.clause),
            evidence=self.evidence,
            rank=self.rank,
            at_least=self.at_least,
        )


def finding(
    name: StepName,
    outcome: Outcome,
    clause: str,
    evidence: Iterable[str] = (),
    rank: int | None = None,
    *,
    at_least: bool = False,
) -> Finding:
    """A finding with any iterable of evidence."""
    return Finding(name, outcome, clause, tuple(evidence), rank, at_least)


def as_sentence(clause: str) -> str:
    """`clause` with a capital, unless it begins with the name of a file, and a full stop."""
    word = clause.partition(" ")[0].isalpha()
    return f"{clause[:1].upper() if word else clause[:1]}{clause[1:]}."


def places(count: int) -> str:
    """`one place`, `3 places`."""
    return "one place" if count == 1 else f"{count:,} places"


def chunk_place(chunk: Chunk) -> str:
    """`logs/2026-03-01.md:3–9`."""
    lines = str(chunk.start_line)
    if chunk.end_line != chunk.start_line:
        lines += f"–{chunk.end_line}"
    return f"{chunk.path}:{lines}"


def quoted_list(words: Iterable[str], most: int = 6) -> str:
    """`“a”, “b” and “c”`; those beyond `most` are counted."""
    quoted = [f"“{word}”" for word in words]
    if len(quoted) > most:
        quoted = [*quoted[:most], f"{len(quoted) - most} more"]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def ranked_chunk(chunk: Chunk, rank: int) -> str:
    """`#1 logs/a.md:3–9  Title › Heading  2026-03-02`."""
    about = " › ".join(part for part in (chunk.title, chunk.heading) if part)
    return f"#{rank:,} {chunk_place(chunk)}  {about}  {chunk.date}"
