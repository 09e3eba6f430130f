"""The loss of style embeddings: distance from the teacher's embedding of the same picture."""

from __future__ import annotations

from torch import Tensor

from vidstyle.losses.base import Loss, Step, present


class StyleEmbedding(Loss):
    """mean ‖c - c_T‖² / ‖c_T‖²: the relative squared error of embeddings, for each style picture."""

    needs = frozenset({"embeddings"})
    uses_painting = False

    def forward(self, step: Step) -> Tensor:
        ours, target = (value.float() for value in present(step.embeddings, "style-embedding", "embeddings"))
        gap, size = (value.square().sum(1) for value in (ours - target, target))
        return (gap / size.clamp_min(1e-6)).mean()
