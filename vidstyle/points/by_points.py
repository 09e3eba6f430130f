"""The way on the points: WCT whose convolutions run on the cloud, with statistics of all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.engines.feature_statistics import FeatureStatistics
from vidstyle.engines.wct import WCT
from vidstyle.nn.folding import Convolution
from vidstyle.nn.small_vgg import SmallVGG
from vidstyle.points.cloud import Cloud, Floats, tree_of
from vidstyle.points.levels import Level, Pyramid, pyramid

OnStep = Callable[[str, int, int], None]

_ENCODER = (("conv1_1", "conv1_2"), ("conv2_1", "conv2_2"), ("conv3_1", "conv3_2", "conv3_3"), ("conv4_1",))
_CHUNK = 1 << 16  # voxels whose neighbours are gathered at once
_FAINT = 6 / 255  # of the range: differences of this size are smoothed before painting
_MIXED = 3  # voxels from which a point takes its colour


def painted_by_points(
    cloud: Cloud,
    engine: WCT,
    style: FeatureStatistics,
    size: float,
    up: Floats,
    *,
    on_step: OnStep,
) -> Floats:
    """Colours (N, 3) in [0, 1] of ``cloud``, which is complete.

    A voxel of ``size`` is to the network what a pixel is in a picture. The style is that of ``engine``.
    """
    with torch.inference_mode():
        on_step("neighbours", 0, 1)
        built = pyramid(cloud, size, max(engine.levels), up)
        on_step("neighbours", 1, 1)
        network = PointNetwork(engine.network, built.levels)
        colors = _smoothed(built.colors, built.levels[0])
        for place, level in enumerate(engine.levels):
            features = network.encode(colors, level)
            own = engine.measure(features.T[None, :, :, None])
            first = engine.convolution(place, own, style, torch.float32)
            colors = network.picture(features, level, first)
            on_step("levels", place + 1, len(engine.levels))
    return _to_points(cloud, built, colors.numpy())


class PointNetwork:
    """The small VGG on voxels: 3x3 kernels take the nine neighbours, pooling goes to the voxel above.

    Args:
        network: the weights.
        levels: of voxels, as many as the network has to have.
    """

    def __init__(self, network: SmallVGG, levels: Sequence[Level]) -> None:
        self._network, self._levels = network, levels

    def encode(self, colors: Tensor, level: int) -> Tensor:
        """Features (n, C) of ``level`` of ``colors`` (N, 3) in [0, 1], as ``SmallVGG.encode``."""
        value = colors
        for group, layers in enumerate(_ENCODER[:level], start=1):
            if group > 1:
                value = self._pooled(value, group - 1)
            for layer in layers if group < level else layers[:1]:
                value = F.relu_(self._convolved(value, group, self._layer(layer)))
        return value

    def picture(self, value: Tensor, level: int, first: Convolution) -> Tensor:
        """Features of ``level`` to colours (N, 3) in [0, 1]; ``first`` is the first convolution."""
        for at in range(level, 0, -1):
            value = self._convolved(value, at, first if at == level else self._network.first(at))
            if at == 1:
                break
            value = F.relu_(value)[self._levels[at - 2].parents]
            inner = F.relu_(self._convolved(value, at - 1, self._layer(f"decoder{at}_1")))
            value = F.relu_(self._convolved(inner, at - 1, self._layer(f"decoder{at}_2")).add_(value))
        return value.clamp_(0, 1)

    def _convolved(self, value: Tensor, level: int, convolution: Convolution) -> Tensor:
        """``value`` (n, I) of a level through a 3x3 kernel (O, I, 3, 3)."""
        kernel, bias = convolution
        matrix = kernel.permute(2, 3, 1, 0).reshape(-1, kernel.shape[0]).contiguous()
        neighbours = self._levels[level - 1].neighbours
        result = value.new_empty((len(value), kernel.shape[0]))
        for begin in range(0, len(value), _CHUNK):
            part = slice(begin, begin + _CHUNK)
            torch.addmm(bias, value[neighbours[part]].flatten(1), matrix, out=result[part])
        return result

    def _pooled(self, value: Tensor, level: int) -> Tensor:
        """The largest value of each voxel above those of ``level``."""
        parents = self._levels[level - 1].parents
        count = len(self._levels[level].neighbours)
        result = value.new_full((count, value.shape[1]), -torch.inf)
        return result.scatter_reduce_(0, parents[:, None].expand_as(value), value, "amax")

    def _layer(self, name: str) -> Convolution:
        return self._network.get_buffer(f"{name}_weight"), self._network.get_buffer(f"{name}_bias")


def _smoothed(colors: Tensor, level: Level) -> Tensor:
    """``colors`` with faint noise averaged away, which whitening would amplify."""
    around = colors[level.neighbours]
    square = ((around - colors[:, None]) ** 2).mean(dim=-1, keepdim=True)
    weight = torch.exp(-square / (2 * _FAINT**2))
    return (around * weight).sum(dim=1) / weight.sum(dim=1)


def _to_points(cloud: Cloud, built: Pyramid, colors: Floats) -> Floats:
    """Colours of the points, from those of the voxels around each: the nearer, the more."""
    tree, count = tree_of(built.positions), min(_MIXED, len(built.positions))
    result = np.empty_like(cloud.positions)
    for begin in range(0, len(result), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        distances, indices = tree.query(cloud.positions[part], k=count, workers=-1)
        distances, indices = distances.reshape(-1, count), indices.reshape(-1, count)
        weight = 1 / (distances + 1e-3 * distances.mean() + 1e-12) ** 2
        weight /= weight.sum(axis=1, keepdims=True)
        result[part] = (colors[indices] * weight[..., None]).sum(axis=1)
    return result
