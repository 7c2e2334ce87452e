"""What a change does to the folder's pins."""

from __future__ import annotations

from membrowse.engine.changing.trial import PinOutcome, Variant
from membrowse.engine.courtesy import Pause
from membrowse.engine.pinning import Pins
from membrowse.settings import Settings


def of_pins(pins: Pins, variant: Variant, pause: Pause) -> PinOutcome:
    """The pins by the settings in force over the present generation, against `variant`."""
    now = {result.pin.id: result.holds for result in pins.current(pause).results}
    if not now:
        return PinOutcome()
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
    return PinOutcome(
        pins=len(both),
        broken=tuple(name for name in both if now[name] and not then[name]),
        mended=tuple(name for name in both if then[name] and not now[name]),
    )
