"""A report without the query and without any text, title or path of a note.

This module lists the text that is kept; all other text is left out, so that a field added to a
record cannot leak. Ranks, scores, lengths, lines and times stay, and so do chunk ids, which are
hashes. A path becomes the same `note-1` throughout.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any

import msgspec

from membrowse.settings import FieldWeights, FusionMethod, RerankMethod, Settings, flat
from membrowse.wire.diagnosis import Suggestion
from membrowse.wire.explanation import (
    FieldMatch,
    FusedExplanation,
    FusedInput,
    IndexedVersion,
    RerankedExplanation,
)
from membrowse.wire.notes import NoteState
from membrowse.wire.report import KIND, Program, Report, ReportedIndex, ReportedNote, Setting
from membrowse.wire.search import RANKINGS, Hit, Query, SearchResponse, Target

_HEX = re.compile("[0-9a-f]{1,64}")
_TIME = re.compile(r"[0-9T:.+\-]{1,40}Z?")
_VERSION = re.compile(r"[A-Za-z0-9_.:+\-]{0,80}")


def _one_of(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, words)))


_PATHS = "path"
_SETTINGS = frozenset(flat(Settings()))
_KEYS = frozenset((*RANKINGS, "explain", *_SETTINGS))
_WORDS = frozenset((*RANKINGS, *FusionMethod, *RerankMethod))
"""Values of settings that are kept although they are text."""
_RANKING = _one_of(*RANKINGS)
_VALUE = rf"(?:[0-9.]+|{_one_of(*sorted(_WORDS)).pattern})"
_SETTING_CHANGE = re.compile(rf"(?:{_one_of(*_SETTINGS).pattern}) {_VALUE} → {_VALUE}")
_KEPT: dict[type[msgspec.Struct], dict[str, re.Pattern[str]]] = {
    Report: {"kind": _one_of(KIND), "made_at": _TIME, "query_sha256": _HEX},
    Program: dict.fromkeys(("membrowse", "engine", "python", "platform"), _VERSION),
    ReportedIndex: {"encoder": _VERSION, "precision": _VERSION},
    ReportedNote: {"sha256": _HEX, "state": _one_of(*NoteState), "indexed_at": _TIME},
    SearchResponse: {"asked_at": _TIME, "client": _one_of("cli"), "settings_digest": _HEX},
    Query: {"syntax": _one_of("literal", "operators")},
    Hit: {"chunk": _HEX, "indexed_at": _TIME},
    Target: {"chunk": _HEX},
    Suggestion: {"change": _SETTING_CHANGE},
    IndexedVersion: {"indexed_at": _TIME},
    FieldMatch: {"field": _one_of(*msgspec.structs.asdict(FieldWeights()))},
    FusedExplanation: {"method": _one_of(*FusionMethod)},
    FusedInput: {"ranking": _RANKING},
    RerankedExplanation: {"method": _one_of(*RerankMethod)},
}
"""Fields whose text says nothing about the notes, with the pattern that it must match; of any
other text, only the length is kept."""


def redacted(report: Report) -> Report:
    """`report` with only figures and hashes of the notes."""
    plain = _Redactor().struct(report)
    libraries, settings = report.program.libraries, report.settings
    plain["redacted"] = True
    plain["program"]["libraries"] = libraries
    plain["settings"] = {
        key: _redacted_setting(settings[key]) for key in settings if key in _SETTINGS
    }
    plain["indexed"]["recipe"] = {
        name: value if _VERSION.fullmatch(value) and name != "encoder" else _length(value)
        for name, value in report.indexed.recipe.items()
    }
    return msgspec.convert(plain, Report)


def left_out(value: object) -> object:
    """What replaces a setting's value that is left out."""
    if isinstance(value, tuple | list):
        return [_length(str(one)) for one in value]
    if isinstance(value, dict):
        return {_length(str(key)): _length(str(one)) for key, one in value.items()}
    return _length(value) if isinstance(value, str) else value


def _redacted_setting(setting: Setting) -> dict[str, Any]:
    known = isinstance(setting.value, str) and setting.value in _WORDS
    kept = setting.source == "default" or known
    value = setting.value if kept else left_out(setting.value)
    return {"value": value, "source": setting.source}


def _length(text: str) -> str:
    """What replaces a text that is left out: its length."""
    return f"[{len(text)}]" if text else ""


class _Redactor:
    """Redacts one report; a path has the same pseudonym throughout."""

    def __init__(self) -> None:
        self._notes: dict[str, str] = {}

    def struct(self, value: msgspec.Struct) -> dict[str, Any]:
        kept = _KEPT.get(type(value), {})
        return {
            field.encode_name: self._field(
                getattr(value, field.name), field.name, kept.get(field.name)
            )
            for field in msgspec.structs.fields(value)
        }

    def _field(self, value: Any, name: str, kept: re.Pattern[str] | None) -> Any:
        if isinstance(value, str) and not isinstance(value, Enum):
            if name == _PATHS:
                return self._pseudonym(value)
            return value if kept and kept.fullmatch(value) else _length(value)
        return self._any(value)

    def _any(self, value: Any) -> Any:
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, msgspec.Struct):
            return self.struct(value)
        if isinstance(value, dict):
            return {self._key(key): self._item(key, inner) for key, inner in value.items()}
        if isinstance(value, tuple | list):
            return [self._any(inner) for inner in value]
        return _length(value) if isinstance(value, str) else value

    def _item(self, key: str, value: Any) -> Any:
        known = key in _SETTINGS and isinstance(value, str) and value in _WORDS
        return value if known else self._any(value)

    def _key(self, key: str) -> str:
        return key if key in _KEYS or _HEX.fullmatch(key) else _length(key)

    def _pseudonym(self, path: str) -> str:
        if not path:
            return ""
        return self._notes.setdefault(path, f"note-{len(self._notes) + 1}")
