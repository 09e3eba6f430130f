"""The weights of a single-pass VGG with fewer channels, to be trained on."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

_SOURCE = {
    "stem1": "stem0", "conv2_2": "stem1", "conv3_1": "conv2_2", "conv3_2": "conv3_1",
    "conv3_3": "conv3_2", "conv4_1": "conv3_3", "decoder4_0": "conv4_1", "decoder4_1": "conv3_1",
    "decoder4_2": "decoder4_1", "decoder3_0": "conv3_1", "decoder3_1": "stem1",
    "decoder3_2": "decoder3_1", "head0": "stem1", "head1": "head0",
}  # fmt: skip
"""The convolution whose channels each takes; a decoder gives the channels of the level below."""
_SAME = {"stem1": ("decoder3_0", "decoder3_2"), "conv3_1": ("decoder4_0", "decoder4_2")}
"""Convolutions that give the channels of the same level."""
_USERS = {
    name: [user for user, source in _SOURCE.items() if source == name]
    for name in dict.fromkeys(_SOURCE.values())
}


@torch.no_grad()
def narrowed(tensors: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """``tensors`` with ``share`` (0 to 1) of the channels: those that the layers after them take most of.

    Numbers of channels become multiples of 16, which CPUs compute as fast as a few less. ``tensors`` are
    those of ``nn/single_pass_vgg.py``.
    """
    names = [key.removesuffix(".weight") for key in tensors if key.endswith(".weight")]
    kernels = {name: (tensors[f"{name}.weight"], tensors[f"{name}.bias"]) for name in names}
    chosen: dict[str, Tensor] = {}
    for name, users in _USERS.items():
        taken = torch.stack([kernels[user][0].abs().sum((0, 2, 3)) for user in users]).sum(0)
        given = kernels[name][0].flatten(1).norm(dim=1)
        count = min(len(taken), max(16, 16 * round(share * len(taken) / 16)))
        chosen[name] = (taken * given).topk(count).indices.sort().values
        chosen |= dict.fromkeys(_SAME.get(name, ()), chosen[name])
    narrow: dict[str, Tensor] = {}
    for name, (kernel, bias) in kernels.items():
        if name in _SOURCE:
            places = chosen[_SOURCE[name]]
            lost = kernel.abs().sum() / kernel[:, places].abs().sum()
            kernel = kernel[:, places] * lost.sqrt()  # about as loud as before
        if name in chosen:
            kernel, bias = kernel[chosen[name]], bias[chosen[name]]
        narrow |= {f"{name}.weight": kernel, f"{name}.bias": bias}
    return narrow
