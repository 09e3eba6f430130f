"""The decoders of the engine photoreal for training, on an encoder that does not learn."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, cast

import torch.nn.functional as F
from torch import Tensor

from vidstyle.engines.feature_maps import transport
from vidstyle.engines.photoreal import Photoreal
from vidstyle.losses.base import Autoencoding
from vidstyle.nn.photoreal_vgg import PhotorealVGG
from vidstyle.training.decoder_student import DecoderStudent
from vidstyle.training.heads import cut
from vidstyle.training.small_vgg_student import restyled
from vidstyle.weights import PHOTOREAL, Weights

_MAP = partial(transport, ridge=Photoreal.ridge)


class PhotorealStudent(DecoderStudent):
    """The network of ``nn/photoreal_vgg.py``; only its decoders learn.

    An embedding is the means and covariances of the features of a style at each level.
    """

    bundled: ClassVar[Weights] = PHOTOREAL
    engine: ClassVar[str] = "photoreal"
    network = PhotorealVGG

    def paint(self, image: Tensor, embeddings: Tensor, number: int | None = None) -> Tensor:
        """Paint as the engine, but at full strength at each level and without its guided filter."""
        height, width = image.shape[-2:]
        network = self._network()
        levels = network.all_levels(F.pad(image, (0, -width % 8, 0, -height % 8), mode="reflect"))
        value = levels[-1]
        for level in range(network.deepest, 0, -1):
            value = network.decode(restyled(value, embeddings, level, _MAP), level)
            if level > 1:
                value = network.joined(value, levels[level - 2])
        return value.float()[..., :height, :width]

    def autoencode(self, image: Tensor) -> Autoencoding:
        """Encode and decode ``image`` (B, 3, H, W) in [0, 1], its sides cut to multiples of 8.

        Pictures are decoded from the first and the last level only; blocks give means of a level's features.
        """
        image = cut(image)
        network = self._network()
        levels = network.all_levels(image)
        return Autoencoding(
            image=image,
            heads={},
            blocks=tuple(
                (network.decode(levels[level - 1], level), F.avg_pool2d(levels[level - 2], 2))
                for level in range(2, network.deepest + 1)
            ),
            pictures=(network.decode(levels[0], 1).float(), network.reconstructed(levels).float()),
        )

    def _network(self) -> PhotorealVGG:
        return cast(PhotorealVGG, super()._network())
