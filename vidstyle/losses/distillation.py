"""Distillation: what a teacher painted, in colour at every scale and in features."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.losses.base import Loss, Step, present


class Distillation(Loss):
    """mean_k |P_k(S(x)) - P_k(T(x))| + λ mean_l Σ|F_l(S(x)) - F_l(T(x))| / Σ|F_l(T(x))|.

    P_k is the mean over 2^k x 2^k px, k from 0 (an L1 pyramid: alone it gives colour and tone but blurs
    texture); the second part is the relative L1 distance of features, each picture by itself. T is any
    frozen engine.

    Args:
        layers: of the second part.
        levels: of the pyramid; those at which a picture is smaller than a pixel are left out.
        features: λ; 0.5 in the first stage of the bundled weights' training.
    """

    needs = frozenset({"target"})

    def __init__(
        self, layers: tuple[str, ...] = ("conv2_2", "conv3_1"), *, levels: int = 4, features: float = 0.5
    ) -> None:
        super().__init__()
        self.layers = layers
        self.levels, self.features = levels, features

    def forward(self, step: Step) -> Tensor:
        target = present(step.target, "distillation", "target")
        ours, theirs = step.features(step.painted), step.features(target)
        terms = [_relative(ours[layer].float(), theirs[layer].float()) for layer in self.layers]
        pyramid = self._pyramid(step.painted.float() - target.float())
        return pyramid + self.features * torch.stack(terms).mean()

    def _pyramid(self, gap: Tensor) -> Tensor:
        # averaging is linear: the pyramid of the gap is the gap of the pyramids
        terms = [gap.abs().mean()]
        for _ in range(1, self.levels):
            if min(gap.shape[-2:]) < 2:
                break
            gap = F.avg_pool2d(gap, 2)
            terms.append(gap.abs().mean())
        return torch.stack(terms).mean()


def _relative(painted: Tensor, target: Tensor) -> Tensor:
    gap, size = (value.abs().flatten(1).sum(1) for value in (painted - target, target))
    return (gap / size.clamp_min(1e-6)).mean()
