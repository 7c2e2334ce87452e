"""YAML as plain strings: no types, no tags, no aliases, bounded depth."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.events import AliasEvent

from membrowse.knowledge.front_matter import Broken

_MAX_DEPTH = 32


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
