"""Frame differences: the painting changes by as much as its content; needs no flow."""

from __future__ import annotations

from torch import Tensor

from vidstyle.losses.base import Loss, Step, present


class FrameDifferenceLoss(Loss):
    """MSE(O_t - O_t-1, I_t - I_t-1) + λ mean_l MSE of the same differences of F_l.

    The FDB loss of Xu, Xiong and Hu 2021 (arXiv 2102.05822): in pixels (P-FDB) and in features (F-FDB)
    together. I are the frames, O what was painted of them, F_l scaled VGG features.

    Args:
        layers: of the second part.
        features: λ.
    """

    needs = frozenset({"pair"})

    def __init__(self, layers: tuple[str, ...] = ("conv3_1",), *, features: float = 1.0) -> None:
        super().__init__()
        self.layers = layers
        self.features = features

    def forward(self, step: Step) -> Tensor:
        pair = present(step.pair, "frame-difference", "pair")
        painted = pair.painted_later.float() - pair.painted_earlier.float()
        pixels = (painted - (pair.later - pair.earlier)).square().mean()
        later, earlier = step.features(pair.later), step.features(pair.earlier)
        ours_later, ours_earlier = step.features(pair.painted_later), step.features(pair.painted_earlier)
        terms = []
        for layer in self.layers:
            ours = ours_later[layer].float() - ours_earlier[layer].float()
            theirs = later[layer].float() - earlier[layer].float()
            terms.append((ours - theirs).square().mean())
        return pixels + self.features * sum(terms[1:], terms[0]) / len(terms)
