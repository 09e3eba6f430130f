"""``vidstyle export-onnx`` where it cannot be: one line, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidstyle.cli.main import main
from vidstyle.engines.base import load_engine
from vidstyle.runtimes import model_cache
from vidstyle.runtimes.model_cache import kept_model


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "net.pt"], "networks are written as .onnx, not as 'net.pt'"),
        (["-o", "nowhere/net.onnx"], "no folder nowhere for --output; make it first"),
        (["-o", "there.onnx"], "there.onnx exists already; give --overwrite to replace it"),
        (["-o", "net.onnx", "--engine", "gatys"], "cannot be exported; those of stylenet, wct, "),
        (["-o", "net.onnx", "--engine", "adain"], "adain comes without weights: give --weights FILE"),
        (["-o", "net.onnx", "--weights", "there.onnx"], "there.onnx is not a safetensors file"),
    ],
)
def test_what_cannot_be_exported_is_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.onnx").write_bytes(b"x")
    assert main(["export-onnx", *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["there.onnx"]


@pytest.mark.parametrize("library", ["onnx", "onnxscript"])
def test_a_missing_library_is_named_with_its_extra(
    library: str,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))  # without the network
    monkeypatch.setitem(__import__("sys").modules, library, None)
    assert main(["export-onnx", "--engine", "stylenet", "-o", str(tmp_path / "net.onnx")]) == 1
    message = f"exporting a network needs {library}, which is not installed; pip install 'vidstyle[onnx]'\n"
    assert capsys.readouterr().err.endswith(message)
    assert not list(tmp_path.iterdir())


def test_a_network_that_is_kept_is_not_exported_again(
    tmp_path: Path, shared_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = kept_model(load_engine("stylenet"))
    monkeypatch.setattr(model_cache, "onnx_model", None)
    assert main(["export-onnx", "--engine", "stylenet", "-o", str(tmp_path / "net.onnx")]) == 0
    assert (tmp_path / "net.onnx").read_bytes() == kept
