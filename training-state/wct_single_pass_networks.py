"""The network of WCT in a single pass, with gradients; vidstyle/nn/single_pass_vgg.py loads its tensors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from small_vgg_networks import SmallVGG
from torch import Tensor, nn

SKIP = 0.2  # share of the encoder's features in those of level 3
RIDGE = 0.01  # share of the mean variance that is added to all
LEVELS = (4, 3, 2, 1)
HEAD = 48  # channels before the last convolution

Moments = tuple[Tensor, Tensor]
"""Means (B, C) and covariances (B, C, C) of one level."""


class SinglePass(nn.Module):
    """Encoder and decoder; levels 4, 3 and 2 are features, level 1 blocks of 2x2 pixels."""

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(layers)
        self.to(memory_format=torch.channels_last)

    @classmethod
    def of(cls, vgg: SmallVGG) -> SinglePass:
        """The small VGG's layers from conv2_2 on, and its decoders 4 and 3; the rest is random."""
        torch.manual_seed(0)
        scale = [vgg.scale[level].detach() for level in ("conv1_1", "conv2_1", "conv3_1", "conv4_1")]
        half = len(scale[1])
        layers: dict[str, nn.Module] = {"stem0": nn.Conv2d(12, half, 3), "stem1": nn.Conv2d(half, half, 3)}
        inputs = {"conv2_2": scale[1], "conv3_2": scale[2]}  # divisors of what these take
        outputs = {"conv3_1": scale[2], "conv4_1": scale[3]}
        for name in ("conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv4_1"):
            kernel, bias = (part.detach() for part in (vgg.encoder[name].weight, vgg.encoder[name].bias))
            if name in inputs:
                kernel = kernel * inputs[name].view(1, -1, 1, 1)
            if name in outputs:
                kernel, bias = kernel / outputs[name].view(-1, 1, 1, 1), bias / outputs[name]
            layers[name] = _convolution(kernel, bias)
        for level in (4, 3):
            for part, layer in enumerate(vgg.get_submodule(f"decoder{level}").children()):
                layers[f"decoder{level}_{part}"] = _convolution(layer.weight.detach(), layer.bias.detach())
        layers["head0"], layers["head1"] = nn.Conv2d(half, HEAD, 3), nn.Conv2d(HEAD, 12, 3)
        for name in ("stem0", "stem1", "head0"):
            nn.init.kaiming_normal_(layers[name].weight)
        return cls(layers)

    def learn(self, *parts: str) -> list[nn.Parameter]:
        """Only layers whose names begin with ``parts`` learn from now on: their parameters."""
        for name, layer in self.layers.items():
            layer.requires_grad_(name.startswith(parts))
        return [value for value in self.parameters() if value.requires_grad]

    def run(self, name: str, value: Tensor) -> Tensor:
        """The convolution ``name``, padded by reflection."""
        result: Tensor = self.layers[name](F.pad(value, (1, 1, 1, 1), mode="reflect"))
        return result

    def encode(self, image: Tensor) -> dict[int, Tensor]:
        """Features by level of ``image`` (B, 3, H, W) in [0, 1], sides multiples of 8 px."""
        blocks = F.pixel_unshuffle(image, 2)
        two = F.relu(self.run("stem1", F.relu(self.run("stem0", (blocks - 0.45) * 4))))
        three = F.relu(self.run("conv3_1", F.max_pool2d(F.relu(self.run("conv2_2", two)), 2)))
        value = F.relu(self.run("conv3_3", F.relu(self.run("conv3_2", three))))
        four = F.relu(self.run("conv4_1", F.max_pool2d(value, 2)))
        return {1: blocks, 2: two, 3: three, 4: four}

    def decode(self, value: Tensor, level: int) -> Tensor:
        """Features of level 4 or 3 to those of the level below, those of 2 to blocks of pixels."""
        if level == 2:
            return self.run("head1", F.relu(self.run("head0", value))) * 0.25 + 0.45
        value = F.relu(self.run(f"decoder{level}_0", value))
        value = F.interpolate(value, scale_factor=2.0, mode="nearest")
        inner = F.relu(self.run(f"decoder{level}_1", value))
        return F.relu(value + self.run(f"decoder{level}_2", inner))

    @torch.no_grad()
    def style(self, image: Tensor) -> list[Moments]:
        """The statistics of style pictures (B, 3, H, W), from level 4 to 1."""
        features = self.encode(image)
        return [moments(features[level]) for level in LEVELS]

    def paint(
        self,
        features: dict[int, Tensor],
        style: list[Moments],
        alpha: Tensor,
        given: list[Moments] | None = None,
        decoded: dict[int, Tensor] | None = None,
    ) -> tuple[Tensor, list[Moments]]:
        """Paintings (B, 3, H, W), and the statistics of their features, unless they are ``given``.

        Features as they are decoded are put into ``decoded``, by level.
        """
        taken: list[Moments] = []
        value = features[4]
        for place, level in enumerate(LEVELS):
            if level == 3:
                value = torch.lerp(value, features[3].to(value.dtype), SKIP)
            own = moments(value) if given is None else given[place]
            taken.append(own)
            value = _transformed(value, own, style[place], alpha)
            if level > 1:
                value = self.decode(value, level)
                if decoded is not None:
                    decoded[level - 1] = value
        return F.pixel_shuffle(value, 2), taken


def moments(value: Tensor) -> Moments:
    """Means and covariances of features (B, C, H, W), float32."""
    with torch.autocast(value.device.type, enabled=False):
        flat = value.float().flatten(2)
        mean = flat.mean(2, keepdim=True)
        flat = flat - mean
        return mean[..., 0], flat @ flat.transpose(1, 2) / flat.shape[2]


def _transformed(value: Tensor, own: Moments, style: Moments, alpha: Tensor) -> Tensor:
    """Whitened and coloured features; the gradient goes through the whitening too, or training diverges."""
    with torch.autocast(value.device.type, enabled=False):
        (mean, covariance), (aim, spread) = own, style
        with torch.no_grad():
            coloring = _roots(spread)[0]
        share = alpha.view(-1, 1, 1)
        matrix = share * (coloring @ _roots(covariance)[1]).float()
        matrix = matrix + (1 - share) * torch.eye(covariance.shape[1], device=value.device)
        shift = share[..., 0] * aim + (1 - share[..., 0]) * mean - (matrix @ mean[..., None])[..., 0]
        flat = torch.baddbmm(shift[..., None], matrix, value.float().flatten(2))
        return flat.view(value.shape).contiguous(memory_format=torch.channels_last)


def _roots(covariance: Tensor, steps: int = 22) -> Moments:
    """Square roots of covariances with the ridge, and their inverses, by Newton and Schulz's iteration."""
    covariance = covariance.double()
    eye = torch.eye(covariance.shape[1], dtype=torch.float64, device=covariance.device)
    ridge = RIDGE * covariance.diagonal(dim1=1, dim2=2).mean(1).clamp_min(1e-6)
    covariance = covariance + ridge.view(-1, 1, 1) * eye
    norm = covariance.square().sum((1, 2), keepdim=True).sqrt()
    root, inverse = covariance / norm, eye.expand_as(covariance)
    for _ in range(steps):
        step = 1.5 * eye - 0.5 * inverse @ root
        root, inverse = root @ step, step @ inverse
    return root * norm.sqrt(), inverse / norm.sqrt()


def _convolution(kernel: Tensor, bias: Tensor) -> nn.Conv2d:
    layer = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3)
    with torch.no_grad():
        layer.weight.copy_(kernel)
        layer.bias.copy_(bias)
    return layer
