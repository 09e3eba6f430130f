"""The frozen networks that StyleNet 2 learns from: VGG-16, the 16 times smaller VGG-19, and WCT with it."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

VGG16 = "conv1_1 conv1_2 pool conv2_1 conv2_2 pool conv3_1 conv3_2 conv3_3 pool conv4_1".split()  # noqa: SIM905
VGG19 = "11 12 P 21 22 P 31 32 33 34 P 41 42 43 44 P 51".split()  # noqa: SIM905
RELU = ("11", "21", "31", "41", "51")
Features = dict[str, Tensor]


class Edges(nn.Module):
    """The bundled VGG-16 to conv4_1, padded by zeros; features are divided by their deviations."""

    def __init__(self, path: Path, kind: torch.dtype) -> None:
        super().__init__()
        for key, value in load_file(path).items():
            self.register_buffer(key.replace(".", "-"), value.float() if "scale" in key else value.to(kind))
        self.register_buffer("mean", torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1))
        self.kind = kind
        self.to(memory_format=torch.channels_last)

    def forward(self, image: Tensor, layers: tuple[str, ...]) -> Features:
        """Features (B, C, h, w) in float32 of ``image`` (B, 3, H, W) RGB in [0, 1]."""
        found: Features = {}
        value = (image.float().flip(1) * 255 - self.get_buffer("mean")).to(self.kind)
        value = value.contiguous(memory_format=torch.channels_last)
        for layer in VGG16:
            if layer == "pool":
                value = F.max_pool2d(value, 2)
                continue
            kernel, bias = self.get_buffer(f"{layer}-weight"), self.get_buffer(f"{layer}-bias")
            value = F.relu(F.conv2d(value, kernel, bias, padding=1))
            if layer in layers:
                found[layer] = value.float() / self.get_buffer(f"{layer}-scale").view(1, -1, 1, 1)
        return found


class Small19(nn.Module):
    """The 16 times compressed VGG-19 with a decoder for each level.

    Padded by reflection as it was trained; by zeros where ``is_reflected`` is False, which is faster and does
    for losses. WCT needs it in true float32: whitening makes small errors large.
    """

    def __init__(self, path: Path, kind: torch.dtype, *, is_reflected: bool = True) -> None:
        super().__init__()
        self.is_reflected = is_reflected
        for key, value in load_file(path).items():
            if "aux" not in key:
                self.register_buffer(key.replace(".", "-"), value.to(kind))
        self.kind = kind
        self.to(memory_format=torch.channels_last)

    def forward(self, image: Tensor, last: str = "51", encoder: int = 5) -> Features:
        """Features (B, C, h, w) after ReLU 11, 21, … up to ``last`` of ``image`` (B, 3, H, W) in [0, 1]."""
        found: Features = {}
        name = f"encoder{encoder}"
        value = image.to(self.kind).contiguous(memory_format=torch.channels_last)
        kernel, bias = self.get_buffer(f"{name}-conv0-weight"), self.get_buffer(f"{name}-conv0-bias")
        value = F.conv2d(value, kernel, bias)
        for layer in VGG19[: VGG19.index(last) + 1]:
            value = F.max_pool2d(value, 2) if layer == "P" else self._convolve(value, f"{name}-conv{layer}")
            if layer in RELU:
                found[layer] = value
        return found

    def decode(self, value: Tensor, level: int) -> Tensor:
        """Features after ReLU ``level`` 1 to a picture."""
        for layer in VGG19[VGG19.index(f"{level}1") :: -1]:
            if layer == "P":
                value = F.interpolate(value, scale_factor=2.0, mode="nearest")
            else:
                value = self._convolve(value, f"decoder{level}-conv{layer}")
        return value

    def _convolve(self, value: Tensor, key: str) -> Tensor:
        kernel, bias = self.get_buffer(f"{key}-weight"), self.get_buffer(f"{key}-bias")
        if not self.is_reflected:
            return F.relu(F.conv2d(value, kernel, bias, padding=1))
        return F.relu(F.conv2d(F.pad(value, (1, 1, 1, 1), mode="reflect"), kernel, bias))


@torch.no_grad()
def wct(net: Small19, content: Tensor, style: Tensor, alpha: float) -> Tensor:
    """``content`` (B, 3, H, W) in ``style`` (B, 3, h, w): whitened and coloured at levels 4, 3, 2, 1."""
    value = content
    for level in (4, 3, 2, 1):
        layer = f"{level}1"
        found, wanted = net(value, layer, level)[layer], net(style, layer, level)[layer]
        mean, covariance = _spread(found)
        target, colours = _spread(wanted)
        _, whiten = roots(covariance)
        colour, _ = roots(colours)
        matrix = alpha * (colour @ whiten)
        matrix = matrix + (1 - alpha) * torch.eye(matrix.shape[1], device=matrix.device, dtype=matrix.dtype)
        shift = alpha * target + (1 - alpha) * mean - (matrix @ mean.unsqueeze(2)).squeeze(2)
        flat = torch.baddbmm(shift.float().unsqueeze(2), matrix.float(), found.float().flatten(2))
        value = net.decode(flat.view(found.shape).to(net.kind), level).float().clamp(0, 1)
    return value


def roots(matrix: Tensor, steps: int = 30, floor: float = 1e-7) -> tuple[Tensor, Tensor]:
    """Square roots of (B, C, C) and of their inverses in float64, by coupled Newton-Schulz iterations.

    Eigenvalues far below ``floor`` times the trace count as that, which leaves them near nothing.
    """
    size = matrix.shape[1]
    unit = torch.eye(size, device=matrix.device, dtype=torch.float64)
    trace = matrix.diagonal(dim1=1, dim2=2).sum(1).view(-1, 1, 1).clamp_min(1e-8)
    matrix = matrix + floor * trace * unit
    norm = matrix.square().sum((1, 2), keepdim=True).sqrt()
    root, inverse = matrix / norm, unit.expand_as(matrix)
    for _ in range(steps):
        step = 1.5 * unit - 0.5 * inverse @ root
        root, inverse = root @ step, step @ inverse
    return root * norm.sqrt(), inverse / norm.sqrt()


def _spread(features: Tensor) -> tuple[Tensor, Tensor]:
    """Means (B, C) and covariances (B, C, C) in float64."""
    flat = features.flatten(2).double()
    mean = flat.mean(2)
    flat = flat - mean.unsqueeze(2)
    return mean, products(flat) / flat.shape[2]


def products(flat: Tensor) -> Tensor:
    """(B, C, C) F·Fᵀ of ``flat`` (B, C, N); long sums in parts, for few long ones leave a GPU idle."""
    parts = next(
        part for part in (16, 4, 1) if flat.shape[2] % part == 0 and flat.shape[2] >= 1024 * (part - 1)
    )
    split = flat.view(*flat.shape[:2], parts, -1).transpose(1, 2)
    return (split @ split.transpose(2, 3)).sum(1)
