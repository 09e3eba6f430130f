"""Which runtime paints, what reports and ``doctor`` say of it, and what cannot be."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from clips import shapes

import vidstyle
from vidstyle.cli.main import main
from vidstyle.engines.base import AnyEngine, load_engine
from vidstyle.errors import DeviceError, OptionError
from vidstyle.frames import Pixels
from vidstyle.registry import RUNTIMES
from vidstyle.runtimes import choice
from vidstyle.runtimes.choice import automatic, choose_runtime, missing
from vidstyle.runtimes.exported_engine import Array, Session
from vidstyle.runtimes.openvino import OpenVino

CPU = torch.device("cpu")
PLUGIN = "onnxruntime_ep_nv_tensorrt_rtx"
pytestmark = pytest.mark.usefixtures("shared_cache")


@pytest.fixture(scope="module")
def engine() -> AnyEngine:
    return load_engine("stylenet")


def test_automatic_is_a_rule_on_hardware_and_installed_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    assert automatic(torch.device("cuda")) == ("torch", "the device is cuda")
    monkeypatch.setattr(choice, "has_bfloat16", lambda: True)
    assert automatic(CPU) == ("torch", "the CPU has bfloat16")
    monkeypatch.setattr(choice, "has_bfloat16", lambda: False)
    assert automatic(CPU) == ("openvino", "the CPU has no bfloat16")
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert automatic(CPU) == ("torch", "openvino is not installed")
    assert missing("openvino") == ("openvino",)


def test_engines_without_a_network_run_in_torch(engine: AnyEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "has_bfloat16", lambda: False)
    gatys = load_engine("gatys", None, {"features": "small"})
    assert choose_runtime("auto", gatys, CPU).name == "torch"
    assert choose_runtime("auto", engine, CPU).name == "openvino"
    with pytest.raises(OptionError, match="runs in torch only, not in OpenVINO; leave out --runtime"):
        choose_runtime("openvino", gatys, CPU).runtime.prepared(gatys, torch.float32, CPU)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_a_runtime_of_the_cpu_refuses_other_devices(name: str, engine: AnyEngine) -> None:
    with pytest.raises(OptionError, match=f"--runtime {name} computes on cpu, not on cuda; leave it out, or"):
        choose_runtime(name, engine, torch.device("cuda"))


def test_tensorrt_without_its_library_or_a_gpu_is_one_line(
    engine: AnyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OptionError, match="--runtime tensorrt computes on cuda, not on cpu; leave it out"):
        choose_runtime("tensorrt", engine, CPU)
    runtime = choose_runtime("tensorrt", engine, torch.device("cuda")).runtime
    monkeypatch.setitem(sys.modules, PLUGIN, None)
    needed = "the runtime TensorRT needs onnxruntime-ep-nv-tensorrt-rtx-cu13, which is not installed; "
    with pytest.raises(OptionError, match=needed + r"pip install 'vidstyle\[tensorrt\]'"):
        runtime.prepared(engine, torch.float16, torch.device("cuda"))
    plugin = ModuleType(PLUGIN)  # a plug-in whose libraries cannot be loaded, as without a driver
    vars(plugin).update(get_ep_name=lambda: "Nothing", get_library_path=lambda: "/nowhere/libnothing.so")
    monkeypatch.setitem(sys.modules, PLUGIN, plugin)
    refused = r"TensorRT cannot be loaded \(.*nowhere.*\); use --runtime torch"
    with pytest.raises(DeviceError, match=refused) as caught:
        runtime.prepared(engine, torch.float16, torch.device("cuda"))
    assert "\n" not in str(caught.value)


def test_what_is_no_runtime_is_refused(engine: AnyEngine) -> None:
    with pytest.raises(OptionError, match=r"a runtime must be a vidstyle\.Runtime, and builtins:dict is"):
        choose_runtime(dict, engine, CPU)
    with pytest.raises(OptionError, match="no runtime named 'openvin'; did you mean 'openvino'"):
        vidstyle.Stylizer("waves", runtime="openvin")


@pytest.mark.parametrize(
    ("runtime", "precision", "expected"),
    [("torch", "bf16", "bfloat16"), ("onnxruntime", "auto", "float32"), ("openvino", "bf16", "bfloat16")],
)
def test_precisions_are_those_that_a_runtime_computes_in(runtime: str, precision: str, expected: str) -> None:
    assert str(RUNTIMES.load(runtime)().precision(precision, CPU)) == f"torch.{expected}"


def test_a_precision_that_a_runtime_lacks_is_one_line() -> None:
    with pytest.raises(OptionError, match="ONNX Runtime does not compute in bf16; there are: auto, fp32"):
        vidstyle.Stylizer("waves", engine="stylenet", runtime="onnxruntime", precision="bf16")


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_a_missing_library_is_named_with_its_extra(
    name: str,
    plain_clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    arguments = ["--style", "waves", "--runtime", name, "-o", str(tmp_path / "a.mkv")]
    assert main(["run", str(plain_clip), *arguments]) == 1
    extra = {"onnxruntime": "onnx"}.get(name, name)
    error = capsys.readouterr().err
    assert f"needs {name}, which is not installed; pip install 'vidstyle[{extra}]'" in error
    assert error.count("\n") == 1 and not list(tmp_path.iterdir())
    assert main(["doctor"]) == 0
    assert f"no {name}: {name} not installed; pip install 'vidstyle[{extra}]'" in capsys.readouterr().out


@pytest.mark.slow(reason="paints a clip in two runtimes, and may wait for the export of a network")
@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_the_log_and_the_report_of_a_run_name_its_runtime(
    name: str, plain_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "run.json"
    arguments = ["--engine", "stylenet", "--runtime", name, "--json", str(report), "--frames", "3", "-v"]
    target = str(tmp_path / "a.mkv")
    assert main(["run", str(plain_clip), "--style", "waves", *arguments, "-o", target]) == 0
    assert json.loads(report.read_text(encoding="utf-8"))["options"]["runtime"] == name
    title = RUNTIMES.load(name).info.title
    assert f"inside a shot the network runs in {title} (as asked for)" in capsys.readouterr().err


class Counting(OpenVino):
    """OpenVINO, and the sizes that it has painted."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, ...]] = []

    def session(self, model: bytes, precision: torch.dtype) -> Session:
        inner = super().session(model, precision)

        def run(frame: Array, inputs: Sequence[Array]) -> Array:
            self.sizes.append(frame.shape[2:])
            return inner(frame, inputs)

        return run


