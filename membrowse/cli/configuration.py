"""`membrowse config`: where the settings are, what they are and why, and a file to start from."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from membrowse import settings
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.settings import PREFIX, Settings
from membrowse.text import shown

_WIDTH = 96


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """One setting in force, and where it comes from."""

    key: str
    value: Any
    source: str
    """`default`, the file's path, `saved configuration NAME`, or the environment variable's
    name."""


def values(configured: settings.Configured) -> list[Value]:
    """Every setting in force."""
    return [
        Value(key=key, value=value, source=configured.origins[key])
        for key, value in settings.flat(configured.settings).items()
    ]


def defaults() -> list[Value]:
    """Every setting as it is where nothing is configured."""
    nothing = settings.flat(Settings())
    return [Value(key=key, value=value, source=settings.DEFAULT) for key, value in nothing.items()]


def table(rows: list[Value]) -> str:
    """One line for each value: what it is, and where it comes from."""
    left = [f"{row.key} = {shown(shown_value(row.value))}" for row in rows]
    width = max(map(len, left))
    sources = (shown(row.source) for row in rows)
    return "".join(
        f"{text:<{width}}  # {source}\n" for text, source in zip(left, sources, strict=True)
    )


def shown_value(value: Any) -> str:
    """`value` as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return msgspec.json.encode(str(value)).decode()
    if isinstance(value, tuple):
        return f"[{', '.join(map(shown_value, value))}]"
    return str(value)


def init(file: Path) -> None:
    """Write a settings file with every key, its meaning and its default, all commented out.

    Raises `Stop` where there is a file already.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(template())
    except FileExistsError as error:
        raise Stop(Exit.USAGE, f"{file} exists and is left as it is") from error


def template() -> str:
    """The text of a settings file that changes nothing, made from the settings themselves."""
    header = (
        "# Settings of membrowse. Every line shows a default; take the `#` away to change it.\n"
        f"# Environment variables such as {PREFIX}FUSION_WEIGHT=0.6 go before this file.\n"
    )
    tables = list(_tables(Settings(), ()))
    return header + "".join(tables)


def _tables(node: msgspec.Struct, path: tuple[str, ...]) -> Iterator[str]:
    """The tables of `node`: its own keys first, then those of the structs in it."""
    fields = [(field.name, getattr(node, field.name)) for field in msgspec.structs.fields(node)]
    notes = _attribute_docstrings(type(node))
    keys = [(name, value) for name, value in fields if not isinstance(value, msgspec.Struct)]
    if path:
        summary = (inspect.getdoc(type(node)) or "").split(": ", 1)[-1]
        yield f"\n{_comment(summary[:1].upper() + summary[1:])}[{'.'.join(path)}]\n"
    for name, value in keys:
        yield _comment(notes.get(name, "")) + f"# {name} = {shown_value(value)}\n"
    for name, value in fields:
        if isinstance(value, msgspec.Struct):
            yield from _tables(value, (*path, name))


def _comment(text: str) -> str:
    lines = textwrap.wrap(" ".join(text.split()), _WIDTH, break_long_words=False)
    return "".join(f"## {line}\n" for line in lines)


def _attribute_docstrings(section: type) -> dict[str, str]:
    """The string below each attribute of `section` in its source."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(section)))
    found: dict[str, str] = {}
    for definition in tree.body:
        body = definition.body if isinstance(definition, ast.ClassDef) else []
        for field, after in itertools.pairwise(body):
            match field, after:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(ast.Constant(str(text))):
                    found[name] = text
    return found
