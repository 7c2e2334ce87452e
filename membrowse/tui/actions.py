"""What an action is, what it needs, and how its keys are written.

The actions themselves are in `action_table`, the one registry from which bindings, key bar,
palette and help are all made.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from membrowse.wire.engine import Right


class Where(Enum):
    """What has to have the focus for a key to act; the value is a heading of the help."""

    APP = "Everywhere"
    BROWSER = "In the lists"
    QUERY = "In the query"
    LIST = "Moving in a list"
    FILES = "In the files screen"
    FLOW = "In the rank flow"
    COMPARE = "In a comparison"
    RULERS = "In the rulers"
    WHY = "In the answer to why"
    TUNE = "In the tuning panel"
    SIDES = "In A | B"
    PINS = "In the pins"


class Need(Enum):
    """What has to be there for an action to act, and what is said when it is not."""

    ENGINE = "the engine does not answer yet"
    HIT = "there is no chunk under the cursor: type a query first"
    FILE = "there is no file under the cursor"
    QUERY = "nothing is asked yet: type a query first"
    TARGET = "there is neither a target (w) nor a chunk under the cursor"
    PLACE = "there is no file to open"
    CHANGE = "the cursor is on no change"
    PIN = "there is no pin under the cursor"
    KNOBS = "the tuning panel is not open: t opens it"
    TUNED = "no knob is turned"
    SAVED = "the cursor is on no saved configuration"
    QUESTIONS = "no questions are open: start with --questions FILE.jsonl"
    FOLDER = "no folder is open"
    RETRY = "the engine is not given up"


@dataclass(frozen=True, slots=True)
class Action:
    """Something the person can do. `method` is the Textual action; keys are comma-separated."""

    id: str
    method: str
    keys: str
    label: str
    tooltip: str
    where: Where = Where.APP
    needs: tuple[Need, ...] = ()
    right: Right | None = None
    bar: int = 0
    """Place in the key bar, from 1; 0: not in it."""
    palette: bool = True

    @property
    def first_key(self) -> str:
        return self.keys.split(",")[0]


@dataclass(frozen=True, slots=True)
class Situation:
    """What there is to act on, and what the engine allows."""

    has: frozenset[Need] = frozenset()
    rights: frozenset[Right] = frozenset()


def refusal(action: Action, situation: Situation) -> str:
    """Why the action cannot act now; empty when it can."""
    for need in action.needs:
        if need not in situation.has:
            return need.value
    if action.right is not None and action.right not in situation.rights:
        return no_right(action.right)
    return ""


def no_right(right: Right) -> str:
    """That the person lacks a right."""
    return f"you have no right to {right.value} here; the engine's owner has"


_KEY_NAMES = {
    "slash": "/",
    "question_mark": "?",
    "colon": ":",
    "equals_sign": "=",
    "plus": "+",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "down": "↓",
    "left": "←",
    "right": "→",
    "up": "↑",
    "f1": "F1",
    "f5": "F5",
}


def key_name(key: str) -> str:
    """A key as it is written on the screen: `/`, `ctrl+↑`, `F1`."""
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, _KEY_NAMES.get(last, last)])


def key_names(action: Action) -> str:
    """All keys of an action: `j ↓`."""
    return " ".join(key_name(key) for key in action.keys.split(","))
