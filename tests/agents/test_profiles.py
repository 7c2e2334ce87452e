"""Profiles of attached agents, and the layer of settings that they are."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from membrowse import paths, settings
from membrowse.agents import profiles
from membrowse.settings import SettingsError
from membrowse.wire.agents import AgentMemory, AgentProfile, SearchCommand

COMMAND = SearchCommand(arguments=("search", "{query}"), reads="openclaw")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMBROWSE_HOME", str(tmp_path / "home"))


def profile(name: str = "main", folder: str = "/srv/notes", k: int = 6) -> AgentProfile:
    memory = AgentMemory(
        id="openclaw:main",
        system="openclaw",
        folder=folder,
        settings={"agent.k": k, "fusion.weight": 0.7},
        search=COMMAND,
    )
    return AgentProfile(name=name, memory=memory)


def test_a_profile_is_kept_for_its_owner_alone_and_forgotten() -> None:
    file = profiles.keep(profile())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert profiles.read("main") == profile()
    assert profiles.listed() == [profile()]
    profiles.forget("main")
    assert profiles.listed() == []
    with pytest.raises(SettingsError, match="no agent is attached as 'main'"):
        profiles.read("main")


def test_a_name_belongs_to_one_folder() -> None:
    profiles.keep(profile())
    profiles.keep(profile(k=3))
    assert profiles.read("main").memory.settings["agent.k"] == 3
    with pytest.raises(SettingsError, match="another --name"):
        profiles.keep(profile(folder="/srv/other"))


def test_profiles_are_found_by_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    profiles.keep(profile("one", str(tmp_path)))
    profiles.keep(profile("two", "/srv/other"))
    assert [each.name for each in profiles.of_folder(tmp_path / "link")] == ["one"]


def test_an_agreement_lasts_as_long_as_the_command() -> None:
    profiles.keep(profile())
    assert profiles.agree(profiles.read("main")).may_run
    profiles.keep(profile(k=9))
    assert profiles.read("main").may_run
    other = profile().memory
    other = type(other)(id=other.id, system=other.system, folder=other.folder, search=None)
    profiles.keep(AgentProfile(name="main", memory=other))
    assert not profiles.read("main").may_run


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "-rf", "x" * 61, "a\0b", "a\n"])
def test_a_name_is_a_plain_word(name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be a name"):
        profiles.keep(profile(name))


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"name": "main"}', b"\xff", b"x" * (profiles.LARGEST + 1)]
)
def test_a_broken_profile_is_reported(content: bytes) -> None:
    profiles.keep(profile())
    (profiles.directory() / "main.json").write_bytes(content)
    with pytest.raises(SettingsError, match="main.json"):
        profiles.read("main")


def test_a_link_is_no_profile(tmp_path: Path) -> None:
    file = profiles.keep(profile())
    file.rename(tmp_path / "elsewhere.json")
    file.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(paths.Untrusted):
        profiles.read("main")


def test_a_profile_cannot_shape_the_index() -> None:
    memory = AgentMemory(id="x", system="x", folder="/x", settings={"encoder.model": "./evil"})
    with pytest.raises(SettingsError, match="profile of the agent 'x'.*encoder.model"):
        profiles.keep(AgentProfile(name="x", memory=memory))


def test_the_profile_is_a_layer_between_saved_configuration_and_environment() -> None:
    file = paths.config_file()
    paths.private(file.parent)
    file.write_text("[agent]\nk = 2\n[fusion]\nweight = 0.1\n")
    environment = {"MEMBROWSE_FUSION_WEIGHT": "0.9"}
    configured = settings.configured(file, environment, profile())
    assert (configured.settings.agent.k, configured.settings.fusion.weight) == (6, 0.9)
    assert configured.origins["agent.k"] == "agent main"
    assert configured.origins["fusion.weight"] == "MEMBROWSE_FUSION_WEIGHT"
    assert settings.configured(file, {}).settings.agent.k == 2


def test_a_foreign_directory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    profiles.keep(profile())
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(paths.Untrusted):
        profiles.read("main")
