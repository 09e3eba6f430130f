"""CCPL: differences between neighbouring features are like those in the content."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle.losses.base import Loss, Step

_CHANNELS = {"conv1_1": 64, "conv1_2": 64, "conv2_1": 128, "conv2_2": 128}  # all deeper: see _channels
_AROUND = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]
_TEMPERATURE = 0.07


class Contrastive(Loss):
    """Σ_l InfoNCE over neighbour differences (CCPL, Wu et al. 2022, eq. 1 to 3; their weight is 5).

    At each layer and picture: ``centres`` random places, the 8 neighbours of each; d = MLP(f_c - f_n),
    C -> C -> C/4, normalised to length 1; d of the painting against all d of the content at temperature 0.07:
    the positive is the same place, the negatives are the 63 others. The MLPs learn with the network. No
    second painting is needed, which makes it the cheapest of the temporal losses.

    Args:
        layers: of the bundled VGG; each must be 3 px or more each way.
        centres: places a layer.
    """

    def __init__(
        self, layers: tuple[str, ...] = ("conv2_1", "conv3_1", "conv4_1"), *, centres: int = 8
    ) -> None:
        super().__init__()
        self.layers = layers
        self.centres = centres
        self.projections = nn.ModuleDict({layer: _projection(_channels(layer)) for layer in layers})

    def forward(self, step: Step) -> Tensor:
        ours, theirs = step.features(step.painted), step.features(step.content)
        terms = []
        for layer in self.layers:
            painted, content = ours[layer], theirs[layer]
            places = _places(painted.shape[-2], painted.shape[-1], self.centres, step.generator)
            pointing = [
                F.normalize(self.projections[layer](_differences(value, places)).float(), dim=2)
                for value in (painted, content)
            ]
            likeness = pointing[0] @ pointing[1].transpose(1, 2) / _TEMPERATURE
            right = torch.arange(likeness.shape[1], device=likeness.device).expand(len(likeness), -1)
            terms.append(F.cross_entropy(likeness.flatten(0, 1), right.flatten()))
        return sum(terms[1:], terms[0])


def _projection(channels: int) -> nn.Module:
    return nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, channels // 4))


def _channels(layer: str) -> int:
    return _CHANNELS.get(layer, 512 if layer == "conv4_1" else 256)


def _places(height: int, width: int, count: int, generator: torch.Generator) -> Tensor:
    """Centres (count, 2), row and column, that have all eight neighbours."""
    rows = torch.randint(1, height - 1, (count,), generator=generator)
    columns = torch.randint(1, width - 1, (count,), generator=generator)
    return torch.stack([rows, columns], 1)


def _differences(features: Tensor, places: Tensor) -> Tensor:
    """Centre less neighbour, (B, 8·count, C), of ``features`` (B, C, h, w)."""
    around = torch.tensor(_AROUND)
    rows, columns = ((places[:, None, axis] + around[None, :, axis]).flatten() for axis in (0, 1))
    centre_rows, centre_columns = (places[:, axis].repeat_interleave(len(_AROUND)) for axis in (0, 1))
    return (features[..., centre_rows, centre_columns] - features[..., rows, columns]).transpose(1, 2)
