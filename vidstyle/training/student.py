"""StyleNet for training: unfolded layers, and a style embedding for each picture of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle.engines.stylenet import BODY, CHANNELS, SLACK, Layers
from vidstyle.errors import WeightsMismatch
from vidstyle.training.learner import Learner
from vidstyle.training.style_batch import StyleBatch
from vidstyle.weights import STYLENET, Weights

_LEAST = 0.3  # least standard deviation of a descriptor's entry, absolute and relative to its mean


class Student(Learner):
    """The network of ``engines/stylenet.py`` with gradients; ``tensors`` are those that the engine loads.

    The descriptor's entries range from 0.01 to 1,000, so the encoder is trained on standardised ones; the
    export folds the standardisation into the encoder.
    """

    bundled: ClassVar[Weights] = STYLENET
    engine: ClassVar[str] = "stylenet"
    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.painter = _Painter()
        self.style = nn.Linear(2816, 100)
        self.register_buffer("mean", torch.zeros(2816))
        self.register_buffer("deviation", torch.ones(2816))

    def load(self, tensors: Mapping[str, Tensor], name: str) -> None:
        """Load an engine's ``tensors`` of the file ``name``; ``WeightsMismatch`` if they do not fit."""
        own = {key: value for key, value in self.state_dict().items() if "." in key}
        for key, value in own.items():
            if key not in tensors:
                raise WeightsMismatch(f"{name} does not hold StyleNet's weights: it lacks {key}")
            if tensors[key].shape != value.shape:
                raise WeightsMismatch(
                    f"{name} does not hold StyleNet's weights: {key} is {tuple(tensors[key].shape)}, "
                    f"expected {tuple(value.shape)}"
                )
        self.load_state_dict({**self.state_dict(), **{key: tensors[key].float() for key in own}})
        self._standardise(torch.zeros(2816), torch.ones(2816), fold=False)

    @torch.no_grad()
    def prepare(self, styles: StyleBatch) -> None:
        """Standardise the encoder's input by the descriptors of more than one picture."""
        descriptors = styles.descriptors
        if len(descriptors) < 2:
            return
        mean = descriptors.mean(0)
        # an entry may be equal in a few pictures by chance; differences in others must not be scaled up 1,000
        # times
        least = (_LEAST * mean.abs()).clamp_min(_LEAST)
        self._standardise(mean, torch.maximum(descriptors.std(0, correction=0), least), fold=True)

    @torch.no_grad()
    def randomise(self, parts: tuple[str, ...]) -> None:
        """Set ``parts`` (of painter, film, encoder) to random weights."""
        if "painter" in parts:
            for layer in self.painter.modules():
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                    if layer.bias is not None:
                        layer.bias.zero_()
            # so that the first pictures are grey instead of black and white
            self.painter.e2.weight.mul_(0.1)
        if "film" in parts:
            nn.init.normal_(self.painter.film.weight, std=0.02)
            nn.init.zeros_(self.painter.film.bias)
        if "encoder" in parts:
            nn.init.zeros_(self.style.weight)
            nn.init.zeros_(self.style.bias)

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """The parameters of painter, film and encoder."""
        film = list(self.painter.film.parameters())
        known = {id(value) for value in film}
        painter = [value for value in self.painter.parameters() if id(value) not in known]
        return {"painter": painter, "film": film, "encoder": list(self.style.parameters())}

    def encode(self, styles: StyleBatch) -> Tensor:
        """Embeddings (B, 100) of the descriptors of B pictures."""
        embeddings: Tensor = self.style((styles.descriptors - self.mean) / self.deviation)
        return embeddings

    def paint(self, image: Tensor, embeddings: Tensor, number: int | None = None) -> Tensor:
        """Paint ``image`` (B, 3, H, W) in [0, 1], sides of 16 px or more, with ``embeddings`` (B, 100)."""
        painted: Tensor = self.painter(image, embeddings)
        return painted

    @torch.no_grad()
    def tensors(self) -> dict[str, Tensor]:
        """The engine's tensors, float32 on the CPU; the standardisation is folded into the linear layer."""
        tensors = {
            key: value.detach().float().cpu().contiguous()
            for key, value in self.state_dict().items()
            if "." in key
        }
        weight = tensors["style.weight"] / self.deviation.cpu()
        tensors["style.bias"] = tensors["style.bias"] - weight @ self.mean.cpu()
        tensors["style.weight"] = weight
        return tensors

    @torch.no_grad()
    def _standardise(self, mean: Tensor, deviation: Tensor, *, fold: bool) -> None:
        if fold:
            weight = self.style.weight / self.deviation  # for descriptors that are not standardised
            bias = self.style.bias - weight @ self.mean
            self.style.bias.copy_(bias + weight @ mean)
            self.style.weight.copy_(weight * deviation)
        self.mean.copy_(mean)
        self.deviation.copy_(deviation)


class _Painter(Layers):
    """The engine's layers, without the derived tensors."""

    def forward(self, image: Tensor, embeddings: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        films = iter(
            torch.split(self.film(embeddings), [part for count in CHANNELS for part in (count, count)], 1)
        )
        value = F.pad(image - 0.5, (0, -width % 4, 0, -height % 4), mode="reflect")
        value = F.relu(_convolve(value, self.c1))
        value = F.relu(_convolve(value, self.c2))
        for block in range(BODY // 2):
            inner = F.relu(_norm(_convolve(value, self.r[2 * block]), next(films), next(films)))
            value = value + _norm(_convolve(inner, self.r[2 * block + 1]), next(films), next(films))
        value = F.interpolate(value, scale_factor=2, mode="nearest")
        value = F.relu(_norm(_convolve(value, self.e1), next(films), next(films)))
        picture = torch.sigmoid(F.pixel_shuffle(_convolve(value, self.e2), 2).float())
        return picture[..., :height, :width]


def _convolve(value: Tensor, layer: nn.Module) -> Tensor:
    """``layer`` on ``value`` padded by reflection."""
    assert isinstance(layer, nn.Conv2d)
    reach = layer.kernel_size[0] // 2
    convolved: Tensor = layer(F.pad(value, (reach,) * 4, mode="reflect"))
    return convolved


def _norm(value: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Instance norm in float32, times 1 + ``scale`` (B, C) plus ``shift`` (B, C)."""
    normed = F.instance_norm(value.float(), eps=SLACK)
    return normed * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
