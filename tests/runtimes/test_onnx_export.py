"""Exported networks paint what their engines do, at any size, in ONNX Runtime and in OpenVINO."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import onnx
import pytest
import torch
from exported import engine_of, feed_of, in_onnxruntime, in_openvino, model_of, painted, photograph

from vidstyle.cli.main import main
from vidstyle.runtimes.onnx_export import METADATA
from vidstyle.styles.pictures import load
from vidstyle.tensors import to_tensor

pytestmark = [
    pytest.mark.slow(reason="torch records and translates the graph of an engine in some seconds"),
    pytest.mark.usefixtures("shared_cache"),
]
ENGINES, OTHERS = ["stylenet", "wct-single-pass"], ["wct", "adain", "photoreal"]
SIZES = [(16, 16), (37, 53), (64, 48), (120, 200), (241, 163)]
FEW = [(16, 16), (37, 53), (121, 83)]


@pytest.mark.parametrize("name", [*ENGINES, *OTHERS])
def test_a_model_paints_what_its_engine_does_at_any_size_in_both_runtimes(name: str) -> None:
    style = to_tensor(load("waves"))
    sessions = [in_onnxruntime(model_of(name)), in_openvino(model_of(name))]
    for height, width in SIZES if name in ENGINES else FEW:
        image = photograph(height, width)
        expected, inputs = painted(name, image, style)
        for session in sessions:
            result = torch.from_numpy(session(feed_of(name, image, inputs)))[..., :height, :width]
            assert result.shape == expected.shape
            gap = float((result - expected).abs().max())
            assert gap < 1e-3, f"{name} at {width}x{height} differs by {gap}"
    batch = torch.cat([photograph(64, 80), photograph(64, 80).flip(3), 1 - photograph(64, 80)])
    expected, inputs = painted(name, batch, style)
    for session in sessions:
        assert float((torch.from_numpy(session(feed_of(name, batch, inputs))) - expected).abs().max()) < 1e-3
    _check_graph(model_of(name))


def _check_graph(model: bytes) -> None:
    """Sides of images are free, the rest is fixed, and nothing is slow in a runtime or unknown to one."""
    graph = onnx.load_model_from_string(model).graph
    kinds = Counter(node.op_type for node in graph.node)
    assert not set(kinds) & {"ScatterElements", "ScatterND", "SplitToSequence", "SequenceAt", "If", "Loop"}
    assert sum(kinds.values()) < 250
    shapes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert shapes.pop("image") == shapes.pop("painted") == ["batch", 3, "rows", "columns"]
    assert all(isinstance(side, int) for shape in shapes.values() for side in shape)


def test_a_model_in_float16_is_half_as_large_and_paints_nearly_the_same() -> None:
    name = "stylenet"
    half = model_of(name, "fp16")
    assert len(half) < 0.65 * len(model_of(name))
    image = photograph(96, 136)
    expected, inputs = painted(name, image, to_tensor(load("waves")))
    for session in (in_onnxruntime(half), in_openvino(half)):
        result = torch.from_numpy(session(feed_of(name, image, inputs)))
        assert 1e-6 < float((result - expected).abs().mean()) < 0.003
    assert all(value.dtype == torch.float32 for value in engine_of(name).state_dict().values())


def test_a_model_says_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "net.onnx"
    assert main(["export-onnx", "--engine", "stylenet", "-o", str(file)]) == 0
    assert "stylenet in fp32, 0.6 MB" in capsys.readouterr().out
    facts = {entry.key: json.loads(entry.value) for entry in onnx.load(file).metadata_props}[METADATA]
    assert (facts["engine"], facts["precision"], facts["multiple"]) == ("StyleNet", "fp32", 4)
    assert facts["inputs"] == ["scale", "shift"]
