"""The loss of style embeddings: a style picture's code is the one that the teacher has for it."""

from __future__ import annotations

from torch import Tensor

from vidstyle.losses.base import Loss, Step, present


class StyleEmbedding(Loss):
    """mean ‖c - c_T‖² / ‖c_T‖²: the relative squared error of codes, each style picture by itself."""

    needs = frozenset({"codes"})

    def forward(self, step: Step) -> Tensor:
        found, target = (value.float() for value in present(step.codes, "code", "codes"))
        gap, size = (value.square().sum(1) for value in (found - target, target))
        return (gap / size.clamp_min(1e-6)).mean()
