"""Networks in 8 bits paint nearly what engines do, in both runtimes from one file."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import onnx
import pytest
import torch
from exported import feed_of, in_onnxruntime, in_openvino, model_of, painted, photograph

from vidstyle.cli.main import main
from vidstyle.runtimes import quantization
from vidstyle.runtimes.onnx_export import METADATA
from vidstyle.styles.pictures import load
from vidstyle.tensors import to_tensor
from vidstyle.weights import ASSETS

_SLOW = pytest.mark.slow(reason="exports a network and calibrates it")


@_SLOW
@pytest.mark.usefixtures("shared_cache")
@pytest.mark.parametrize(
    ("name", "kept", "more"),
    [("stylenet", 2, ["--calibrate", str(ASSETS / "contents")]), ("wct-single-pass", 11, [])],
)
def test_a_network_in_8_bits_is_smaller_and_paints_nearly_the_same(
    name: str,
    kept: int,
    more: list[str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quantization, "_SAMPLES", 6)  # instead of 24, for time
    file = tmp_path / "net.onnx"
    assert main(["export-onnx", "--engine", name, "--precision", "int8", *more, "-o", str(file)]) == 0
    output, error = capfd.readouterr()
    assert output.startswith(f"{file}: {name} in int8") and output.count("\n") == 2 and error == ""
    model = onnx.load(file)
    assert (
        json.loads({entry.key: entry.value for entry in model.metadata_props}[METADATA])["precision"]
        == "int8"
    )
    nodes = Counter(node.op_type for node in model.graph.node)
    assert nodes["Conv"] - nodes["QuantizeLinear"] == kept
    assert file.stat().st_size < 0.8 * len(model_of(name))
    image = photograph(200, 296)
    expected, inputs = painted(name, image, to_tensor(load("waves")))
    for session in (in_onnxruntime(file.read_bytes()), in_openvino(file.read_bytes())):
        result = torch.from_numpy(session(feed_of(name, image, inputs)))[..., :200, :296]
        assert 1e-4 < float((result - expected).abs().mean()) < 0.02


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--calibrate", "clip.mp4"],
            "--calibrate is for --precision int8; leave out --calibrate, or",
        ),
        (["--precision", "int8", "--calibrate", "none.mp4"], "none.mp4"),
        (
            ["--precision", "int8", "--calibrate", "empty"],
            "empty holds no pictures and no clips",
        ),
    ],
)
def test_what_cannot_be_calibrated_is_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    assert main(["export-onnx", "--engine", "stylenet", *arguments, "-o", "net.onnx"]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not Path("net.onnx").exists()


def test_a_missing_library_of_int8_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nncf", None)
    assert main(["export-onnx", "--precision", "int8", "-o", str(tmp_path / "net.onnx")]) == 1
    message = "--precision int8 needs nncf, which is not installed; pip install 'vidstyle[int8]'\n"
    assert capsys.readouterr().err.endswith(message)
    assert not list(tmp_path.iterdir())
