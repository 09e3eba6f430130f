"""Files of weights: found, checked, loaded, or refused in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vidstyle import weights
from vidstyle.errors import WeightsMismatch, WeightsMissing
from vidstyle.weights import Weights


def a_file(path: Path, value: float = 1.0) -> Weights:
    """Weights of one number at ``path``, and the record that fits them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"layer": torch.tensor([value])}, path, {"made by": "a test"})
    return Weights(path.name, weights.sha256(path), "CC0", "python3 train.py")


@pytest.mark.parametrize("record", weights.BUNDLED, ids=lambda record: record.file)
def test_bundled_weights_are_there_whole_and_of_known_origin(record: Weights) -> None:
    assert weights.find(record).parent == weights.ASSETS
    assert weights.load(record)
    assert record.file in (weights.ASSETS / "ORIGIN.md").read_text(encoding="utf-8")


def test_a_folder_of_the_environment_comes_before_the_bundled_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(weights.find(weights.STYLENET), tmp_path)
    monkeypatch.setenv("VIDSTYLE_WEIGHTS", str(tmp_path))
    assert weights.find(weights.STYLENET).parent == tmp_path


def test_the_users_cache_is_looked_in_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    record = a_file(tmp_path / "vidstyle" / "extra.safetensors")
    assert weights.find(record) == tmp_path / "vidstyle" / "extra.safetensors"


def test_missing_weights_say_where_was_looked_and_what_gets_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDSTYLE_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsMissing) as caught:
        weights.find(Weights("gone.safetensors", "00", "CC0", "python3 train.py"))
    message = str(caught.value)
    assert all(part in message for part in ("gone.safetensors", str(tmp_path), "python3 train.py"))
    assert "\n" not in message


def test_weights_with_another_checksum_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDSTYLE_WEIGHTS", str(tmp_path))
    record = a_file(tmp_path / "some.safetensors")
    a_file(tmp_path / "some.safetensors", 2.0)
    with pytest.raises(WeightsMismatch, match=r"is not the some\.safetensors expected"):
        weights.find(record)


def test_a_file_that_changed_is_hashed_anew(tmp_path: Path) -> None:
    path = tmp_path / "some.bin"
    path.write_bytes(b"one")
    first = weights.sha256(path)
    path.write_bytes(b"other")
    assert weights.sha256(path) != first


def test_any_safetensors_file_loads_with_its_words(tmp_path: Path) -> None:
    a_file(tmp_path / "own.safetensors", 3.0)
    assert weights.load(tmp_path / "own.safetensors")["layer"].item() == 3.0
    assert weights.metadata(tmp_path / "own.safetensors") == {"made by": "a test"}


@pytest.mark.parametrize("content", [b"", b"not weights", b"\xff" * 100])
def test_a_file_that_holds_no_weights_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "own.safetensors"
    path.write_bytes(content)
    for read in (weights.load, weights.metadata):
        with pytest.raises(WeightsMismatch, match="is not a safetensors file") as caught:
            read(path)
        assert "\n" not in str(caught.value)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="no weights file"):
        weights.load(tmp_path / "gone.safetensors")
