"""Decoders of the features of a small VGG that does not learn, for training."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vidstyle.nn.small_vgg import with_encoder
from vidstyle.training.small_vgg_student import SmallVGGStudent
from vidstyle.training.style_batch import StyleBatch


class DecoderStudent(SmallVGGStudent):
    """A small VGG of which only the decoders learn.

    ``tensors`` are the decoders, with an encoder if that is not the one of the bundled small VGG.
    """

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

    @torch.no_grad()
    def tensors(self) -> dict[str, Tensor]:
        """The tensors of the decoders, float32 on the CPU; the encoder's too if it is not the bundled one."""
        tensors = super().tensors()
        learnt = {key: value for key, value in tensors.items() if self.is_exported(key)}
        known = with_encoder({})
        is_bundled = all(torch.equal(known[key].float(), tensors[key]) for key in tensors.keys() - learnt)
        return learnt if is_bundled else tensors

    def is_exported(self, key: str) -> bool:
        """Whether the tensor ``key`` is exported even with the encoder of the bundled small VGG."""
        return key.startswith("decoder")
