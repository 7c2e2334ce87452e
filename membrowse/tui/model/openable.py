"""What can be opened: folders and stores opened before, collections and agents, and the state of
each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from membrowse import paths
from membrowse.agents import profiles
from membrowse.agents.collections import folder_of, open_collection, roots_now
from membrowse.client.titles import title
from membrowse.presentation.lines import Line, Part, cells, clip, clip_path, fit, spread
from membrowse.roots import collection_folder, collection_of
from membrowse.settings import Settings, SettingsError, load
from membrowse.stores.address import is_address, parse_address
from membrowse.stores.directory import is_own_directory, opened, title_of
from membrowse.text import shown
from membrowse.tui.model.engine_view import short_path
from membrowse.tui.model.fuzzy_match import lower_case, match
from membrowse.wire.agents import AgentProfile

_KIND_CELLS = 12


class OpenableKind(Enum):
    """The value is its label."""

    DEMO = "demo"
    FOLDER = "folder"
    STORE = "store"
    COLLECTION = "collection"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Openable:
    """Something to open."""

    kind: OpenableKind
    name: str
    """As it is shown and searched for."""
    folder: Path | None = None
    """None for the demo memory, which is copied first."""
    profile: AgentProfile | None = None

    @property
    def key(self) -> tuple[OpenableKind, str]:
        return self.kind, self.name

    def prepared(self) -> Path | None:
        """The folder, or the directory that stands for a collection, which then exists.

        Raises `SettingsError` and `OSError`.
        """
        if self.kind is OpenableKind.COLLECTION:
            return open_collection(self.name, load(paths.config_file()))
        return folder_of(self.profile) if self.profile is not None else self.folder


def typed_folder(folder: Path) -> Openable:
    """A folder that was typed."""
    return Openable(OpenableKind.FOLDER, str(folder), folder)


def typed_store(address: str) -> Openable:
    """A store whose address was typed. Raises `SettingsError` and `OSError`."""
    store = parse_address(address)
    return Openable(OpenableKind.STORE, str(store), opened(store))


def openables(recent: Sequence[str], current: Path | None, *, demo: bool) -> list[Openable]:
    """The demo memory, recent folders and stores, collections and agents, without what is open now.

    An agent of the open folder is listed: it can rank by its profile.
    """
    collections, agents = list(_collections()), list(_agents())
    known = {each.folder for each in (*collections, *agents)}
    folders = (Path(name) for name in recent)
    found = []
    if demo:
        found.append(Openable(OpenableKind.DEMO, "the demo memory: months of a small project"))
    for folder in folders:
        if store := title_of(folder):
            found.append(Openable(OpenableKind.STORE, store, folder))
        elif folder not in known and not title(folder) and not is_own_directory(folder):
            found.append(Openable(OpenableKind.FOLDER, short_path(folder), folder))
    return [*found, *(each for each in collections if each.folder != current), *agents]


def _collections() -> Iterator[Openable]:
    try:
        configured = load(paths.config_file())
    except SettingsError:
        configured = Settings()
    for name in configured.collections:
        yield Openable(OpenableKind.COLLECTION, name, collection_folder(name))


def _agents() -> Iterator[Openable]:
    for name in profiles.names():
        try:
            profile = profiles.read(name)
            yield Openable(OpenableKind.AGENT, name, folder_of(profile), profile)
        except (SettingsError, OSError):
            continue


def found_openables(all_: Sequence[Openable], typed: str) -> list[Openable]:
    """Those whose kind and name have the typed letters, the best first."""
    words = lower_case(typed).split()
    if not words:
        return list(all_)
    scored = []
    for each in all_:
        matched = match(words, lower_case(f"{each.kind.value} {each.name}"))
        if matched is not None:
            scored.append((matched[0], each))
    scored.sort(key=lambda pair: -pair[0])
    return [each for _, each in scored]


def is_place(typed: str) -> bool:
    """Whether the text is meant as a path or a store's address, not as letters of a name."""
    return typed.startswith(("~", ".")) or "/" in typed or is_address(typed)


def state_of(each: Openable) -> str:
    """Whether it is there, indexed and served; looks at the disk."""
    if each.folder is None:
        return ""
    try:
        missing = [root.name or "it" for root in roots_now(each.folder) if not root.path.exists()]
    except (SettingsError, OSError) as error:
        return str(error)
    if missing and not collection_of(each.folder):
        return "missing"
    states = [f"{', '.join(missing)} missing"] if missing else []
    if paths.own_socket(each.folder).exists():
        states.append("engine running")
    elif paths.index_dir(each.folder).is_dir():
        states.append("indexed")
    else:
        states.append("not indexed yet")
    return ", ".join(states)


def openable_line(each: Openable, state: str, width: int) -> Line:
    """`collection  ops                                   team missing, indexed`."""
    about = [Part(shown(state), "warn" if "missing" in state else "dim")]
    kind = fit([Part(each.kind.value, "accent")], _KIND_CELLS)
    room = max(10, width - _KIND_CELLS - cells(about) - 2)
    clipped = clip if each.kind is OpenableKind.DEMO else clip_path
    return spread([*kind, Part(clipped(shown(each.name), room), "title")], about, width)
