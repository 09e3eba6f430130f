"""Networks that torch.compile has compiled, by an engine that is small enough for tests."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle.cli.main import main
from vidstyle.engines.base import AnyEngine, Engine, EngineInfo, Painted, load_engine
from vidstyle.engines.network import Network
from vidstyle.errors import OptionError
from vidstyle.runtimes import compiled
from vidstyle.runtimes.base import Runtime
from vidstyle.runtimes.compiled import Compiled
from vidstyle.tensors import to_tensor
from vidstyle.testing import RuntimeContract

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of each channel of a whole frame, (3,)."""

    mean: Tensor

    def towards(self, other: Mean, share: float) -> Mean:
        return Mean(self.mean + (other.mean - self.mean) * share)

    def tensors(self) -> Mapping[str, Tensor]:
        return {"mean": self.mean}


class BlurNetwork(Network[Tensor, Mean]):
    multiple: ClassVar[int] = 4
    names = ("change",)

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3, padding=1, groups=3, bias=False)
        nn.init.constant_(self.convolution.weight, 1 / 9)
        self.requires_grad_(False)

    def inputs(self, style: Tensor, statistics: Mean) -> list[Tensor]:
        return [(style - statistics.mean).float().cpu().view(1, 3, 1, 1)]

    def forward(self, image: Tensor, inputs: Sequence[Tensor]) -> Tensor:
        moved = F.conv2d(image, self.convolution.weight.to(image), padding=1, groups=3) + inputs[0]
        return torch.sigmoid(4 * moved - 2)


class Blur(Engine[Tensor, Mean]):
    """Blurs a frame, and moves its mean colour to that of the style, which is a colour (3,)."""

    info = EngineInfo(title="Blur", receptive_field=1, multiple=4)

    def __init__(self) -> None:
        super().__init__()
        self.network = BlurNetwork()

    def encode_style(self, image: Tensor) -> Tensor:
        return image.float().mean((0, 2, 3))

    def mix(self, styles: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        return torch.stack([style * weight for style, weight in zip(styles, weights, strict=True)]).sum(0)

    def exportable(self) -> Network[Tensor, Mean]:
        return self.network

    def stylize(self, image: Tensor, style: Tensor, statistics: Mean | None = None) -> Painted[Mean]:
        if statistics is None:
            statistics = Mean(image.float().mean((0, 2, 3)))
        height, width = image.shape[-2:]
        padded = F.pad(image, (0, -width % 4, 0, -height % 4), mode="reflect")
        inputs = [part.to(image) for part in self.network.inputs(style, statistics)]
        return Painted(self.network(padded, inputs)[..., :height, :width], statistics)


@pytest.fixture(autouse=True)
def _all_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's pictures are small."""
    monkeypatch.setattr(compiled, "_LEAST", 0)


@pytest.mark.slow(reason="compiles a network in two number formats")
class TestCompiled(RuntimeContract):
    def make(self) -> Runtime:
        return Compiled()

    def engine(self) -> AnyEngine:
        return Blur()


def test_small_pictures_are_painted_by_the_engine_and_others_as_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compiled, "_LEAST", 40 * 40)
    monkeypatch.setattr(compiled.CompiledEngine, "compile_now", lambda self: None)
    made = Compiled().prepared(Blur(), torch.float32, CPU)
    sizes: list[tuple[int, ...]] = []

    def compute(image: Tensor, inputs: list[Tensor]) -> Tensor:
        sizes.append(image.shape[2:])
        return image.clone()

    monkeypatch.setattr(made, "compute", compute)
    for side in (37, 40, 50):
        made.stylize(torch.rand(1, 3, side, side), torch.zeros(3), Mean(torch.zeros(3)))
    assert sizes == [(40, 40), (52, 52)]


def test_images_have_the_strides_that_were_compiled_however_they_were_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strides: list[tuple[int, ...]] = []

    def painted(image: Tensor, inputs: list[Tensor]) -> Tensor:
        strides.append(image.stride())
        return image.clone()

    monkeypatch.setattr(torch, "compile", lambda network, **_: painted)
    made = Compiled().prepared(Blur(), torch.float32, CPU)
    part = to_tensor(np.zeros((20, 24, 3), np.uint8))
    padded = to_tensor(np.zeros((19, 23, 3), np.uint8))
    strides.clear()
    for image in (part, padded, part.contiguous(), torch.rand(1, 3, 20, 24)):
        made.stylize(image, torch.zeros(3), Mean(torch.zeros(3)))
    assert strides == [(1440, 1, 72, 3)] * 4


def test_parts_come_in_few_sizes_where_there_are_cuda_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    class OnCuda(compiled.CompiledEngine[Tensor, Mean]):
        def to(self, *arguments: object, **keywords: object) -> OnCuda:
            return self  # there may be no GPU

    engine = Blur()
    monkeypatch.setattr(torch, "__version__", "2.14.0")
    made = OnCuda(engine, engine.exportable(), torch.float16, torch.device("cuda"))
    assert (made.info.grid, engine.info.grid) == (64, 1)


def test_a_machine_without_a_compiler_is_told_what_to_install(
    plain_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    target = tmp_path / "a.mkv"
    arguments = ["--style", "waves", "--engine", "stylenet", "--runtime", "compiled", "--device", "cpu"]
    assert main(["run", str(plain_clip), *arguments, "-o", str(target)]) == 1
    error = capsys.readouterr().err
    assert "--runtime compiled needs a C++ compiler, and no-such-compiler is not installed; " in error
    assert error.count("\n") == 1 and not target.exists()
    assert main(["doctor"]) == 0
    assert "no compiled: --runtime compiled needs a" in capsys.readouterr().out


def test_a_gpu_without_triton_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        OptionError, match="needs Triton on a GPU, which is not installed; pip install triton"
    ):
        Compiled().check(torch.device("cuda"))


def test_a_compiler_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object) -> None:
        raise RuntimeError("cc1plus:\nno space left")

    monkeypatch.setattr(compiled.CompiledEngine, "compile_now", fail)
    said = (
        r"torch\.compile cannot compile the network of Blur here \(RuntimeError: cc1plus: no space left\); "
    )
    with pytest.raises(OptionError, match=said + "leave out --runtime compiled"):
        Compiled().prepared(Blur(), torch.float32, CPU)


def test_an_engine_without_a_network_is_not_compiled() -> None:
    gatys = load_engine("gatys", None, {"features": "small"})
    with pytest.raises(OptionError, match=r"runs in torch only, not in torch\.compile; leave out --runtime"):
        Compiled().prepared(gatys, torch.float32, CPU)


def test_what_is_compiled_is_kept_in_the_cache_folder(
    shared_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setattr(compiled.CompiledEngine, "compile_now", lambda self: None)
    Compiled().prepared(Blur(), torch.float32, CPU)
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(shared_cache / "compiled")
