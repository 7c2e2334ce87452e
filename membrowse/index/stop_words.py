"""English words that do not describe a note's subject, including question words."""

from __future__ import annotations

STOP_WORDS = frozenset(
    """
    a an the this that these those some any all each few both other more most only same such

    i me my myself we us our ours ourselves you your yours yourself yourselves he him his himself
    she her hers herself it its itself they them their theirs themselves

    am is are was were be been being have has had having do does did doing can could may might must
    shall should will would

    and but or nor if so than then because while though although

    about after again at before between by down during for from here in into of off on once out over
    through to under until up with there

    as also just no not very too own

    how what when where which who whom whose why

    arent cant couldnt didnt doesnt dont hadnt hasnt havent hes im isnt ive shes shouldnt theres
    theyre theyve thats wasnt werent weve whats wheres whos wont wouldnt youre youve
    """.split()
)
"""Folded, without apostrophes, not stemmed."""
