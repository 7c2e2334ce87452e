"""Which metadata of a record is the path, line, title, date and so on of its note."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from membrowse.settings import SettingsError

AUTOMATIC = "auto"
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_LONGEST = 1000


class Fields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For each part of a chunk, where it is in a record's metadata.

    A value is a name, a template of names (`{project}/{type}`), or several of these, separated by
    `|`: the first that a record has counts.
    """

    path: str = ""
    """The path of the record's note; a record without one is a note by itself."""
    line: str = ""
    """The first line in the note."""
    title: str = ""
    heading: str = ""
    date: str = ""
    """ISO 8601 in any usual form, or seconds or milliseconds since 1970."""
    tags: str = ""
    """A list, or words separated by commas."""
    order: str = ""
    """A number that orders the records of a note that have no lines."""
    text: str = ""
    """The one field with the text, in Milvus."""
    vector: str = ""
    """The one field with the vectors, in Milvus."""


PRESETS: Mapping[str, Fields] = {
    "memsearch": Fields(path="source", line="start_line", heading="heading"),
    "mempalace": Fields(
        path="source_file|{wing}/{room}",
        line="line_start",
        order="chunk_index",
        date="content_date|filed_at|timestamp|date",
        heading="{wing} / {room}",
        tags="hall|topic|type",
    ),
    "claude-mem": Fields(
        path="{project}/{doc_type}-{sqlite_id}",
        title="title",
        heading="field_type",
        date="created_at_epoch",
        tags="concepts",
        order="fact_index",
    ),
    "general": Fields(
        path="path|file_path|filepath|source_file|source|file|filename|file_name|url",
        line="start_line|line_start|line|loc.lines.from",
        title="title|name",
        heading="heading|section|header",
        date="date|created_at|timestamp|created|updated_at|modified",
        tags="tags|tag|category",
        order="chunk_index|chunk|index|chunk_id|position",
    ),
}
"""Metadata as memsearch 0.4, MemPalace and claude-mem write it (2026), and usual names."""

_SIGNS: Mapping[str, frozenset[str]] = {
    "memsearch": frozenset({"source", "start_line", "heading_level"}),
    "mempalace": frozenset({"wing", "room"}),
    "claude-mem": frozenset({"sqlite_id", "doc_type"}),
}
"""Metadata that only records of a preset have all of."""


def parse_fields(text: str) -> str:
    """`text` as it is kept: a preset's name, or `part=name` separated by commas, perhaps after a
    preset's name that they change. Raises `SettingsError`."""
    fields_of(text, ())
    return text


def fields_of(text: str, names: Iterable[str]) -> tuple[str, Fields]:
    """The preset that `text` means, and its fields; `names` are those of a record's metadata.

    Raises `SettingsError`.
    """
    preset, changes = AUTOMATIC, {}
    for number, item in enumerate(filter(None, text.split(","))):
        part, separator, name = item.partition("=")
        if not separator and number == 0 and part in (*PRESETS, AUTOMATIC):
            preset = part
        elif separator and part in Fields.__struct_fields__:
            changes[part] = name
        else:
            known = ", ".join(PRESETS)
            parts = ", ".join(Fields.__struct_fields__)
            raise SettingsError(f"{item!r} is no preset ({known}) and no PART=NAME ({parts})")
    if preset == AUTOMATIC:
        preset = _recognised(frozenset(names))
    return preset, msgspec.structs.replace(PRESETS[preset], **changes)


def _recognised(names: frozenset[str]) -> str:
    return next((preset for preset, signs in _SIGNS.items() if signs <= names), "general")


def value_of(expression: str, metadata: Mapping[str, Any]) -> str:
    """The value of a field as text; empty if the record has none."""
    for alternative in filter(None, expression.split("|")):
        if "{" in alternative:
            found = _filled(alternative, metadata)
        else:
            found = _text(metadata.get(alternative))
        if found:
            return found[:_LONGEST]
    return ""


def _filled(template: str, metadata: Mapping[str, Any]) -> str:
    """The template with its names replaced; empty if the record lacks one of them."""
    names = _PLACEHOLDER.findall(template)
    values = {name: _text(metadata.get(name)) for name in names}
    if not all(values.values()):
        return ""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def _text(value: object) -> str:
    """A value of metadata as text without control characters and lone surrogates."""
    if isinstance(value, (list, tuple)):
        value = ",".join(map(str, value))
    if value is None or isinstance(value, (dict, bytes)):
        return ""
    printed = str(value)[: 4 * _LONGEST].encode("utf-8", "replace").decode()
    return "".join(each if each.isprintable() else " " for each in printed).strip()
