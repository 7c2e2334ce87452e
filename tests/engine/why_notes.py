"""Notes prepared so that each rung of the ladder has one that fails there."""

from __future__ import annotations

PORTS = """# Ports

## Staging

Staging ssh listens on port 2222 behind the bastion, since the move to the new host.

## Web

Caddy serves the shop on 443 and redirects from 80.
"""
OLD_PORTS = """# Ports, as they were

## Staging

Staging ssh listens on port 22 behind the bastion, since the move to the new host.
"""
FOOD = "# Food\n\nThe maintainer likes soup on rainy days, and never cooks on Fridays.\n"
TEA = "# Tea\n\nTea, tea and tea again: the list of the tea shop, where tea is sold by weight.\n"
KETTLE = (
    "# Kettle\n\nHow to make a cup: boil fresh water, pour it over the leaves, and let it draw for "
    "four minutes before you drink it.\n"
)
RELEASE = "# Release\n\nTag the commit, wait for green, then press the button.\n"
PARAGRAPH = (
    "The migration of the ledger happens in {} small steps that can each be taken back on their "
    "own, as long as nobody has posted a booking in between, which the lock on the journal sees to."
)
LEDGER = "# Ledger\n\n" + "\n\n".join(
    PARAGRAPH.format(word) for word in "two three four five six seven eight nine ten eleven".split()
)
SPLIT_TEXT = "lock on the journal sees to. The migration of the ledger happens in {} small steps"
