"""`membrowse config`: where the settings are, what they are, and a file to start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from membrowse import paths
from membrowse.cli import output
from membrowse.cli.parameters import AsJson
from membrowse.settings import SettingsError
from membrowse.text import shown

if TYPE_CHECKING:
    from membrowse.cli import configuration

app = typer.Typer(
    help="See the settings, where each comes from, or start a settings file.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


@app.command()
def path() -> None:
    """Print where the settings file is, or would be."""
    output.write(f"{shown(str(paths.config_file()))}\n")


@app.command()
def show(as_json: AsJson = False) -> None:
    """Print every setting in force and where it comes from.

    That is: default, settings file, saved configuration or environment variable. The output is
    TOML, the origins are its comments; with --json, a list of key, value and source.
    """
    from membrowse import settings
    from membrowse.cli import configuration

    try:
        configured = settings.configured(paths.config_file())
    except SettingsError:
        _write(configuration.defaults(), as_json)
        raise
    _write(configuration.values(configured), as_json)
    if configured.problem:
        raise SettingsError(configured.problem)


def _write(rows: list[configuration.Value], as_json: bool) -> None:
    from membrowse.cli import configuration

    if as_json:
        output.write_json(rows)
    else:
        output.write(configuration.table(rows))


@app.command()
def init() -> None:
    """Write a settings file with every key, its meaning and its default, commented out.

    A file that is already there is left as it is.
    """
    from membrowse.cli import configuration

    file = paths.config_file()
    configuration.init(file)
    output.write(f"{shown(str(file))}\n")
