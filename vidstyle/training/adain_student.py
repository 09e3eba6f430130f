"""The decoders of the engine adain for training, on an encoder that does not learn."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.engines.adain import fused, normalising
from vidstyle.nn.small_vgg import LEVELS
from vidstyle.training.decoder_student import DecoderStudent
from vidstyle.training.heads import cut
from vidstyle.training.style_batch import StyleBatch
from vidstyle.weights import SMALL_VGG, Weights

_DEPTHS = (3, 1, 2)  # numbers of levels that are normalised, from the coarsest on, in turn


class AdaINStudent(DecoderStudent):
    """The small VGG; only its decoders learn, from features with the means and deviations of a style.

    An embedding is the means and variances of the features of a style, level by level from the coarsest on.
    """

    bundled: ClassVar[Weights] = SMALL_VGG
    engine: ClassVar[str] = "adain"

    @torch.no_grad()
    def encode(self, styles: StyleBatch) -> Tensor:
        """Embeddings (B, N): mean and variance of level 4, those of level 3, and so on."""
        network = self._network()
        embeddings = []
        for style in styles.pictures:
            with torch.autocast(style.device.type, enabled=False):
                features = network.features(cut(style.float()))
            parts = [_measured(features[layer]) for layer in reversed(network.layers)]
            embeddings.append(torch.cat([part.flatten() for pair in parts for part in pair]))
        return torch.stack(embeddings)

    def paint(self, image: Tensor, embeddings: Tensor, number: int | None = None) -> Tensor:
        """Paint as the engine at full strength, in each step with another number of levels.

        Results may exceed [0, 1].
        """
        height, width = image.shape[-2:]
        network = self._network()
        features = network.features(F.pad(image, (0, -width % 8, 0, -height % 8), mode="reflect"))
        depth = _DEPTHS[0 if number is None else number % len(_DEPTHS)]
        sizes = [network.channels(level) for level in reversed(LEVELS) for _ in range(2)]
        parts = [part[:, :, None, None] for part in torch.split(embeddings.float(), sizes, 1)]
        value = features[network.layers[-1]]
        for place, level in enumerate(reversed(LEVELS)):
            if place < depth:
                value = fused(value, features[f"conv{level}_1"], level).float()
                scale, offset = normalising(*_measured(value), *parts[2 * place : 2 * place + 2])
                value = torch.addcmul(offset, value, scale).contiguous(memory_format=torch.channels_last)
            value = network.decode(value, level)
        return value.float()[..., :height, :width]


def _measured(features: Tensor) -> tuple[Tensor, Tensor]:
    """Means and variances (B, C, 1, 1) of ``features`` (B, C, h, w)."""
    variance, mean = torch.var_mean(features.float(), dim=(2, 3), correction=0, keepdim=True)
    return mean, variance
