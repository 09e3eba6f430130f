"""StyleNet against its reference, against a plain implementation, and its statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from vidstyle import weights
from vidstyle.engines.stylenet import NormStatistics, StyleNet, build
from vidstyle.errors import WeightsMismatch, WeightsMissing
from vidstyle.tensors import to_tensor

REFERENCE = Path(__file__).parent.parent / "data" / "stylenet-reference.npz"


@pytest.fixture(scope="module")
def engine() -> StyleNet:
    return build()


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    with np.load(REFERENCE) as file:
        return dict(file)


def plain(tensors: dict[str, Tensor], image: Tensor, embedding: Tensor) -> Tensor:
    """The painter layer by layer, as it is described: slow, and short enough to be seen to be right."""
    film = tensors["painter.film.weight"] @ embedding + tensors["painter.film.bias"]
    shifts = list(torch.split(film, [32] * 20 + [24] * 2))

    def convolve(value: Tensor, name: str, stride: int = 1) -> Tensor:
        kernel = tensors[f"painter.{name}.weight"]
        reach = kernel.shape[-1] // 2
        padded = F.pad(value, (reach,) * 4, mode="reflect")
        return F.conv2d(padded, kernel, tensors.get(f"painter.{name}.bias"), stride)

    def norm(value: Tensor) -> Tensor:
        scale, shift = (shifts.pop(0).view(1, -1, 1, 1) for _ in (0, 1))
        variance, mean = torch.var_mean(value, (2, 3), correction=0, keepdim=True)
        return (value - mean) / (variance + 1e-4).sqrt() * (1 + scale) + shift

    height, width = image.shape[-2:]
    value = F.pad(image - 0.5, (0, -width % 4, 0, -height % 4), mode="reflect")
    value = F.relu(convolve(value, "c1", 2))
    value = F.relu(convolve(value, "c2", 2))
    for block in range(5):
        inner = F.relu(norm(convolve(value, f"r.{2 * block}")))
        value = value + norm(convolve(inner, f"r.{2 * block + 1}"))
    value = F.interpolate(value, scale_factor=2, mode="nearest")
    value = F.relu(norm(convolve(value, "e1")))
    return torch.sigmoid(F.pixel_shuffle(convolve(value, "e2"), 2))[..., :height, :width]


@torch.inference_mode()
def test_descriptor_and_code_equal_the_reference(engine: StyleNet, reference: dict[str, np.ndarray]) -> None:
    style = to_tensor(reference["style"])
    for found, name in ((engine.describe(style), "descriptor"), (engine.encode_style(style), "code")):
        expected = reference[name]
        assert np.linalg.norm(found.numpy() - expected) < 1e-3 * np.linalg.norm(expected)


@torch.inference_mode()
def test_painting_equals_the_reference(engine: StyleNet, reference: dict[str, np.ndarray]) -> None:
    painted = engine.stylize(to_tensor(reference["frame"]), torch.from_numpy(reference["code"])).image
    assert np.abs(painted[0].permute(1, 2, 0).numpy() - reference["result"]).max() < 1e-3


@torch.inference_mode()
@pytest.mark.parametrize("size", [(16, 16), (17, 19), (37, 53), (64, 48), (50, 121)])
def test_painting_equals_the_plain_network_at_any_size(engine: StyleNet, size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(1, 3, *size, generator=generator)
    embedding = torch.randn(100, generator=generator) * 0.7
    expected = plain(weights.load(weights.STYLENET), image, embedding)
    assert (engine.stylize(image, embedding).image - expected).abs().max() < 1e-4


@torch.inference_mode()
def test_statistics_that_were_taken_give_the_same_painting_when_given(engine: StyleNet) -> None:
    image, embedding = torch.rand(1, 3, 50, 70), torch.zeros(100)
    first = engine.stylize(image, embedding)
    assert first.statistics is not None
    assert first.statistics.mean.shape == first.statistics.variance.shape == (344,)
    again = engine.stylize(image, embedding, first.statistics)
    assert again.statistics is first.statistics
    assert (again.image - first.image).abs().max() < 1e-4


@torch.inference_mode()
def test_statistics_are_those_of_float32_at_half_precision(engine: StyleNet) -> None:
    image, embedding = torch.rand(1, 3, 64, 64), torch.zeros(100)
    exact, half = engine.stylize(image, embedding), engine.stylize(image.bfloat16(), embedding)
    assert exact.statistics is not None
    assert half.statistics is not None
    assert half.image.dtype == torch.bfloat16
    assert half.statistics.mean.dtype == half.statistics.variance.dtype == torch.float32
    assert (half.statistics.variance / exact.statistics.variance - 1).abs().max() < 0.05
    assert (half.image.float() - exact.image).abs().mean() < 0.01


@torch.inference_mode()
def test_statistics_of_a_dark_even_picture_stay_finite(engine: StyleNet) -> None:
    painted = engine.stylize(torch.full((1, 3, 40, 40), 0.01), torch.zeros(100))
    assert painted.statistics is not None
    assert torch.isfinite(painted.image).all()
    assert (painted.statistics.variance >= 0).all()


@torch.inference_mode()
def test_a_batch_needs_statistics_and_equals_single_paintings(engine: StyleNet) -> None:
    images, embedding = torch.rand(2, 3, 32, 48), torch.zeros(100)
    statistics = engine.stylize(images[:1], embedding).statistics
    batch = engine.stylize(images, embedding, statistics).image
    for index in (0, 1):
        alone = engine.stylize(images[index : index + 1], embedding, statistics).image
        assert (batch[index : index + 1] - alone).abs().max() < 1e-5
    with pytest.raises(ValueError, match="one by one"):
        engine.stylize(images, embedding)


def test_statistics_move_towards_others() -> None:
    low, high = (
        NormStatistics(torch.zeros(3), torch.ones(3)),
        NormStatistics(torch.ones(3), torch.full((3,), 3.0)),
    )
    moved = low.towards(high, 0.25)
    assert moved.mean.tolist() == [0.25] * 3
    assert moved.variance.tolist() == [1.5] * 3


def test_weights_of_another_network_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"layer.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(
        WeightsMismatch, match=r"other\.safetensors does not hold StyleNet's weights"
    ) as caught:
        build(path)
    assert "\n" not in str(caught.value)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.safetensors"
    tensors = weights.load(weights.STYLENET)
    tensors["painter.c1.bias"] = torch.zeros(25)
    save_file(tensors, path)
    with pytest.raises(WeightsMismatch, match=r"painter\.c1\.bias"):
        build(path)


def test_missing_weights_say_so(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"gone\.safetensors"):
        build(tmp_path / "gone.safetensors")
