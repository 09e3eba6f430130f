"""Exported networks are kept by content; a damaged file or a folder that cannot be used is no error."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vidstyle.engines.base import AnyEngine, load_engine
from vidstyle.runtimes import model_cache
from vidstyle.runtimes.model_cache import kept_model


class Exports:
    """Counts what is exported, and gives a model without the seconds that it takes."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, engine: AnyEngine, precision: str) -> bytes:
        self.count += 1
        return f"a model of {engine.info.title}".encode()


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> Exports:
    made = Exports()
    monkeypatch.setattr(model_cache, "onnx_model", made)
    return made


def test_a_network_is_exported_once_and_a_damaged_file_anew(exports: Exports, tmp_path: Path) -> None:
    engine = load_engine("stylenet")
    assert [kept_model(engine, tmp_path) for _ in range(3)] == [b"a model of StyleNet"] * 3
    assert exports.count == 1
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert kept_model(engine, tmp_path) == b"a model of StyleNet" and exports.count == 2


def test_other_weights_are_another_network(exports: Exports, tmp_path: Path) -> None:
    engine = load_engine("stylenet")
    kept_model(engine, tmp_path)
    with torch.no_grad():
        next(iter(engine.parameters())).add_(1e-3)
    kept_model(engine, tmp_path)
    assert exports.count == len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_made_is_no_error(exports: Exports, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert kept_model(load_engine("stylenet"), tmp_path / "file" / "below") == b"a model of StyleNet"
