"""Heads: 1x1 convolutions from a student's features to the channels of VGG-16, for distillation only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle.nn.encoder_features import Encoder

_WIDTHS = {"conv1_1": 64, "conv2_1": 128, "conv3_1": 256, "conv4_1": 512}  # channels of VGG-16
_FITTED = 16  # pictures that new heads are fitted to
_RIDGE = 1e-5  # of the mean square of features; some channels are almost never active
_MULTIPLE = 8  # px: encoders halve three times


def new_heads(widths: Mapping[str, int]) -> nn.ModuleDict:
    """Heads of zeros from features of ``widths`` channels, by layer of VGG-16."""
    heads = nn.ModuleDict({layer: nn.Conv2d(width, _WIDTHS[layer], 1) for layer, width in widths.items()})
    for value in heads.parameters():
        nn.init.zeros_(value)
    return heads


@torch.no_grad()
def fit_heads(
    heads: nn.ModuleDict,
    features: Callable[[Tensor], Mapping[str, Tensor]],
    teacher: Encoder,
    pictures: Sequence[Tensor],
) -> None:
    """Fit new ``heads`` that learn to the features of ``teacher`` by least squares, but for their ReLU.

    By gradients alone they need thousands of steps, in which they mislead the encoder. Heads that are not
    new, or do not learn, stay as they are.

    Args:
        features: of a picture (1, 3, H, W), sides multiples of 8 px, by layer.
        teacher: VGG-16, padded by reflection.
        pictures: (1, 3, h, w) in [0, 1], of which some are used.
    """
    layers = {name: head for name, head in heads.items() if isinstance(head, nn.Conv2d)}
    if any(head.weight.any() or not head.weight.requires_grad for head in layers.values()):
        return
    sums: dict[str, tuple[Tensor, Tensor]] = {}
    for picture in pictures[:_FITTED]:
        image = cut(picture)
        targets = teacher.features(image, tuple(layers))
        for layer, value in features(image).items():
            inputs = _pixels(F.pad(value, (0, 0, 0, 0, 0, 1), value=1.0))  # a channel for the bias
            target = _pixels(targets[layer] / teacher.scale(layer).view(1, -1, 1, 1))
            parts = inputs.T @ inputs, inputs.T @ target
            known = sums.get(layer, (0.0, 0.0))
            sums[layer] = known[0] + parts[0], known[1] + parts[1]
    for layer, head in layers.items():
        square, product = (part.double().cpu() for part in sums[layer])
        square += _RIDGE * square.diagonal().mean() * torch.eye(len(square), dtype=square.dtype)
        solved = torch.linalg.solve(square, product).T
        head.weight.copy_(solved[:, :-1, None, None])
        assert head.bias is not None
        head.bias.copy_(solved[:, -1])


def cut(picture: Tensor) -> Tensor:
    """``picture`` (B, 3, H, W) without the last rows and columns beyond multiples of 8 px."""
    height, width = (side // _MULTIPLE * _MULTIPLE for side in picture.shape[-2:])
    return picture[..., :height, :width]


def _pixels(features: Tensor) -> Tensor:
    """(h·w, C) of ``features`` (1, C, h, w)."""
    return features[0].flatten(1).T
