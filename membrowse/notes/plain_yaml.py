"""Read YAML as plain strings: no types, no tags, no aliases, limited depth."""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.events import AliasEvent

_MAX_DEPTH = 32
_INVALID_CHARACTERS = re.compile("[\0\ud800-\udfff]")


class _Strings(yaml.BaseLoader):
    """A YAML loader that produces only strings, lists and mappings."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(AliasEvent):
            raise ValueError("aliases (*name) are not supported")
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ValueError(f"nested more than {_MAX_DEPTH} levels deep")
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def construct_scalar(self, node: Any) -> str:
        return _valid_text(super().construct_scalar(node))


def _valid_text(text: str) -> str:
    """Replace what escapes can express but no file can contain: NUL and lone surrogates."""
    if not _INVALID_CHARACTERS.search(text):
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\0", "\N{REPLACEMENT CHARACTER}")


def load_strings(document: str) -> Any:
    """Return the value of a YAML document: strings, lists and mappings. Raises `ValueError`."""
    loader = _Strings(document)
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        where = f" (line {error.problem_mark.line + 2})" if error.problem_mark else ""
        raise ValueError(f"{error.problem or error.context}{where}") from error
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise ValueError(str(error).partition("\n")[0]) from error
    finally:
        loader.dispose()
