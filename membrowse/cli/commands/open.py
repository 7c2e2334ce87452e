"""`membrowse open`: the browser on a store of another program."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from membrowse.cli import browser, chosen_store, output
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import valid
from membrowse.client import discovery
from membrowse.stores.address import parse_address
from membrowse.stores.directory import OpenedStore, directory_of, keep, opened_store
from membrowse.stores.fields import parse_fields

_STORE_HELP = (
    "chroma:PATH, chroma+http://HOST:PORT, milvus:FILE.db or milvus+http://HOST:PORT, with "
    "#COLLECTION if it has several."
)
_FIELDS_HELP = (
    "Where a record's path, line, title, heading, date, tags and order are in its metadata: auto, "
    "a preset (memsearch, mempalace, claude-mem, general), or path=NAME,date=NAME after it. "
    "In Milvus also its text and vector."
)

TokenVariable = Annotated[
    str | None,
    typer.Option(
        metavar="VARIABLE",
        help="The environment variable with the server's token. "
        "[default: CHROMA_TOKEN or MILVUS_TOKEN]",
        show_default=False,
    ),
]


def open(  # noqa: A001 (the command's name)
    store: Annotated[
        str,
        typer.Argument(metavar="STORE", help=_STORE_HELP, show_default=False, parser=valid),
    ],
    fields: Annotated[
        str | None, typer.Option(metavar="FIELDS", help=_FIELDS_HELP, show_default=False)
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="The local model that made its vectors: a name or path as in `encoder.model`.",
            show_default=False,
        ),
    ] = None,
    remote: Annotated[
        bool | None,
        typer.Option(
            "--remote/--no-remote",
            help="Agree that text and queries go over the network, for a server elsewhere.",
            show_default=False,
        ),
    ] = None,
    token_variable: TokenVariable = None,
    questions: Annotated[
        Path | None,
        typer.Option(help="A JSONL file of queries to step through with [ and ]."),
    ] = None,
) -> None:
    """Open the browser on a Chroma or Milvus collection, read-only.

    \b
      membrowse open chroma:~/.mempalace/palace#mempalace_drawers
      membrowse open milvus:~/.memsearch/milvus.db
      membrowse search --store chroma:./db "which port does staging use?"

    The options are kept for this store, also for `--store`.
    """
    address = parse_address(store)
    known = opened_store(directory_of(address)) or OpenedStore(address=address)
    wanted = msgspec.structs.replace(
        known,
        **_given(
            fields=None if fields is None else parse_fields(fields),
            encoder=None if encoder is None else _encoder(encoder),
            remote=remote,
            token_variable=token_variable,
        ),
    )
    directory = keep(wanted)
    if wanted != known:
        asyncio.run(discovery.stop(directory))  # it would go on reading as before
    if address.is_server and wanted.token_name not in os.environ:
        output.say(f"{wanted.token_name} is not set: the server is asked without a token")
    chosen_store.choose(store)
    browser.browse(None, questions)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _encoder(model: str) -> str:
    """A model as it is kept: a path is made absolute. Raises `Stop`."""
    path = Path(model).expanduser()
    if path.is_dir():
        return str(path.absolute())
    if os.sep in model:
        raise Stop(Exit.USAGE, f"there is no model at {model}")
    return model
