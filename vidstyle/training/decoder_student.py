"""A decoder for training: from features with the style's statistics to a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle.errors import WeightsMismatch
from vidstyle.nn.vgg import bundled
from vidstyle.training.learner import Learner
from vidstyle.training.style_batch import StyleBatch
from vidstyle.weights import Weights

_DEEPEST = "conv4_1"
_WIDTH = 512  # channels of that layer; an embedding is their means, then their standard deviations
# VGG-16 up to conv4_1 in reverse, as (inputs, outputs); None: upsampling by 2
_PLAN = ((512, 256), None, (256, 256), (256, 256), (256, 128), None, (128, 128), (128, 64), None, (64, 64))


class DecoderStudent(Learner):
    """Adaptive instance normalisation at conv4_1, and the decoder after it (Huang and Belongie 2017).

    t = σ(s)·(F(x) - μ(F(x)))/σ(F(x)) + μ(s); the picture is D(t), trained from conv4_1 of the bundled
    VGG-16. ``tensors`` holds only D: ``decoder.0.weight`` and so on, its convolutions in order.
    """

    bundled: ClassVar[Weights | None] = None

    def __init__(self) -> None:
        super().__init__()
        pairs = [pair for pair in _PLAN if pair is not None]
        self.decoder = nn.ModuleList(nn.Conv2d(inputs, outputs, 3) for inputs, outputs in (*pairs, (64, 3)))
        self.vgg = bundled()  # its buffers are not in checkpoints

    def load(self, tensors: Mapping[str, Tensor], name: str) -> None:
        """Load ``tensors`` of the file ``name``; raises ``WeightsMismatch`` if they do not fit."""
        own = self.state_dict()
        for key, value in own.items():
            if key not in tensors or tensors[key].shape != value.shape:
                raise WeightsMismatch(
                    f"{name} does not hold a decoder's weights: {key} is missing or differs"
                )
        self.load_state_dict({key: tensors[key].float() for key in own})

    def prepare(self, styles: StyleBatch) -> None:
        """Do nothing: embeddings are parts of descriptors."""

    @torch.no_grad()
    def randomise(self, parts: tuple[str, ...]) -> None:
        """Set the decoder to random weights if it is in ``parts``."""
        if "decoder" not in parts:
            return
        for layer in self.decoder:
            assert isinstance(layer, nn.Conv2d) and layer.bias is not None
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            layer.bias.zero_()
        last = self.decoder[-1]
        assert isinstance(last, nn.Conv2d) and last.bias is not None
        last.weight.mul_(0.1)
        last.bias.fill_(0.5)  # so that the first pictures are grey

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """The parameters of the decoder."""
        return {"decoder": list(self.decoder.parameters())}

    def encode(self, styles: StyleBatch) -> Tensor:
        """Embeddings (B, 1024): the end of the descriptors, whose last layer is conv4_1."""
        return styles.descriptors[:, -2 * _WIDTH :]

    def paint(self, image: Tensor, embeddings: Tensor, number: int | None = None) -> Tensor:
        """Paint ``image`` (B, 3, H, W) in [0, 1], with sides of 16 px or more; results may exceed [0, 1]."""
        height, width = image.shape[-2:]
        padded = F.pad(image, (0, -width % 8, 0, -height % 8), mode="reflect")
        value = self.vgg.features(padded, (_DEEPEST,))[_DEEPEST].float()
        mean, deviation = (part[:, :, None, None] for part in torch.split(embeddings, _WIDTH, 1))
        value = F.instance_norm(value, eps=1e-5) * deviation + mean
        value = value / self.vgg.scale(_DEEPEST)[:, None, None]  # unscaled features are in the hundreds
        layers = iter(self.decoder)
        for step in _PLAN:
            if step is None:
                value = F.interpolate(value, scale_factor=2, mode="nearest")
            else:
                value = F.relu(next(layers)(F.pad(value, (1, 1, 1, 1), mode="reflect")))
        picture: Tensor = next(layers)(F.pad(value, (1, 1, 1, 1), mode="reflect")).float()
        return picture[..., :height, :width]

    @torch.no_grad()
    def tensors(self) -> dict[str, Tensor]:
        """The exported tensors, float32 on the CPU."""
        return {key: value.detach().float().cpu().contiguous() for key, value in self.state_dict().items()}
