"""Settings: defaults, file, environment; bad ones are named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec import inspect

from membrowse.settings import (
    FusionMethod,
    RootSettings,
    Settings,
    SettingsError,
    configured,
    fixed_keys,
    flat,
    load,
    overridden,
    saved_configurations,
)
from membrowse.wire.overrides import Value
from membrowse.wire.tuning import TUNABLE


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load(tmp_path / "none.toml", {}) == Settings()


def test_the_environment_outranks_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[fusion]\nweight = 0.2\nmethod = "rrf"\n[keyword.weights]\ntitle = 4.0\n')
    variables = {"MEMBROWSE_FUSION_WEIGHT": "0.9", "MEMBROWSE_KEYWORD_WEIGHTS_BODY": "2.5"}
    settings = load(file, variables)
    assert settings.fusion.weight == 0.9
    assert settings.fusion.method is FusionMethod.RRF
    assert settings.keyword.weights.title == 4.0
    assert settings.keyword.weights.body == 2.5


def test_plain_strings_need_no_quotes_in_the_environment(tmp_path: Path) -> None:
    settings = load(tmp_path / "none.toml", {"MEMBROWSE_RERANK_METHOD": "none"})
    assert settings.rerank.method == "none"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[fusion]\nweight = 1.5\n", "fusion.weight"),
        ("[fusion]\nwheight = 0.5\n", "wheight"),
        ("[fussion]\n", "fussion"),
        ("[fusion\n", "TOML"),
        ("fusion = 3\n", "fusion"),
        ('[notes]\ninclude = ["[z-a]*"]\n', "the range z-a is reversed.*notes"),
        ('[notes]\ninclude = ["a[b"]\n', "include.*not closed"),
        ("[collections.ops]\n", "roots"),
        ("[collections.ops]\nroots = {}\n", "`roots` is empty"),
        ('[collections."a/b"]\nroots = { x = "/x" }\n', "'a/b' cannot be the name of a coll"),
        ('[collections.ops]\nroots = { "a/b" = "/x" }\n', "'a/b' cannot be the name of a root"),
        ('[collections.ops]\nroots = { ".." = "/x" }\n', "'..' cannot be the name of a root"),
        ('[collections.ops]\nroots = { x = "notes" }\n', "'notes' is not an absolute path"),
        (
            '[collections.ops]\nroots = { x = "/x", y = "/x/y/.." }\n',
            "roots x and y are the same directory",
        ),
        ('[collections.ops]\nroots = { x = "/x/y", z = "/x" }\n', "x .*/x/y. lies in the root z"),
        ('[collections.ops.roots.x]\npath = "/x"\ninclude = ["a[b"]\n', "include.*not closed"),
        ('[collections.ops.roots.x]\npath = "/x"\nincude = ["a"]\n', "incude"),
        ("[collections.ops.roots]\nteam = 3\n", r"at `collections\.ops\.roots\.team`"),
        (
            '[collections.one.roots]\nx = "/x"\n[collections."b c".roots.x]\npath = "/x"\n'
            "include = [3]\n",
            r'at `collections\."b c"\.roots\.x\.include\[0\]`',
        ),
        (
            '[collections.a.roots]\nx = "/x"\n[collections.b.roots]\ny = "notes"\n',
            r"the root y: 'notes' is not .* at `collections\.b`",
        ),
        ("[notes.encodings]\n'*.md' = 'utf-8'\n'a.b' = 3\n", r'at `notes\.encodings\."a\.b"`'),
        ('[store]\nkind = "postgres"\n', "postgres"),
        ('[store]\nuri = "tcp://host:19530"\n', "begins with http:// or https://"),
        ('[store]\nuri = "http://ada:pw@host"\n', "set MEMBROWSE_MILVUS_TOKEN"),
        ('[store]\nuri = "memory.db"\n', "a file needs its whole path"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, content: str, named: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(content)
    with pytest.raises(SettingsError, match=named) as raised:
        load(file, {})
    assert str(file) in str(raised.value)


def test_a_root_is_a_path_or_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    file = tmp_path / "config.toml"
    file.write_text(
        '[collections.ops]\nroots = { own = "~/notes", team = { path = "~/a/../b" } }\n'
        '[collections.all.roots.more]\npath = "/more"\ninclude = ["*.md"]\n'
    )
    found = load(file, {"MEMBROWSE_COLLECTIONS_ONE": '{ roots = { x = "/x" } }'}).collections
    assert found["ops"].roots["own"] == "~/notes"
    team = found["ops"].roots["team"]
    assert isinstance(team, RootSettings) and team.expanded == Path("/home/ada/b")
    assert sorted(found) == ["all", "one", "ops"]
    assert flat(load(file, {}))["collections"]["all"] == {
        "roots": {"more": {"path": "/more", "include": ("*.md",)}}
    }


def test_a_bad_variable_is_told_apart_from_the_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="variables"):
        load(tmp_path / "none.toml", {"MEMBROWSE_AGENT_K": "0"})


def test_the_digest_changes_with_what_shapes_a_ranking_only(tmp_path: Path) -> None:
    def digest(**variables: str) -> str:
        return load(tmp_path / "none.toml", variables).digest

    assert digest(MEMBROWSE_FUSION_WEIGHT="0.6") != digest()
    assert digest(MEMBROWSE_UI_THEME="nord") == digest()
    assert digest(MEMBROWSE_STORE_KIND="milvus") != digest()
    assert digest(MEMBROWSE_STORE_URI="/unused.db") == digest()


def test_single_settings_are_changed_by_their_keys() -> None:
    changed = overridden(
        Settings(),
        {"fusion.weight": 1, "fusion.method": "rrf", "keyword.weights.title": 2.0, "agent.k": 7},
    )
    assert changed.fusion.weight == 1.0
    assert changed.fusion.method is FusionMethod.RRF
    assert changed.keyword.weights.title == 2.0
    assert changed.agent.k == 7
    assert changed.rerank == Settings().rerank
    assert overridden(changed, {}) == changed


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("fusion.weight", 1.5, "<= 1"),
        ("fusion.weight", "much", "float"),
        ("fusion.method", "best", "best"),
        ("fusion.wheight", 0.5, "no such"),
        ("fusion", 0.5, "no such"),
        ("fusion.weight.more", 0.5, "no such"),
        ("keyword.weights", 1.0, "no such"),
        ("rerank.pool", 0, ">= 1"),
        ("rerank.pool", True, "int"),
        ("rerank.model", "a/model", "start"),
        ("rerank.method", "cross-encoder", "rerank.model"),
        ("notes.max_bytes", 1, "settings file"),
        ("encoder.model", "other", "settings file"),
        ("engine.idle_minutes", 1, "settings file"),
        ("ui.theme", "nord", "settings file"),
        ("nothing", 1, "no such"),
        ("", 1, "no such"),
    ],
)
def test_an_override_that_cannot_be_used_is_named(key: str, value: Value, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason) as raised:
        overridden(Settings(), {key: value})
    assert str(raised.value).startswith(key)


def test_whatever_the_panel_offers_can_be_changed() -> None:
    values = flat(Settings())
    assert overridden(Settings(), {key: values[key] for key in TUNABLE}) == Settings()


def test_a_saved_configuration_lies_between_file_and_environment(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[fusion]\nweight = 0.2\n[rerank]\npool = 20\nblend = 0.3\n")
    saved = saved_configurations.configurations_file(file)
    saved_configurations.save_configuration(
        saved, "mine", {"fusion.weight": 0.7, "rerank.pool": 70}
    )
    variables = {"MEMBROWSE_RERANK_POOL": "90"}
    found = configured(file, variables)
    assert found.settings.fusion.weight == 0.7
    assert (found.settings.rerank.pool, found.settings.rerank.blend) == (90, 0.3)
    assert found.origins["fusion.weight"] == "saved configuration mine"
    assert found.origins["rerank.pool"] == "MEMBROWSE_RERANK_POOL"
    assert found.origins["rerank.blend"] == str(file)
    assert found.origins["agent.k"] == "default"
    assert fixed_keys(variables) == ("rerank.pool",)
    assert fixed_keys({"MEMBROWSE_RERANK_pool": "70"}) == ("rerank.pool",)


def test_configurations_are_saved_used_and_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "config" / "tunings.json"
    saved_configurations.save_configuration(file, "one", {"agent.k": 3})
    assert saved_configurations.save_configuration(file, " two ", {"agent.k": 4}).in_force == "two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert saved_configurations.use_configuration(file, "one").overrides == {"agent.k": 3}
    assert saved_configurations.use_configuration(file, "").overrides == {}
    saved_configurations.use_configuration(file, "two")
    assert saved_configurations.delete_configuration(file, "two").in_force == ""
    assert [saved.name for saved in saved_configurations.read_configurations(file).listed()] == [
        "one"
    ]
    assert [path.name for path in file.parent.iterdir()] == ["tunings.json"]


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 61, "\x1b[31m"])
def test_a_configuration_needs_a_name_that_can_be_shown(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="name"):
        saved_configurations.save_configuration(tmp_path / "tunings.json", name, {})


def test_a_name_that_is_not_saved_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tunings.json"
    for change in (
        saved_configurations.use_configuration,
        saved_configurations.delete_configuration,
    ):
        with pytest.raises(SettingsError, match="nobody"):
            change(file, "nobody")
    assert not file.exists()


def test_a_damaged_file_of_configurations_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    saved = saved_configurations.configurations_file(file)
    saved.write_text("{")
    found = configured(file, {})
    assert found.settings == Settings()
    assert str(saved) in found.problem
    with pytest.raises(SettingsError, match=str(saved)):
        saved_configurations.save_configuration(saved, "one", {})
    assert saved.read_text() == "{"


@pytest.mark.parametrize("content", [b'{"in_force": "\xff"}', b"[" * 100_000, b"{"])
def test_damaged_saved_configurations_are_an_error_with_the_file(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "tunings.json"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"tunings\.json: the saved configurations"):
        saved_configurations.read_configurations(file)
    assert "tunings.json" in configured(tmp_path / "config.toml", {}).problem


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("agent.min_score", "nan", "from -1,000 to 1,000"),
        ("keyword.k1", "inf", "from 0 to 1,000"),
        ("keyword.k1", "-0.1", "from 0 to 1,000"),
        ("engine.check_seconds", "0", "from 1 to 86,400"),
        ("engine.idle_minutes", "nan", "from 0 to 1,000,000"),
        ("journal.keep_days", "-1", "from 0 to 36,500"),
        ("rerank.pool", "1000000000", "from 1 to 10,000"),
    ],
)
def test_a_number_out_of_range_is_named_with_file_and_range(
    tmp_path: Path, key: str, value: str, said: str
) -> None:
    section, name = key.split(".")
    file = tmp_path / "config.toml"
    file.write_text(f"[{section}]\n{name} = {value}\n")
    with pytest.raises(SettingsError) as caught:
        load(file, {})
    for part in (str(file), key, said):
        assert part in str(caught.value)
    with pytest.raises(SettingsError, match=key):
        load(tmp_path / "none.toml", {f"MEMBROWSE_{section}_{name}".upper(): value})


def test_every_number_has_a_range() -> None:
    def numbers(node: type[msgspec.Struct], prefix: str = "") -> Iterator[tuple[str, bool]]:
        for field in msgspec.structs.fields(node):
            kind = inspect.type_info(field.type)
            if isinstance(kind, inspect.StructType):
                yield from numbers(kind.cls, f"{prefix}{field.name}.")
            elif isinstance(kind, inspect.IntType | inspect.FloatType):
                yield f"{prefix}{field.name}", None not in (kind.ge, kind.le)

    bounded = dict(numbers(Settings))
    assert len(bounded) > 20
    assert [key for key, both in bounded.items() if not both] == []


def test_an_override_is_finite() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(SettingsError, match=r"agent\.min_score"):
            overridden(Settings(), {"agent.min_score": value})
