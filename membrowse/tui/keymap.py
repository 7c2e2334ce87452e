"""The keys of the browser as the settings file rebinds them."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace

from textual.keys import Keys, _character_to_key

from membrowse.settings import SettingsError
from membrowse.tui.actions import ACTIONS, Action, Where, key_name, of, with_keys

_TOGETHER = (
    (Where.QUERY,),
    (Where.BROWSER, Where.LIST, Where.APP),
    (Where.FILES, Where.LIST, Where.APP),
    (Where.FLOW, Where.LIST, Where.APP),
    (Where.COMPARE, Where.LIST, Where.APP),
    (Where.TOKENS, Where.LIST, Where.APP),
    (Where.WHY, Where.LIST, Where.APP),
    (Where.PINS, Where.LIST, Where.APP),
    (Where.LOG, Where.LIST, Where.APP),
    (Where.SIDES, Where.LIST, Where.APP),
    (Where.TUNE,),
)
"""Places whose keys act at the same time."""

_DEFAULT_KEYS = {action.id: action.keys for action in ACTIONS}
_MODIFIERS = {"ctrl", "shift", "alt", "meta", "super", "hyper"}
_NAMED = {key.value for key in Keys}


class Keymap:
    """Which keys run which action: the registry's, and those of `[keys]` in the settings file."""

    def __init__(self, chosen: Mapping[str, str]) -> None:
        """`chosen` maps ids of actions to keys, comma-separated.

        Raises `SettingsError` for an unknown id or key, and if two actions would share a key.
        """
        self.chosen = {name: _textual_keys(name, keys) for name, keys in chosen.items()}
        for places in _TOGETHER:
            self._check(of(*places))

    def bound(self, actions: Iterable[Action]) -> tuple[Action, ...]:
        """These actions with the keys that run them, also in their tooltips."""
        return tuple(
            replace(
                action,
                keys=self.chosen.get(action.id, action.keys),
                tooltip=with_keys(action.tooltip, self.key),
            )
            for action in actions
        )

    def key(self, id: str) -> str:  # noqa: A002
        """The name of the first key of the action with this id."""
        return key_name(self.chosen.get(id, _DEFAULT_KEYS[id]).split(",")[0])

    def _check(self, actions: tuple[Action, ...]) -> None:
        """Raise `SettingsError` if a chosen key is the key of another of these actions, too."""
        owners: dict[str, list[Action]] = {}
        for action in self.bound(actions):
            for key in action.keys.split(","):
                owners.setdefault(key, []).append(action)
        for key, sharing in owners.items():
            if len(sharing) > 1 and any(one.id in self.chosen for one in sharing):
                names = " and ".join(f"{one.id} ({one.where.value.lower()})" for one in sharing[:2])
                raise SettingsError(f"[keys]: {key_name(key)} is the key of both {names}")


def _textual_keys(id: str, keys: str) -> str:  # noqa: A002
    """Keys as Textual names them: `?` becomes `question_mark`. Raises `SettingsError`."""
    known = {action.id: action for action in ACTIONS}
    if id not in known:
        close = difflib.get_close_matches(id, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise SettingsError(
            f"[keys]: there is no action {id!r}{hint} `membrowse config keys` lists them"
        )
    given = ["comma" if key == "," else key.strip() for key in keys.split(",")] if keys else []
    named = [_textual_key(id, key) for key in given]
    if not named:
        raise SettingsError(f"[keys]: {id} has no key")
    if known[id].where is Where.QUERY and any(len(key) == 1 for key in named):
        raise SettingsError(f"[keys]: {id} cannot have {keys!r}, which types in the query")
    return ",".join(named)


def _textual_key(id: str, key: str) -> str:  # noqa: A002
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    plain = _character_to_key(last) if len(last) == 1 else last
    if not last or set(modifiers) - _MODIFIERS or not _key_exists(plain):
        raise SettingsError(f"[keys]: {id}: there is no key {key!r}")
    return "+".join([*modifiers, plain])


def _key_exists(key: str) -> bool:
    if len(key) == 1 or key in _NAMED:
        return True
    try:
        unicodedata.lookup(key.replace("_", " ").upper())
    except KeyError:
        return key in ("slash", "plus", "minus", "at", "full_stop")
    return True
