"""The `membrowse` program.

Importing a command-line parser takes a tenth of a second, so `--version` and plain
`membrowse [FOLDER]` do without it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextvars import copy_context
from pathlib import Path

from membrowse import __version__


def run(arguments: Sequence[str]) -> int:
    """Run the program with `arguments` (without its name), and return the exit status."""
    if list(arguments) in (["--version"], ["-V"]):
        return _write_stdout(f"membrowse {__version__}\n")
    from membrowse.cli import error_handling

    context = copy_context()  # what a command chooses ends with it
    return error_handling.guarded(lambda: context.run(_dispatch, list(arguments)))


def _write_stdout(text: str) -> int:
    """Write `text` to stdout; the command line's error handling is imported only if that fails."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (AttributeError, OSError):  # stdout is closed, or the disk is full
        from membrowse.cli import error_handling, output

        return error_handling.guarded(lambda: output.write(text))
    return 0


def _dispatch(arguments: list[str]) -> None:
    from membrowse.stores.address import is_address

    completing = "_MEMBROWSE_COMPLETE" in os.environ
    plain = not completing and not any(map(is_address, arguments[:1]))
    if plain and (not arguments or (len(arguments) == 1 and _opens_browser(arguments[0]))):
        from membrowse.cli import browser

        browser.browse(Path(arguments[0]) if arguments else None, questions=None)
        return
    from membrowse.cli.app import app

    if not completing and is_address(arguments[0]):
        arguments = ["browse", "--store", *arguments]
    elif not completing and _opens_browser(arguments[0]):
        arguments = ["browse", *arguments]
    app(args=None if completing else arguments, prog_name="membrowse")


def _opens_browser(word: str) -> bool:
    """Whether `membrowse WORD` opens the browser: WORD is a folder, or an option of `browse`.

    Raises `Stop` if it is neither that nor a command.
    """
    from membrowse.cli.commands import ALIASES, COMMANDS

    if word in COMMANDS or word in ALIASES:
        return False
    if word.startswith("-"):
        return word.startswith(("--questions", "--agent", "--collection", "--store"))
    if os.sep in word or Path(word).exists():
        return True
    import difflib

    from membrowse.cli.error_handling import Stop
    from membrowse.cli.exit_codes import Exit

    close = " or ".join(difflib.get_close_matches(word, COMMANDS, n=2))
    hint = f"; did you mean {close}?" if close else "; `membrowse --help` lists the commands"
    raise Stop(Exit.USAGE, f"no such folder or command: {word}{hint}")


def _distrust_working_directory() -> None:
    """Import nothing more from the working directory, unless this package is there."""
    try:
        here = str(Path.cwd())
    except OSError:  # it was deleted
        return
    if here != str(Path(__file__).parents[1]):
        sys.path[:] = [entry for entry in sys.path if entry not in ("", here)]


def main() -> None:
    _distrust_working_directory()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
