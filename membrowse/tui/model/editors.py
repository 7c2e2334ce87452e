"""The person's editor, and how it is told at which line to open a file."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

_PLUS = (
    "vi vim nvim gvim mvim view ex nano pico emacs emacsclient xemacs mg zile jed joe jmacs ne "
    "kak vis neatvi nvi elvis gedit pluma xed gnome-text-editor ox tilde jove amp"
)
_COLON = "hx helix subl sublime_text zed zeditor mcedit mate lapce"
_GOTO = "code code-insiders codium vscodium cursor windsurf positron"
_LINE = "kate kwrite idea idea.sh pycharm webstorm goland clion xjed"

_SYNTAX = (
    {name: ("+{line}", "{path}") for name in _PLUS.split()}
    | {name: ("{path}:{line}",) for name in _COLON.split()}
    | {name: ("-g", "{path}:{line}") for name in _GOTO.split()}
    | {name: ("--line", "{line}", "{path}") for name in _LINE.split()}
    | {"micro": ("+{line}:1", "{path}"), "mate": ("-l", "{line}", "{path}")}
)


class NoEditor(Exception):
    """No editor can be started; the message says what to do."""


def command(environment: Mapping[str, str], path: Path, line: int) -> list[str]:
    """The command that opens `path` at `line`, by `$VISUAL`, else `$EDITOR`.

    An editor that is not known here is given the path only. Raises `NoEditor`.
    """
    name, value = next(
        (
            (name, environment[name])
            for name in ("VISUAL", "EDITOR")
            if environment.get(name, "").strip()
        ),
        ("", ""),
    )
    if not value:
        raise NoEditor("No editor is set: put its name into $VISUAL or $EDITOR.")
    try:
        words = shlex.split(value)
    except ValueError as error:
        raise NoEditor(f"${name} cannot be read as a command ({error}): {value}") from error
    syntax = _SYNTAX.get(Path(words[0]).name.removesuffix(".exe"), ("{path}",))
    absolute = str(path.absolute())
    return [*words, *(_filled(word, line, absolute) for word in syntax)]


def _filled(word: str, line: int, path: str) -> str:
    return word.replace("{line}", str(max(1, line))).replace("{path}", path)
