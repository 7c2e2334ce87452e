"""`membrowse config`: where the settings are, what they are, and a file to start from."""

from __future__ import annotations

import typer

from membrowse import places
from membrowse.cli import output
from membrowse.settings import SettingsError
from membrowse.text import shown

app = typer.Typer(
    help="See the settings, where each comes from, or start a settings file.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


@app.command()
def path() -> None:
    """Print where the settings file is, or would be."""
    output.write(f"{shown(str(places.config_file()))}\n")


@app.command()
def show() -> None:
    """Print every setting in force and where it comes from: default, file or environment."""
    from membrowse.cli import configuration

    try:
        output.write(configuration.table(configuration.values(places.config_file())))
    except SettingsError:
        output.write(configuration.table(configuration.defaults()))
        raise


@app.command()
def init() -> None:
    """Write a settings file with every key, its meaning and its default, commented out.

    A file that is already there is left as it is.
    """
    from membrowse.cli import configuration

    file = places.config_file()
    configuration.init(file)
    output.write(f"{shown(str(file))}\n")
