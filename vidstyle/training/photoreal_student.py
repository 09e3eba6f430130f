"""The decoders of the engine photoreal for training, on an encoder that does not learn."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle.engines.feature_statistics import transport
from vidstyle.engines.photoreal import Photoreal
from vidstyle.losses.base import Autoencoding
from vidstyle.nn.photoreal_vgg import PhotorealVGG, with_encoder
from vidstyle.training.small_vgg_student import SmallVGGStudent, cut, restyled
from vidstyle.training.style_batch import StyleBatch
from vidstyle.weights import PHOTOREAL, Weights

_MAP = partial(transport, ridge=Photoreal.ridge)


class PhotorealStudent(SmallVGGStudent):
    """The network of ``nn/photoreal_vgg.py``; only its decoders learn.

    ``tensors`` are the decoders, with an encoder if that is not the one of the bundled small VGG. An
    embedding is the means and covariances of the features of a style at each level.
    """

    bundled: ClassVar[Weights | None] = PHOTOREAL
    engine: ClassVar[str | None] = "photoreal"
    network = PhotorealVGG

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.ModuleDict()
        self.encoder.requires_grad_(False)

    def load(self, tensors: Mapping[str, Tensor], name: str) -> None:
        """Load ``tensors`` of the file ``name``; without an encoder in it, that is the bundled one."""
        super().load(with_encoder(tensors), name)

    def prepare(self, styles: StyleBatch) -> None:
        """Do nothing: there are no heads."""

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """The parameters of the decoder."""
        return {"decoder": super().parts()["decoder"]}

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

    @torch.no_grad()
    def tensors(self) -> dict[str, Tensor]:
        """The tensors of the decoders, float32 on the CPU; the encoder's too if it is not the bundled one."""
        tensors = super().tensors()
        decoders = {key: value for key, value in tensors.items() if key.startswith("decoder")}
        known = with_encoder({})
        is_bundled = all(torch.equal(known[key].float(), tensors[key]) for key in tensors.keys() - decoders)
        return decoders if is_bundled else tensors

    def _network(self) -> PhotorealVGG:
        return cast(PhotorealVGG, super()._network())
