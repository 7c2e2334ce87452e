"""The program as a Typer application: a registry of commands that are imported when used."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from membrowse import __version__
from membrowse.cli import chosen_agent, chosen_collection, chosen_store
from membrowse.cli.commands import ALIASES, COMMANDS

_HELP = """See how an agent's memory is recalled: keyword, vector and reranked, side by side.

\b
  membrowse                    open the browser on the last folder
  membrowse FOLDER             open it on FOLDER (a folder named like a command: ./index)
  membrowse demo               open it on a demo memory
  membrowse search "which port does staging use?" --folder FOLDER --json
  membrowse why "which port does staging use?" decisions/ssh.md

\b
Exit status: 0 hits (or done), 1 none, 2 usage, 3 engine unavailable, 130 interrupted.
"""


class Commands(TyperGroup):
    """A group whose commands are imported by name. (`Any`: Typer exports no type for them.)"""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*COMMANDS, *ALIASES]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands and cmd_name in self.list_commands(ctx):
            self.commands[cmd_name] = _imported(cmd_name)
        return self.commands.get(cmd_name)


def _imported(name: str) -> Any:
    module_name = ALIASES.get(name, name)
    module = import_module(f"membrowse.cli.commands.{module_name}")
    commands = getattr(module, "app", None)
    if commands is None:
        commands = typer.Typer(rich_markup_mode=None, add_completion=False)
        commands.command()(getattr(module, module_name))
    command = get_command(commands)
    command.hidden = name in ALIASES
    _add_memory_options(command, name)
    return command


_WITH_FOLDER = ("browse", "index", "mcp", "serve")
"""Commands whose folder is an argument, and need not be given."""


def _add_memory_options(command: Any, name: str) -> None:
    """Give `--collection`, `--store` and `--agent` to every command that works on a folder.

    A command with a parameter of the same name reads that itself.
    """
    for sub_name, sub in getattr(command, "commands", {}).items():
        _add_memory_options(sub, sub_name)
    options = {flag for parameter in command.params for flag in parameter.opts}
    named = {parameter.name for parameter in command.params}
    if name != "attach" and ("--folder" in options or name in _WITH_FOLDER):
        donor = typer.Typer(add_completion=False)
        donor.command()(_with_memory)
        places = [at for at, each in enumerate(command.params) if "--folder" in each.opts]
        after = max(places, default=0) + 1
        given = get_command(donor).params
        command.params[after:after] = [each for each in given if each.name not in named]


def _with_memory(
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection",
            metavar="NAME",
            help="Several folders as one: a collection of the settings.",
            show_default=False,
            expose_value=False,
            callback=chosen_collection.choose,
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="STORE",
            help="A Chroma or Milvus collection, read-only, instead of a folder: chroma:PATH, "
            "milvus:FILE.db (`membrowse docs stores`).",
            show_default=False,
            expose_value=False,
            callback=chosen_store.choose,
        ),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(
            "--agent",
            metavar="NAME",
            help="An attached agent: its folder, k, minimum score and weights.",
            show_default=False,
            expose_value=False,
            callback=chosen_agent.choose,
        ),
    ] = None,
) -> None:
    """A command that only has the options which others get."""


app = typer.Typer(
    cls=Commands,
    help=_HELP,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    subcommand_metavar="[FOLDER] | COMMAND [ARGS]...",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"membrowse {__version__}")
        raise typer.Exit()


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", is_eager=True, callback=_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass
