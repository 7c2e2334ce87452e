"""English words that do not describe a note's subject, including question words."""

from __future__ import annotations

import re

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

_CAPITALISED = frozenset({"May", "Will", "May's", "Will's", "May\u2019s", "Will\u2019s"})
POSSIBLE_NAMES = (
    frozenset(word.upper() for word in STOP_WORDS if len(word) > 1)
    | frozenset(".".join(word.upper()) for word in STOP_WORDS if len(word) in (2, 3))
    | _CAPITALISED
    | {"may"}
)
"""Stop words as they are written if they are names: `US`, `I.T`, `Will`."""

_BEFORE_MAY = re.compile(
    r"(?:\d(?:st|nd|rd|th)?\.?(?: of)?|\b(?:in|since|during|last|next|until|early|late|mid))"
    r"[ \u00a0-]\Z",
    re.IGNORECASE,
)
_AFTER_MAY = re.compile(r",?[ \u00a0-](?:the )?\d")
_INSIDE_A_SENTENCE = re.compile(r"[\w,;)\]'\"\u2019\u201d][ \u00a0]+(?:[(\"\u201c]?)\Z")
_FOLLOWING = re.compile(r"[ \u00a0]([a-z]{2,})\b")
_CONTEXT = 20


def is_name(text: str, start: int, end: int) -> bool:
    """Whether `text[start:end]`, one of `POSSIBLE_NAMES`, is written as a name there.

    A name has capitals only while its surroundings do not, or a capital inside a sentence or before
    a word that is no stop word (`Will prefers`, not `Will it`); the month is also recognised beside
    a number and after words such as `in`.
    """
    word = text[start:end]
    before, after = text[max(0, start - _CONTEXT) : start], text[end : end + _CONTEXT]
    if word in ("May", "may") and (_BEFORE_MAY.search(before) or _AFTER_MAY.match(after)):
        return True
    if word in _CAPITALISED:
        following = _FOLLOWING.match(after)
        acts = following is not None and following[1] not in STOP_WORDS
        return acts or _INSIDE_A_SENTENCE.search(before) is not None
    return word.isupper() and not (before + after).isupper()