@pytest.mark.slow(reason="paints a clip large enough to be repainted in parts")
def test_parts_of_frames_are_painted_by_a_runtime_that_is_an_object() -> None:
    runtime = Counting()
    frames = shapes(10, 320, 256)
    results = _painted(frames, runtime)
    assert len(runtime.sizes) > 3
    assert all(height % 4 == 0 and width % 4 == 0 for height, width in runtime.sizes)
    expected = _painted(frames, "torch")
    gaps = [np.abs(one.astype(int) - other) for one, other in zip(results, expected, strict=True)]
    assert max(gap.mean() for gap in gaps) < 0.1


def _painted(frames: list[Pixels], runtime: object) -> list[Pixels]:
    stylizer = vidstyle.Stylizer(
        "waves", engine="stylenet", runtime=runtime, precision="fp32", device="cpu", detail=0
    )
    return list(stylizer.frames(frames))


def test_doctor_says_what_auto_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    output = capsys.readouterr().out
    name, why = automatic(CPU)
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert f"--runtime auto takes {name}: {why}" in output
    assert "openvino: OpenVINO 20" in output


@pytest.mark.slow(reason="may wait for the export of a network")
def test_style_embeddings_kept_by_one_runtime_serve_another(tmp_path: Path) -> None:
    for runtime in ("torch", "openvino"):
        vidstyle.Stylizer("waves", engine="stylenet", runtime=runtime, style_cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
