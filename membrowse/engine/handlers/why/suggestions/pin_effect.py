"""What a change does to the pins of the folder."""

from __future__ import annotations

from dataclasses import dataclass

from membrowse.engine.handlers.why.suggestions.trial import Variant
from membrowse.engine.pins.pins import Pins
from membrowse.engine.priority import Pause
from membrowse.settings import Settings


@dataclass(frozen=True, slots=True)
class PinEffect:
    """The pins with a change, compared with the pins now."""

    pins: int = 0
    """How many were run."""
    broken: tuple[str, ...] = ()
    """Ids of those that pass now and would fail."""
    fixed: tuple[str, ...] = ()
    """Ids of those that fail now and would pass."""


def pin_effect(pins: Pins, variant: Variant, pause: Pause) -> PinEffect:
    """The pins with the settings in force over the present generation, against `variant`."""
    now = {result.pin.id: result.passes for result in pins.current(pause).results}
    if not now:
        return PinEffect()
    if isinstance(variant, Settings):
        then = pins.outcomes(variant, pause)
    else:
        then = pins.outcomes_over(
            variant.generation,
            tokens={each.key: each for each in variant.encoded},
            successors=variant.successors,
            pause=pause,
        )
    both = [name for name in now if name in then]
    return PinEffect(
        pins=len(both),
        broken=tuple(name for name in both if now[name] and not then[name]),
        fixed=tuple(name for name in both if then[name] and not now[name]),
    )
