"""YAML as plain strings: no types, no tags, no aliases, bounded depth."""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.events import AliasEvent

from membrowse.notes.front_matter import Broken

_MAX_DEPTH = 32
_NO_CHARACTER = re.compile("[\0\ud800-\udfff]")


class _Strings(yaml.BaseLoader):
    """Plain strings, lists and mappings."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(AliasEvent):
            raise Broken("aliases (*name) are not read")
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise Broken(f"it is nested more than {_MAX_DEPTH} deep")
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def construct_scalar(self, node: Any) -> str:
        return _readable(super().construct_scalar(node))


def _readable(text: str) -> str:
    """`text` without what escapes can write and no file can hold: NUL, halves of characters."""
    if not _NO_CHARACTER.search(text):
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\0", "\N{REPLACEMENT CHARACTER}")


def loaded(document: str) -> Any:
    """The value of a YAML document: strings, lists and mappings. Raises `Broken`."""
    loader = _Strings(document)
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        where = f" (line {error.problem_mark.line + 2})" if error.problem_mark else ""
        raise Broken(f"{error.problem or error.context}{where}") from error
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise Broken(str(error).partition("\n")[0]) from error
    finally:
        loader.dispose()
