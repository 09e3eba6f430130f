"""Losses of autoencoders against a slow, plain reference: sums over values, in double precision."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle import weights
from vidstyle.losses.autoencoding import (
    DecoderBlock,
    FeatureDistillation,
    PerceptualReconstruction,
    Reconstruction,
)
from vidstyle.losses.base import Autoencoding
from vidstyle.nn.vgg import bundled
from vidstyle.testing.losses import make_step, vgg


def made() -> Autoencoding:
    autoencoding = make_step().autoencoding
    assert autoencoding is not None
    return autoencoding


def relative(value: Tensor, target: Tensor) -> float:
    pairs = list(
        zip(value.detach().double().flatten().tolist(), target.double().flatten().tolist(), strict=True)
    )
    return float(sum((a - b) ** 2 for a, b in pairs) / sum(b**2 for _, b in pairs))


def mean_square(value: Tensor, target: Tensor) -> float:
    pairs = zip(value.detach().flatten().tolist(), target.flatten().tolist(), strict=True)
    return float(sum((a - b) ** 2 for a, b in pairs) / target.numel())


@torch.no_grad()
def vgg16_of_reflection(image: Tensor) -> dict[str, Tensor]:
    """conv1_1 and conv2_1 over their deviations, layer by layer."""
    tensors = {key: value.float() for key, value in weights.load(weights.VGG16).items()}
    value = image.flip(1) * 255 - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    features = {}
    for layer in ("conv1_1", "conv1_2", "conv2_1"):
        padded = F.pad(value, (1, 1, 1, 1), mode="reflect")
        value = F.relu(F.conv2d(padded, tensors[f"{layer}.weight"], tensors[f"{layer}.bias"]))
        features[layer] = value / tensors[f"{layer}.scale"].view(1, -1, 1, 1)
        if layer == "conv1_2":
            value = F.max_pool2d(value, 2)
    return features


def test_feature_distillation_is_relative_to_vgg16_padded_by_reflection() -> None:
    step = make_step()
    targets = vgg16_of_reflection(made().image)
    expected = sum(relative(value, targets[layer]) for layer, value in made().heads.items())
    assert FeatureDistillation()(step).item() == pytest.approx(expected, rel=1e-4)


def test_a_decoder_block_is_relative_to_the_features_of_the_level_below() -> None:
    first, second = made().blocks[0], (made().blocks[0][0] * 0.7, made().blocks[0][1])
    step = replace(make_step(), autoencoding=replace(made(), blocks=(first, second)))
    expected = sum(relative(*block) for block in (first, second)) / 2
    assert DecoderBlock()(step).item() == pytest.approx(expected, rel=1e-4)


def test_reconstruction_is_the_mean_squared_error_of_all_levels() -> None:
    expected = sum(mean_square(picture, made().image) for picture in made().pictures) / 2
    assert Reconstruction()(make_step()).item() == pytest.approx(expected, rel=1e-4)


def test_perceptual_reconstruction_compares_features_of_half_the_batch_above_the_first_level() -> None:
    loss = PerceptualReconstruction(("conv2_1",))
    encoded = []
    for picture in (made().pictures[1], made().image):
        features = vgg().features(picture.detach()[:1], ["conv2_1"])["conv2_1"]
        encoded.append(features / vgg().scale("conv2_1").view(1, -1, 1, 1))
    assert loss(make_step(loss.layers)).item() == pytest.approx(relative(*encoded), rel=1e-3)


def test_a_flat_picture_has_no_border_in_vgg16_padded_by_reflection() -> None:
    flat = torch.full((1, 3, 24, 24), 0.4)
    features = bundled(padding="reflect").features(flat, ("conv2_1",))["conv2_1"]
    assert (features - features[..., 5:6, 5:6]).abs().max() < 1e-2
    assert (vgg().features(flat, ("conv2_1",))["conv2_1"] - features).abs().max() > 1
