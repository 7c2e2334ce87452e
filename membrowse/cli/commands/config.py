"""`membrowse config`: where the settings are, what is in force and why, a file to start from."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer

from membrowse import paths, settings
from membrowse.agents import profiles
from membrowse.cli import output
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import AsJson
from membrowse.settings import PREFIX, Settings, SettingsError
from membrowse.text import shown

_WIDTH = 96

app = typer.Typer(
    help="Show the settings and their sources, or start a settings file.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A setting in force."""

    key: str
    value: Any
    source: str
    """`default`, the file's path, `saved configuration NAME`, `agent NAME`, or the environment
    variable's name."""


@app.command()
def path() -> None:
    """Print the path of the settings file, which need not exist."""
    output.write(f"{shown(str(paths.config_file()))}\n")


@app.command()
def show(
    agent: Annotated[
        str, typer.Option(metavar="NAME", help="An attached agent, whose profile is a layer.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Print every setting in force, and where it comes from.

    A setting comes from the defaults, the settings file, the saved configuration in force, the
    profile of an --agent, or an environment variable. The output is TOML with the sources as
    comments; with --json, a list of key, value and source.
    """
    try:
        profile = profiles.read(agent) if agent else None
        configured = settings.configured(paths.config_file(), profile=profile)
    except SettingsError:
        _write(default_values(), as_json)
        raise
    _write(values(configured), as_json)
    if configured.problem:
        raise SettingsError(configured.problem)


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """An action of the browser and its keys."""

    id: str
    keys: tuple[str, ...]
    where: str
    description: str


@app.command()
def keys(as_json: AsJson = False) -> None:
    """Print the actions of the browser: id, keys, where they work, what they do.

    `[keys]` in the settings file rebinds an action by its id; commas separate several keys:
    "view.rows" = "Z"
    """
    from membrowse.tui.actions import ACTIONS, key_name
    from membrowse.tui.keymap import Keymap

    configured = settings.load(paths.config_file())
    rows = [
        KeyRow(
            id=action.id,
            keys=tuple(key_name(key) for key in action.keys.split(",")),
            where=action.where.value,
            description=action.tooltip,
        )
        for action in Keymap(configured.keys).bound(ACTIONS)
    ]
    if as_json:
        output.write_json(rows)
        return
    for row in rows:
        place = f"{row.where}: {row.description}"
        output.write(f"{row.id:<20} {' '.join(row.keys):<22} {place}\n")


@app.command()
def init() -> None:
    """Write a settings file with every key, its meaning and its default, commented out.

    An existing file is left as it is.
    """
    file = paths.config_file()
    paths.private(file.parent)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(template())
    except FileExistsError as error:
        raise Stop(Exit.USAGE, f"{file} exists and is left as it is") from error
    output.write(f"{shown(str(file))}\n")


def _write(rows: list[Value], as_json: bool) -> None:
    if as_json:
        output.write_json(rows)
    else:
        output.write(table(rows))


# Values


def values(configured: settings.Configured) -> list[Value]:
    """Every setting in force."""
    return [
        Value(key=key, value=value, source=configured.origins[key])
        for key, value in settings.flat(configured.settings).items()
    ]


def default_values() -> list[Value]:
    """Every setting with its default."""
    return [
        Value(key=key, value=value, source=settings.DEFAULT)
        for key, value in settings.flat(Settings()).items()
    ]


def table(rows: list[Value]) -> str:
    """A line of TOML per setting, with its source as a comment."""
    left = [f"{row.key} = {shown(toml_value(row.value))}" for row in rows]
    width = max(map(len, left))
    sources = (shown(row.source) for row in rows)
    return "".join(
        f"{text:<{width}}  # {source}\n" for text, source in zip(left, sources, strict=True)
    )


def toml_value(value: Any) -> str:
    """`value` as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return msgspec.json.encode(str(value)).decode()
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, dict):
        items = (f"{toml_value(key)} = {toml_value(each)}" for key, each in value.items())
        return f"{{ {', '.join(items)} }}" if value else "{}"
    return str(value)


# A file to start from


def template() -> str:
    """A settings file that changes nothing, made from the settings and their docstrings."""
    header = (
        "# Settings of membrowse. Every line shows a default; remove the `#` to change it.\n"
        f"# Environment variables such as {PREFIX}FUSION_WEIGHT=0.6 override this file.\n"
    )
    return header + "".join(_toml_tables(Settings(), ()))


def _toml_tables(node: msgspec.Struct, path: tuple[str, ...]) -> Iterator[str]:
    """The tables of `node`: its own keys first, then those of the structs in it."""
    fields = [(field.name, getattr(node, field.name)) for field in msgspec.structs.fields(node)]
    docstrings = _attribute_docstrings(type(node))
    if path:
        summary = (inspect.getdoc(type(node)) or "").split(": ", 1)[-1]
        yield f"\n{_comment(summary[:1].upper() + summary[1:])}[{'.'.join(path)}]\n"
    for name, value in fields:
        if not isinstance(value, msgspec.Struct | dict):
            yield _comment(docstrings.get(name, "")) + f"# {name} = {toml_value(value)}\n"
    for name, value in fields:
        if isinstance(value, msgspec.Struct):
            yield from _toml_tables(value, (*path, name))
        elif isinstance(value, dict):
            yield f"\n{_comment(docstrings.get(name, ''))}[{'.'.join((*path, name))}]\n"


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
