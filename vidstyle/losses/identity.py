"""Identity: a picture painted in its own style is that picture."""

from __future__ import annotations

from torch import Tensor

from vidstyle.losses.base import Loss, Step, present


class Identity(Loss):
    """λ1 MSE(S(x, x), x) + λ2 mean_l MSE(F_l(S(x, x)), F_l(x)) (SANet 2019, eq. 7; StyTR-2: 70 and 1).

    Args:
        layers: of the second term.
        pixels: λ1.
        features: λ2.
    """

    needs = frozenset({"itself"})

    def __init__(
        self,
        layers: tuple[str, ...] = ("conv1_1", "conv2_1", "conv3_1", "conv4_1"),
        *,
        pixels: float = 70.0,
        features: float = 1.0,
    ) -> None:
        super().__init__()
        self.layers = layers
        self.pixels, self.features = pixels, features

    def forward(self, step: Step) -> Tensor:
        itself = present(step.itself, "identity", "itself")
        ours, theirs = step.features(itself), step.features(step.content)
        first = (itself.float() - step.content).square().mean()
        terms = [(ours[layer].float() - theirs[layer]).square().mean() for layer in self.layers]
        second = sum(terms[1:], terms[0]) / len(terms)
        return self.pixels * first + self.features * second
