"""Other programs that the browser starts: the user's editor and clipboard programs."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

CLIPBOARD_SECONDS = 2.0
"""How long a clipboard program may take."""

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


def editor_command(environment: Mapping[str, str], path: Path, line: int) -> list[str]:
    """The command that opens `path` at `line` in `$VISUAL`, else in `$EDITOR`.

    An unknown editor gets the path only. Raises `NoEditor` if neither variable names a command.
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
        raise NoEditor("No editor is set: set $VISUAL or $EDITOR.")
    try:
        words = shlex.split(value)
    except ValueError as error:
        raise NoEditor(f"${name} is not a valid command ({error}): {value}") from error
    syntax = _SYNTAX.get(Path(words[0]).name.removesuffix(".exe"), ("{path}",))
    absolute = str(path.absolute())
    return [*words, *(_filled(word, line, absolute) for word in syntax)]


def _filled(word: str, line: int, path: str) -> str:
    return word.replace("{line}", str(max(1, line))).replace("{path}", path)


def installed_editor_command(path: Path, line: int) -> list[str]:
    """`editor_command` in this environment. Raises `NoEditor` if the editor or file is missing."""
    words = editor_command(os.environ, path, line)
    if shutil.which(words[0]) is None:
        raise NoEditor(f"The editor {words[0]!r} was not found: check $VISUAL or $EDITOR.")
    if not path.exists():
        raise NoEditor("The file no longer exists.")
    return words


def run_editor(words: Sequence[str]) -> str:
    """Run the editor in the terminal until it exits; return what went wrong, or an empty text."""
    try:
        done = subprocess.run(list(words), check=False)  # noqa: S603
    except OSError as error:
        return f"Cannot start {words[0]}: {error.strerror or error}"
    return f"{words[0]} exited with status {done.returncode}" if done.returncode else ""


def clipboard_programs(
    environment: Mapping[str, str], which: Callable[[str], str | None]
) -> list[tuple[str, list[str]]]:
    """The clipboard programs to try after OSC 52, in order: (name, command that reads stdin)."""
    found: list[tuple[str, list[str]]] = []

    def offer(name: str, *command: str) -> None:
        if which(command[0]):
            found.append((name, list(command)))

    if environment.get("TMUX"):
        offer("tmux", "tmux", "load-buffer", "-w", "-")
    if environment.get("WAYLAND_DISPLAY"):
        offer("wl-copy", "wl-copy")
    if environment.get("DISPLAY"):
        offer("xclip", "xclip", "-selection", "clipboard")
        offer("xsel", "xsel", "--clipboard", "--input")
    offer("pbcopy", "pbcopy")
    return found


async def copy_to_programs(text: str) -> list[tuple[str, bool]]:
    """Pipe `text` to the installed clipboard programs: (name, whether it succeeded).

    Stops at the first success, except for tmux, whose buffer is not the system's clipboard.
    """
    tried: list[tuple[str, bool]] = []
    for name, words in clipboard_programs(os.environ, shutil.which):
        taken = await _feed_program(words, text.encode("utf-8", "replace"))
        tried.append((name, taken))
        if taken and name != "tmux":
            break
    return tried


async def _feed_program(words: Sequence[str], data: bytes) -> bool:
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(data), CLIPBOARD_SECONDS)
    except (TimeoutError, BrokenPipeError, ConnectionResetError):
        if process.returncode is None:
            process.kill()
            await process.wait()
        return False
    return process.returncode == 0
