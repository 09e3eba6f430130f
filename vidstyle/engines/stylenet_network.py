"""StyleNet's network for given statistics: norms are a scale and a shift of each channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.engines.network import Network
from vidstyle.engines.stylenet import BODY, CHANNELS, Layers, NormStatistics, folded_norms
from vidstyle.nn import phases


class StyleNetNetwork(Network[Tensor, NormStatistics]):
    """Norms follow their convolutions, which are constant: so they can be quantised, and reordered once."""

    multiple: ClassVar[int] = 4
    names = ("scale", "shift")

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.layers = layers
        for number, kernel in enumerate(torch.split(layers.body, CHANNELS[0])):
            self.register_buffer(f"kernel{number}", kernel.clone(), persistent=False)

    def inputs(self, style: Tensor, statistics: NormStatistics) -> tuple[Tensor, Tensor]:
        """Scale and shift (1, 344, 1, 1) of the channels of all norms, concatenated."""
        scale, shift = folded_norms(self.layers.modulate(style), statistics)
        return scale.float().cpu().view(1, -1, 1, 1), shift.float().cpu().view(1, -1, 1, 1)

    def forward(self, image: Tensor, inputs: Sequence[Tensor]) -> Tensor:
        norms = list(zip(*(torch.split(part, CHANNELS, 1) for part in inputs), strict=True))
        value = self._shrunk(image)
        for block in range(BODY // 2):
            inner = F.relu(self._convolved(value, 2 * block, norms))
            value = value + self._convolved(inner, 2 * block + 1, norms)
        value = F.conv2d(F.pad(value, (1,) * 4, mode="replicate"), self.layers.repeated)
        scale, shift = (torch.cat([part] * 4, 1) for part in norms[-1])
        value = phases.with_rim(F.relu(value * scale + shift))
        picture = F.conv2d(value, self.layers.cells, self.layers.cells_bias)
        return phases.to_picture(torch.sigmoid(picture))

    def _shrunk(self, image: Tensor) -> Tensor:
        layers = self.layers
        padded = F.pad(image, (2,) * 4, mode="reflect")
        value = F.relu(F.conv2d(padded, layers.c1.weight, layers.first_bias, 2))
        return F.relu(F.conv2d(F.pad(value, (1,) * 4, mode="reflect"), layers.c2.weight, layers.c2.bias, 2))

    def _convolved(self, value: Tensor, number: int, norms: list[tuple[Tensor, Tensor]]) -> Tensor:
        padded = F.pad(value, (1,) * 4, mode="reflect")
        scale, shift = norms[number]
        return F.conv2d(padded, self.get_buffer(f"kernel{number}")) * scale + shift
