"""Identity: a picture painted in its own style is that picture."""

from __future__ import annotations

from torch import Tensor

from vidstyle.losses.base import Loss, Step, present

_PIXELS = 70.0  # λ1; λ2 is 1


class Identity(Loss):
    """λ1 MSE(S(x, x), x) + λ2 mean_l MSE(F_l(S(x, x)), F_l(x)) (SANet 2019, eq. 7; StyTR-2: 70 and 1).

    Args:
        layers: of the second term.
    """

    needs = frozenset({"itself"})

    def __init__(
        self,
        layers: tuple[str, ...] = ("conv1_1", "conv2_1", "conv3_1", "conv4_1"),
    ) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, step: Step) -> Tensor:
        itself = present(step.itself, "identity", "itself")
        ours, theirs = step.features(itself), step.features(step.content)
        first = (itself.float() - step.content).square().mean()
        terms = [(ours[layer].float() - theirs[layer]).square().mean() for layer in self.layers]
        second = sum(terms[1:], terms[0]) / len(terms)
        return _PIXELS * first + second
