"""An agent that searches extra paths: its folder and these paths as one tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from membrowse.agents.answers import read_answer, reader_of
from membrowse.agents.collections import (
    folder_of,
    open_collection,
    own_name,
    roots_of,
    roots_of_memory,
)
from membrowse.client.titles import title
from membrowse.roots import collection_of
from membrowse.settings import Settings, SettingsError
from membrowse.wire.agents import AgentMemory, AgentProfile
from tests.agents.test_answers import OPENCLAW


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMBROWSE_HOME", str(tmp_path / "home"))


def memory(*outside: str, folder: str = "/srv/notes") -> AgentMemory:
    return AgentMemory(id="openclaw:main", system="openclaw", folder=folder, outside=outside)


@pytest.mark.parametrize(
    ("outside", "names"),
    [
        (("/srv/extra",), {"workspace": "/srv/notes", "extra": "/srv/extra"}),
        (
            ("/srv/extra", "/srv/extra/deep", "/mnt/extra", "/srv/handbook/st yle.md"),
            {
                "workspace": "/srv/notes",
                "extra": "/srv/extra",
                "extra-2": "/mnt/extra",
                "st-yle.md": "/srv/handbook/st yle.md",
            },
        ),
        (("/srv/notes/inside", "/srv", "/"), {"": "/srv/notes"}),
        (("/mnt/workspace",), {"workspace": "/srv/notes", "workspace-2": "/mnt/workspace"}),
    ],
)
def test_extra_paths_become_roots_with_names_of_their_own(
    outside: tuple[str, ...], names: dict[str, str]
) -> None:
    roots = roots_of_memory(memory(*outside))
    assert {root.name: str(root.path) for root in roots} == names


def test_an_agent_without_extra_paths_is_opened_as_its_folder() -> None:
    assert folder_of(AgentProfile(name="main", memory=memory())) == Path("/srv/notes")
    folder = folder_of(AgentProfile(name="main", memory=memory("/srv/extra")))
    assert collection_of(folder) == "agent:main"
    assert title(folder) == "agent main"
    assert title(Path("/srv/notes")) == ""


def test_an_answers_paths_are_those_of_the_tree() -> None:
    hits, _ = read_answer(OPENCLAW, reader_of("openclaw"), memory("/srv/extra"))
    assert [(hit.path, hit.inside) for hit in hits] == [
        ("extra/lighthouse.md", True),
        ("workspace/MEMORY.md", True),
    ]


def test_notes_have_the_names_that_the_agent_gives_them() -> None:
    extra = memory("/srv/extra")
    assert own_name(extra, "workspace/memory/a.md") == "memory/a.md"
    assert own_name(extra, "extra/a.md") == "/srv/extra/a.md"
    assert own_name(memory(), "memory/a.md") == "memory/a.md"


def test_a_collection_that_does_not_exist_is_an_error_with_what_there_is() -> None:
    with pytest.raises(SettingsError, match="membrowse docs collections"):
        open_collection("ops", Settings())
    folder = folder_of(AgentProfile(name="gone", memory=memory("/srv/extra")))
    with pytest.raises(SettingsError, match="no agent is attached as 'gone'"):
        roots_of(folder, Settings())
