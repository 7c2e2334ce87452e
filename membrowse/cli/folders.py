"""The folder that a command works on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from membrowse import paths
from membrowse.agents.collections import folder_of
from membrowse.cli import output
from membrowse.cli.chosen_agent import chosen_profile
from membrowse.cli.chosen_collection import chosen_collection
from membrowse.cli.chosen_store import chosen_store
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.client.registered_services import registered
from membrowse.client.remembered import Remembered
from membrowse.client.titles import title_or_path
from membrowse.roots import collection_of
from membrowse.text import shown


def is_named(folder: Path | None) -> bool:
    """Whether the person named a folder, by its path, as a collection, a store or by an agent."""
    return any(_names(folder))


def _names(folder: Path | None) -> list[bool]:
    given = (folder, chosen_profile(), chosen_collection(), chosen_store())
    return [each is not None for each in given]


def chosen(named: Path | None) -> Path:
    """The folder that was named, by its path, as a collection, a store or by an agent; else the
    current one (or a parent) if it has an index, else the one that was opened last.

    Says on stderr which folder it is, unless it was named. Raises `Stop` if there is none.
    """
    profile = chosen_profile()
    if sum(_names(named)) > 1:
        raise Stop(Exit.USAGE, "give --agent, --collection, --store or a folder, not both")
    if profile is not None:
        named = folder_of(profile)
    if (stands_for := chosen_collection() or chosen_store()) is not None:
        return stands_for
    if named is not None:
        return existing(named)
    current = current_directory()
    for candidate in (current, *current.parents) if current is not None else ():
        if _has_index(candidate):
            output.say(f"folder: {candidate}")
            return candidate
    last = Remembered().last_folder
    if last is None:
        here = current or "the current directory"
        raise Stop(
            Exit.USAGE,
            f"which folder? {here} has no index, and none was opened before: name one, "
            "or try `membrowse demo`",
        )
    output.say(f"folder: {title_or_path(last)} (opened last; choose another with --folder)")
    return last


def current_directory() -> Path | None:
    """The working directory; None if it was deleted, or this user cannot reach it."""
    try:
        return Path.cwd()
    except OSError:
        return None


def of_report(named: Path | None, recorded: str) -> Path:
    """Like `chosen`, but if nothing is named, the `recorded` folder if it has an index.

    Without an index it is ignored: the report may come from somebody else.
    """
    usable = Path(recorded).is_absolute() and "\0" not in recorded
    if not is_named(named) and usable and _has_index(Path(recorded)):
        output.say(f"folder: {recorded} (the report's)")
        return Path(recorded)
    return chosen(named)


def existing(folder: Path) -> Path:
    """`folder`, absolute; raises `Stop` if it is no folder and no system service serves it."""
    try:
        absolute = folder.expanduser().absolute()
        found = registered(absolute) is not None or absolute.is_dir()
    except (RuntimeError, ValueError, OSError) as error:
        raise Stop(Exit.USAGE, f"{folder} cannot be a folder: {error}") from error
    if not found:
        what = "not a folder" if absolute.exists() else "no such folder"
        raise Stop(Exit.USAGE, f"{what}: {folder}")
    return absolute


def roots_of(folder: Path, notes: Iterable[str]) -> dict[str, str]:
    """The roots of these notes, for `lines.clip_path`, if `folder` stands for a collection."""
    if not collection_of(folder):
        return {}
    from membrowse.presentation.lines import root_beginnings  # loads Rich

    return root_beginnings(dict.fromkeys(shown(path.partition("/")[0]) for path in notes))


def _has_index(folder: Path) -> bool:
    return paths.index_dir(folder).is_dir() or registered(folder) is not None
