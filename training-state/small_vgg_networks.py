"""The small VGG with its decoders, its teacher, and the decoders it is compared with."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

LEVELS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
LAYERS = "conv1_1 conv1_2 pool conv2_1 conv2_2 pool conv3_1 conv3_2 conv3_3 pool conv4_1".split()  # noqa: SIM905
ALIVE = 0.3  # added to the biases of new channels, lest they die
Features = dict[str, Tensor]


class _Reflection(torch.autograd.Function):
    """One pixel of reflection that keeps channels_last and adds no atomics, which F.pad on CUDA does not."""

    @staticmethod
    def forward(ctx: object, value: Tensor) -> Tensor:
        count, channels, height, width = value.shape
        size = (count, channels, height + 2, width + 2)
        last = torch.channels_last
        out = torch.empty(size, dtype=value.dtype, device=value.device, memory_format=last)
        out[:, :, 1:-1, 1:-1] = value
        out[:, :, 0, 1:-1], out[:, :, -1, 1:-1] = value[:, :, 1], value[:, :, -2]
        out[..., 0], out[..., -1] = out[..., 2], out[..., -3]
        return out

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        inner = grad[..., 1:-1].clone(memory_format=torch.channels_last)
        inner[..., 1] += grad[..., 0]
        inner[..., -2] += grad[..., -1]
        inner[:, :, 2] += inner[:, :, 0]
        inner[:, :, -3] += inner[:, :, -1]
        return inner[:, :, 1:-1]


def pad(value: Tensor, side: int = 1) -> Tensor:
    """``value`` with ``side`` pixels of reflection around it."""
    if side == 1 and value.is_cuda:
        return _Reflection.apply(value)  # type: ignore[no-any-return]
    return F.pad(value, (side,) * 4, mode="reflect") if side else value


class _Convolution(nn.Conv2d):
    """Padded by reflection."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(pad(input, self.kernel_size[0] // 2))


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
        for block in (1, 2, 3, 4):
            parts = [tensors[f"decoder{block}.{part}.weight"] for part in range(1 if block == 1 else 3)]
            self.add_module(f"decoder{block}", nn.ModuleList(_convolution(part) for part in parts))
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
            value = F.relu(F.conv2d(pad(value), kernel, bias))
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
def widen(tensors: dict[str, Tensor], channels: list[int], lively: list[Tensor]) -> dict[str, Tensor]:
    """``tensors`` with more channels at levels 1 to 4; every picture stays the same.

    New channels are noisy copies of ``lively`` ones (numbers by level); they give nothing to old ones yet.
    """
    random = torch.Generator().manual_seed(0)
    old = [len(tensors[f"scale.{level}"]) for level in LEVELS]
    # where each channel comes from
    sources = [
        torch.cat([torch.arange(few), some[torch.randint(len(some), (many - few,), generator=random)]])
        for few, many, some in zip(old, channels, lively, strict=True)
    ]
    wide = {}
    for key, value in tensors.items():
        out, into = _levels(key)
        if value.dim() == 1:
            wide[key] = value[sources[out - 1]] if out else value
            if key.endswith("bias"):
                wide[key][len(value) :] += ALIVE
            continue
        rows = sources[out - 1] if out else torch.arange(len(value))
        columns = sources[into - 1] if into else torch.arange(value.shape[1])
        noise = torch.randn((len(rows), len(columns), *value.shape[2:]), generator=random) * value.std()
        part = noise * 0.4
        part[:, : value.shape[1]] += 0.9 * value[rows]
        part[: len(value)] = 0
        part[: len(value), : value.shape[1]] = value
        wide[key] = part
    return wide


def revive(tensors: dict[str, Tensor], dead: list[Tensor], lively: list[Tensor]) -> dict[str, Tensor]:
    """``tensors`` where channels (by number, for levels 1 to 4) that are dead start anew."""
    random = torch.Generator().manual_seed(1)
    revived = {key: value.clone() for key, value in tensors.items()}
    layers = ("conv1_2", "conv2_2", "conv3_2")
    for level, (name, lost) in enumerate(zip(LEVELS, dead, strict=True), 1):
        some = lively[level - 1]
        sources = some[torch.randint(len(some), (len(lost),), generator=random)]
        into = [f"encoder.{name}"] + ([f"decoder{level + 1}.{part}" for part in (0, 2)] if level < 4 else [])
        out = [f"head.{name}", f"decoder{level}.0"]
        if level < 4:
            out += [f"encoder.{layers[level - 1]}", f"decoder{level + 1}.1"]
        for key in into:
            kernel = revived[f"{key}.weight"]
            noise = torch.randn((len(lost), *kernel.shape[1:]), generator=random) * kernel.std()
            kernel[lost] = 0.9 * kernel[sources] + 0.4 * noise
            revived[f"{key}.bias"][lost] = revived[f"{key}.bias"][sources] + ALIVE
        for key in out:
            revived[f"{key}.weight"][:, lost] = 0
    return revived


def _levels(key: str) -> tuple[int, int]:
    """Levels (1 to 4) whose channels a tensor gives and takes; 0: a picture's or the teacher's."""
    part, layer = key.split(".")[:2]
    if part.startswith("decoder"):
        level = int(part[-1])
        return level - 1, level if layer == "0" else level - 1
    level = int(layer[4])
    if part == "head":
        return 0, level
    return level, level - 1 if layer.endswith("_1") else level


@torch.no_grad()
def wct_picture(tensors: dict[str, Tensor], value: Tensor, level: int) -> Tensor:
    """Pictures decoded from one level of the 16 times compressed VGG-19, for comparison."""
    return wct_decode(tensors, wct_encode(tensors, value, level), level)


def wct_encode(tensors: dict[str, Tensor], image: Tensor, level: int) -> Tensor:
    """Features of ``level`` (1 to 5) of the 16 times compressed VGG-19."""
    value = F.conv2d(image, tensors[f"encoder{level}.conv0.weight"], tensors[f"encoder{level}.conv0.bias"])
    return _wct_layers(tensors, value, f"encoder{level}", _wct_order(level))


def wct_decode(tensors: dict[str, Tensor], value: Tensor, level: int) -> Tensor:
    """Those features to RGB."""
    return _wct_layers(tensors, value, f"decoder{level}", _wct_order(level)[::-1])


def _wct_order(level: int) -> list[str]:
    order = "11 12 P 21 22 P 31 32 33 34 P 41 42 43 44 P 51".split()  # noqa: SIM905
    return order[: order.index(f"{level}1") + 1]


def _wct_layers(tensors: dict[str, Tensor], value: Tensor, side: str, names: list[str]) -> Tensor:
    for name in names:
        if name == "P":
            is_down = side.startswith("encoder")
            value = F.max_pool2d(value, 2) if is_down else F.interpolate(value, scale_factor=2.0)
            continue
        key = f"{side}.conv{name}"
        value = F.relu(F.conv2d(pad(value), tensors[f"{key}.weight"], tensors[f"{key}.bias"]))
    return value


def _convolution(kernel: Tensor) -> nn.Conv2d:
    """An untrained convolution for a ``kernel`` of this shape, padded by reflection."""
    out, into, side, _ = kernel.shape
    return _Convolution(into, out, side)
