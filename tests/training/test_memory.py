"""Style pictures that come again are encoded once, and remembered as what they were."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vidstyle.losses.step_features import StepFeatures, at_area
from vidstyle.nn.encoder_features import gram, scaled
from vidstyle.nn.vgg import bundled
from vidstyle.training.memory import StyleMemory

LAYERS = ("conv1_1", "conv3_1")


def picture() -> Tensor:
    return torch.rand(1, 3, 40, 56, generator=torch.Generator().manual_seed(3))


def test_remembered_statistics_are_those_of_the_picture() -> None:
    features = scaled(bundled(), at_area(picture(), 32), LAYERS)
    statistics = StepFeatures(bundled(), LAYERS, StyleMemory().lookup([7])).of_styles([picture()], 32)
    for layer in LAYERS:
        flat = features[layer].flatten(2)
        whole = gram(features[layer])
        assert float((statistics[layer].gram - whole).norm() / whole.norm()) < 1e-3
        assert torch.allclose(statistics[layer].mean, flat.mean(2), atol=1e-4)
        assert torch.allclose(
            statistics[layer].deviation, (flat.var(2, correction=0) + 1e-5).sqrt(), atol=1e-3
        )


def test_what_is_first_computed_equals_what_is_remembered() -> None:
    memory = StyleMemory()
    first, again = (
        StepFeatures(bundled(), LAYERS, memory.lookup([7])).of_styles([picture()], 32) for _ in range(2)
    )
    for layer in LAYERS:
        for one, other in zip(first[layer], again[layer], strict=True):
            assert torch.equal(one, other)


def test_pictures_are_encoded_once_for_each_side_and_anew_without_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory, vgg = StyleMemory(), bundled()
    encoded: list[tuple[int, ...]] = []
    plain = vgg.features

    def counted(image: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
        encoded.append(tuple(image.shape))
        return plain(image, layers)

    monkeypatch.setattr(vgg, "features", counted)
    for side in (32, 24, 32, 24):
        StepFeatures(vgg, LAYERS, memory.lookup([7])).of_styles([picture()], side)
    assert len(encoded) == 2
    for _ in range(2):
        StepFeatures(vgg, LAYERS, memory.lookup([None])).of_styles([picture()], 32)
    assert len(encoded) == 4


def test_descriptors_are_computed_once() -> None:
    memory, calls = StyleMemory(), []

    def compute() -> Tensor:
        calls.append(1)
        return torch.full((3,), float(len(calls)))

    assert [float(memory.descriptor(key, compute)[0]) for key in (1, 1, None, 1, 2)] == [1, 1, 2, 1, 3]
