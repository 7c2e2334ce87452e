"""The knobs of the tuning panel: what each turns, by how much, and what it may be."""

from __future__ import annotations

from dataclasses import dataclass

from membrowse.settings import FusionMethod, RerankMethod
from membrowse.wire.tuning import Value


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting. With `choices` it is one of these, else a number from `low` to `high`."""

    key: str
    name: str
    about: str
    choices: tuple[str, ...] = ()
    step: float = 0.02
    large: float = 0.1
    low: float = 0.0
    high: float | None = 1.0
    whole: bool = False

    def turned(self, value: Value, by: int, *, far: bool) -> Value:
        """`value` after `by` steps, or large steps with `far`; it stays within bounds."""
        if self.choices:
            at = self.choices.index(str(value)) if value in self.choices else 0
            return self.choices[(at + by) % len(self.choices)]
        number = float(value) + by * (self.large if far else self.step)
        return self._bounded(number)

    def _bounded(self, number: float) -> Value:
        number = max(self.low, number if self.high is None else min(self.high, number))
        return round(number) if self.whole else round(number, 4)

    def read(self, typed: str) -> Value:
        """What was typed, as a value; raises `ValueError`, whose message says what would be."""
        try:
            number = float(typed)
        except ValueError:
            raise ValueError(f"“{typed}” is not a number") from None
        if self.whole and not number.is_integer():
            raise ValueError(f"{self.name} is a whole number")
        if self._bounded(number) != (round(number) if self.whole else round(number, 4)):
            most = f" to {self.high:g}" if self.high is not None else " or more"
            raise ValueError(f"{self.name} is {self.low:g}{most}")
        return self._bounded(number)


KNOBS = (
    Knob(
        "fusion.method",
        "fusion",
        "convex: a sum of normalised scores; rrf: of 1/(k + rank)",
        choices=tuple(FusionMethod),
    ),
    Knob("fusion.weight", "weight", "the vector's share of the fused score; the rest is keyword's"),
    Knob(
        "fusion.rrf_k",
        "rrf k",
        "of reciprocal rank fusion: the larger, the less the first ranks count",
        step=5,
        large=20,
        low=1,
        high=None,
        whole=True,
    ),
    Knob(
        "rerank.method",
        "reranker",
        "what ranks the pool again; cross-encoder needs a local model (rerank.model)",
        choices=tuple(RerankMethod),
    ),
    Knob(
        "rerank.pool",
        "pool",
        "how many of the fused ranking are reranked",
        step=10,
        large=50,
        low=1,
        high=None,
        whole=True,
    ),
    Knob("rerank.blend", "blend", "the reranker's share of the final score; the rest is fused"),
    Knob(
        "agent.k",
        "agent's k",
        "how many hits the agent reads",
        step=1,
        large=5,
        low=1,
        high=None,
        whole=True,
    ),
    Knob(
        "agent.min_score",
        "min score",
        "below this score the agent reads no hit; 0 is no limit",
        high=None,
    ),
)
"""In the order of `findings.tuning.TUNABLE`."""


def written(value: Value) -> str:
    """A value as it is shown: `0.62`, `rrf`, `50`."""
    return f"{value:g}" if isinstance(value, float) else str(value)
