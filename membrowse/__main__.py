"""The `membrowse` program: what can be answered without the command line's parser, then the rest.

A parser costs a tenth of a second, so `--version` and the plain `membrowse [FOLDER]` never load it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from membrowse import __version__

_COMMANDS = frozenset(
    (
        *("browse", "config", "demo", "doctor", "engine", "explain", "golden", "index", "report"),
        *("rerun", "rulers", "search", "serve", "status", "why"),
    )
)
"""What `membrowse WORD` takes for a command; a folder of that name is `membrowse ./WORD`."""


def run(arguments: Sequence[str]) -> int:
    """Do what `arguments` (without the program's name) ask for; returns the exit status."""
    if list(arguments) in (["--version"], ["-V"]):
        return _said(f"membrowse {__version__}\n")
    from membrowse.cli import error_handling

    return error_handling.guarded(lambda: _dispatch(list(arguments)))


def _said(text: str) -> int:
    """Write `text` to stdout; only where that fails is the command line's boundary loaded."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (AttributeError, OSError):  # there is none, or it has no room
        from membrowse.cli import error_handling, output

        return error_handling.guarded(lambda: output.write(text))
    return 0


def _dispatch(arguments: list[str]) -> None:
    completing = "_MEMBROWSE_COMPLETE" in os.environ
    if not completing and (not arguments or (len(arguments) == 1 and _opens(arguments[0]))):
        from membrowse.cli import browsing

        browsing.browse(Path(arguments[0]) if arguments else None, questions=None)
        return
    from membrowse.cli.app import app

    if not completing and _opens(arguments[0]):
        arguments = ["browse", *arguments]
    app(args=None if completing else arguments, prog_name="membrowse")


def _opens(word: str) -> bool:
    """Whether `membrowse WORD` opens the browser: a folder's path, or an option of `browse`.

    Raises `Stop` for a word that is neither that nor a command.
    """
    if word in _COMMANDS:
        return False
    if word.startswith("-"):
        return word.startswith("--questions")
    if os.sep in word or Path(word).exists():
        return True
    import difflib

    from membrowse.cli.error_handling import Stop
    from membrowse.cli.exit_codes import Exit

    close = " or ".join(difflib.get_close_matches(word, sorted(_COMMANDS), n=2))
    hint = f"; did you mean {close}?" if close else "; `membrowse --help` lists the commands"
    raise Stop(Exit.USAGE, f"no such folder or command: {word}{hint}")


def main() -> None:
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
