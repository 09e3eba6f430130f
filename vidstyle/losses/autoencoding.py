"""Losses of an autoencoder: features as VGG-16's, and decoders that give back what was encoded."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from vidstyle.errors import OptionError
from vidstyle.losses.base import Autoencoding, Loss, Step, present
from vidstyle.nn.vgg import bundled


class _AutoencodingLoss(Loss):
    needs = frozenset({"autoencoding"})
    uses_painting = False


class FeatureDistillation(_AutoencodingLoss):
    """Σ_l ‖H_l(F_l(x)) - V_l(x)‖² / ‖V_l(x)‖², norms over the batch.

    H_l maps the features of the student to the channels of V, which is VGG-16 padded by reflection: padded
    by zeros it has other features at the borders, which no student padded by reflection can reproduce.
    """

    def __init__(self) -> None:
        super().__init__()
        self.teacher = bundled(padding="reflect")

    def forward(self, step: Step) -> Tensor:
        made = _made(step, "feature-distillation")
        if not made.heads:
            raise OptionError(
                "feature-distillation teaches an encoder, and this recipe trains none; leave it out"
            )
        with torch.no_grad():
            targets = self.teacher.features(made.image, tuple(made.heads))
        terms = []
        for layer, value in made.heads.items():
            scale = self.teacher.scale(layer).view(1, -1, 1, 1)
            terms.append(_relative(value, targets[layer].float() / scale))
        return torch.stack(terms).sum()


class DecoderBlock(_AutoencodingLoss):
    """mean_l ‖D_l(F_l(x)) - F_l-1(x)‖² / ‖F_l-1(x)‖²: each block gives back the features of the level below.

    For decoders to means of features, F_l-1 are these. Only decoders learn from it.
    """

    def forward(self, step: Step) -> Tensor:
        return _mean(_relative(*block) for block in _made(step, "decoder-block").blocks)


class Reconstruction(_AutoencodingLoss):
    """mean_l MSE(x_l, x), x_l the picture decoded from level l, for the levels whose pictures there are."""

    def forward(self, step: Step) -> Tensor:
        made = _made(step, "reconstruction")
        return _mean((picture.float() - made.image).square().mean() for picture in made.pictures)


class PerceptualReconstruction(_AutoencodingLoss):
    """mean_l Σ_k ‖V_k(x_l) - V_k(x)‖² / ‖V_k(x)‖² of half the batch; sharpens what was decoded.

    x_l is the picture decoded from level l, but for the first.

    Args:
        layers: k, of the features that losses compare.
    """

    def __init__(self, layers: tuple[str, ...] = ("conv2_1", "conv3_1")) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, step: Step) -> Tensor:
        made = _made(step, "perceptual-reconstruction")
        half = max(1, len(made.image) // 2)
        pictures = made.pictures[1:]
        with torch.no_grad():
            targets = step.features(made.image[:half])
        decoded = step.features(torch.cat([picture[:half] for picture in pictures]))
        terms = [
            _mean(_relative(part, targets[layer]) for part in decoded[layer].chunk(len(pictures)))
            for layer in self.layers
        ]
        return torch.stack(terms).sum()


def _made(step: Step, loss: str) -> Autoencoding:
    return present(step.autoencoding, loss, "autoencoding")


def _mean(terms: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(terms)).mean()


def _relative(value: Tensor, target: Tensor) -> Tensor:
    """‖value - target‖² / ‖target‖², over the batch."""
    target = target.float()
    return (value.float() - target).square().sum() / target.square().sum().clamp_min(1e-6)
