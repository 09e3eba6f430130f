"""The small VGG with its decoders, its teacher, and the decoders it is compared with."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

LEVELS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
LAYERS = "conv1_1 conv1_2 pool conv2_1 conv2_2 pool conv3_1 conv3_2 conv3_3 pool conv4_1".split()  # noqa: SIM905
Features = dict[str, Tensor]


class SmallVGG(nn.Module):
    """An encoder to conv4_1, decoders from each level to the one below, heads towards the teacher's channels.

    Built from the tensors of a weights file; its state has the file's keys.
    """

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        self.encoder, self.head = nn.ModuleDict(), nn.ModuleDict()
        self.scale = nn.ParameterDict({level: tensors[f"scale.{level}"].float() for level in LEVELS})
        self.scale.requires_grad_(False)
        for layer in LAYERS:
            if layer != "pool":
                self.encoder[layer] = _convolution(tensors[f"encoder.{layer}.weight"])
        for level in LEVELS:
            self.head[level] = _convolution(tensors[f"head.{level}.weight"])
        for level in (1, 2, 3, 4):
            parts = [tensors[f"decoder{level}.{part}.weight"] for part in range(1 if level == 1 else 3)]
            self.add_module(f"decoder{level}", nn.ModuleList(_convolution(part) for part in parts))
        self.load_state_dict({key: value.float() for key, value in tensors.items()})
        self.to(memory_format=torch.channels_last)

    def encode(self, image: Tensor) -> Features:
        """Features after ReLU at the four levels of ``image`` (B, 3, H, W) RGB in [0, 1]; not yet scaled."""
        value, features = (image - 0.45) * 4, {}
        for layer in LAYERS:
            value = F.max_pool2d(value, 2) if layer == "pool" else F.relu(self.encoder[layer](value))
            if layer in LEVELS:
                features[layer] = value
        return features

    def scaled(self, features: Features) -> list[Tensor]:
        """The features of levels 1 to 4 over their scales, as decoders take and give them."""
        return [features[level] / self.scale[level].view(1, -1, 1, 1) for level in LEVELS]

    def decode(self, value: Tensor, level: int) -> Tensor:
        """Scaled features of ``level`` (1 to 4) to those of the level below; of level 1 to RGB in [0, 1]."""
        parts = self.get_submodule(f"decoder{level}")
        assert isinstance(parts, nn.ModuleList)
        if level == 1:
            return parts[0](value)  # type: ignore[no-any-return]
        value = F.interpolate(F.relu(parts[0](value)), scale_factor=2.0, mode="nearest")
        return F.relu(value + parts[2](F.relu(parts[1](value))))

    def picture(self, value: Tensor, level: int) -> Tensor:
        """Scaled features of ``level`` all the way to RGB in [0, 1]."""
        for block in range(level, 0, -1):
            value = self.decode(value, block)
        return value


class Teacher(nn.Module):
    """VGG-16 to conv4_1, padded by reflection as the small one is; features are divided by their scales."""

    def __init__(self, path: Path, kind: torch.dtype = torch.float32) -> None:
        super().__init__()
        for key, value in load_file(path).items():
            self.register_buffer(key.replace(".", "-"), value)
        self.register_buffer("mean", torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1))
        self.to(kind).to(memory_format=torch.channels_last)

    def features(self, image: Tensor, last: str = "conv4_1") -> Features:
        """Features of ``image`` (B, 3, H, W) RGB in [0, 1] at the levels up to ``last``."""
        mean, features = self.get_buffer("mean"), {}
        value = (image.float().flip(1) * 255 - mean.float()).to(mean.dtype)
        for layer in LAYERS:
            if layer == "pool":
                value = F.max_pool2d(value, 2)
                continue
            kernel, bias = self.get_buffer(f"{layer}-weight"), self.get_buffer(f"{layer}-bias")
            value = F.relu(F.conv2d(F.pad(value, (1, 1, 1, 1), mode="reflect"), kernel, bias))
            if layer in LEVELS:
                features[layer] = value / self.get_buffer(f"{layer}-scale").view(1, -1, 1, 1)
            if layer == last:
                break
        return features


@torch.no_grad()
def rescale(model: SmallVGG, level: int, scale: Tensor) -> None:
    """Sets a level's scale; the decoders' kernels take the ratio, so that every picture stays the same."""
    ratio = model.scale[LEVELS[level - 1]] / scale  # how much larger scaled features become
    out, inner = ratio.view(-1, 1, 1, 1), ratio.view(1, -1, 1, 1)
    model.get_parameter(f"decoder{level}.0.weight").div_(inner)
    if level < 4:  # ReLU lets a positive factor through
        for part in (0, 2):
            model.get_parameter(f"decoder{level + 1}.{part}.weight").mul_(out)
            model.get_parameter(f"decoder{level + 1}.{part}.bias").mul_(ratio)
        model.get_parameter(f"decoder{level + 1}.1.weight").div_(inner)
    model.scale[LEVELS[level - 1]].copy_(scale)


@torch.no_grad()
def wct_picture(tensors: dict[str, Tensor], value: Tensor, level: int) -> Tensor:
    """Pictures decoded from one level of the 16 times compressed VGG-19, for comparison."""
    order = ["11", "12", "P", "21", "22", "P", "31", "32", "33", "34", "P", "41"]
    order = order[: order.index(f"{level}1") + 1]
    value = F.conv2d(value, tensors[f"encoder{level}.conv0.weight"], tensors[f"encoder{level}.conv0.bias"])
    for side, names in (("encoder", order), ("decoder", order[::-1])):
        for name in names:
            if name == "P":
                is_down = side == "encoder"
                value = F.max_pool2d(value, 2) if is_down else F.interpolate(value, scale_factor=2.0)
                continue
            key, padded = f"{side}{level}.conv{name}", F.pad(value, (1, 1, 1, 1), mode="reflect")
            value = F.relu(F.conv2d(padded, tensors[f"{key}.weight"], tensors[f"{key}.bias"]))
    return value


def _convolution(kernel: Tensor) -> nn.Conv2d:
    """An untrained convolution for a ``kernel`` of this shape, padded by reflection."""
    out, into, side, _ = kernel.shape
    return nn.Conv2d(into, out, side, padding=side // 2, padding_mode="reflect")
