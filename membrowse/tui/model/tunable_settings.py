"""The settings of the tuning panel, with their steps and bounds."""

from __future__ import annotations

from dataclasses import dataclass

from membrowse.settings import FusionMethod, RerankMethod
from membrowse.wire.overrides import Value


@dataclass(frozen=True, slots=True)
class TunableSetting:
    """A setting: one of `choices`, or without choices a number from `low` to `high`."""

    key: str
    name: str
    about: str
    choices: tuple[str, ...] = ()
    step: float = 0.02
    large: float = 0.1
    low: float = 0.0
    high: float | None = 1.0
    whole: bool = False
    ends: tuple[str, str] = ("", "")
    """What its lowest and its highest value favour."""

    def stepped(self, value: Value, by: int, *, far: bool) -> Value:
        """`value` after `by` steps (large ones with `far`), within bounds."""
        if self.choices:
            at = self.choices.index(str(value)) if value in self.choices else 0
            return self.choices[(at + by) % len(self.choices)]
        number = float(value) + by * (self.large if far else self.step)
        return self._bounded(number)

    def _bounded(self, number: float) -> Value:
        number = max(self.low, number if self.high is None else min(self.high, number))
        return round(number) if self.whole else round(number, 4)

    def parse(self, typed: str) -> Value:
        """The value that was typed. Raises `ValueError` with the reason if it is invalid."""
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


ROOT_LIMIT = "rerank.per_root_limit"

TUNABLE_SETTINGS = (
    TunableSetting(
        "fusion.method",
        "fusion",
        "convex: weighted sum of normalised scores; rrf: sum of 1/(k + rank)",
        choices=tuple(FusionMethod),
    ),
    TunableSetting(
        "fusion.weight",
        "weight",
        "vector's share of the fused score; the rest is keyword's",
        ends=("keyword", "vector"),
    ),
    TunableSetting(
        "fusion.rrf_k",
        "rrf k",
        "k of reciprocal rank fusion: the larger, the less the first ranks count",
        step=5,
        large=20,
        low=1,
        high=None,
        whole=True,
    ),
    TunableSetting(
        "rerank.method",
        "reranker",
        "ranks the pool again; cross-encoder needs a local model (rerank.model)",
        choices=tuple(RerankMethod),
    ),
    TunableSetting(
        "rerank.pool",
        "pool",
        "how many hits of the fused ranking are reranked",
        step=10,
        large=50,
        low=1,
        high=None,
        whole=True,
    ),
    TunableSetting(
        "rerank.blend",
        "blend",
        "the reranker's share of the final score; the rest is the fused score",
        ends=("fused", "reranker"),
    ),
    TunableSetting(
        ROOT_LIMIT,
        "per root",
        "how many hits of one root keep their place, its others go behind; 0: no limit",
        step=1,
        large=5,
        high=None,
        whole=True,
    ),
    TunableSetting(
        "agent.k",
        "agent's k",
        "how many hits the agent reads",
        step=1,
        large=5,
        low=1,
        high=None,
        whole=True,
    ),
    TunableSetting(
        "agent.min_score",
        "min score",
        "the agent ignores hits below this score; 0: no limit",
        high=None,
    ),
)
"""In the order of `wire.tuning.TUNABLE`."""


def value_text(value: Value) -> str:
    """A value as text: `0.62`, `rrf`, `50`."""
    return f"{value:g}" if isinstance(value, float) else str(value)
