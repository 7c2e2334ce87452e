"""What every rung looks at, and what it says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from membrowse.findings.diagnosis import Outcome, Rung, Step
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.explaining.whole import Sources
from membrowse.recall import Chunk


@dataclass(frozen=True, slots=True)
class Case:
    """One chunk that was expected, under one query."""

    evaluation: Evaluation
    row: int
    k: int
    sources: Sources

    @property
    def chunk(self) -> Chunk:
        return self.evaluation.chunks[self.row]


def rung(
    step: Step,
    outcome: Outcome,
    clause: str,
    evidence: Iterable[str] = (),
    rank: int | None = None,
) -> Rung:
    """A rung that says `clause`, a sentence without its capital and its full stop."""
    return Rung(
        step=step, outcome=outcome, finding=sentence(clause), evidence=tuple(evidence), rank=rank
    )


def sentence(clause: str) -> str:
    """`clause` with a capital, unless it begins with a file's name, and a full stop."""
    word = clause.partition(" ")[0].isalpha()
    return f"{clause[:1].upper() if word else clause[:1]}{clause[1:]}."


def clause(finding: str) -> str:
    """The reverse of `sentence`; a first word in capitals (a name, a rank) stays."""
    first = finding.split(" ", 1)[0]
    body = finding.removesuffix(".")
    return body if first[1:].lower() != first[1:] else f"{body[:1].lower()}{body[1:]}"


def places(count: int) -> str:
    return "one place" if count == 1 else f"{count:,} places"


def where(chunk: Chunk) -> str:
    """`logs/2026-03-01.md:3–9`."""
    lines = str(chunk.start_line)
    if chunk.end_line != chunk.start_line:
        lines += f"–{chunk.end_line}"
    return f"{chunk.path}:{lines}"


def listed(words: Iterable[str], most: int = 6) -> str:
    """`“a”, “b” and “c”`, the rest counted."""
    quoted = [f"“{word}”" for word in words]
    if len(quoted) > most:
        quoted = [*quoted[:most], f"{len(quoted) - most} more"]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"
