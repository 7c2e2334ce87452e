"""`membrowse demo`: the browser on a demo memory."""

from __future__ import annotations

from typing import Annotated

import typer

from membrowse.cli import browser, demo_memory, output


def demo(
    path: Annotated[
        bool, typer.Option("--path", help="Only print the path of the demo memory.")
    ] = False,
) -> None:
    """Open the browser on a demo memory, with hard questions.

    It is a copy of what an agent noted over months. Edit it freely: your changes are kept.
    """
    if path:
        output.write(f"{demo_memory.home()}\n")
    else:
        browser.browse_demo()
