"""Total variation: the painting is free of noise."""

from __future__ import annotations

from torch import Tensor

from vidstyle.losses.base import Loss, Step


class Variation(Loss):
    """Σ |x[i+1, j] - x[i, j]| + Σ |x[i, j+1] - x[i, j]| over channels and pixels, the mean over the batch.

    Anisotropic (Rudin et al. 1992; Johnson et al. 2016). A sum: at 256x256 it is about 1e4, so the usual
    weight is 1e-5.
    """

    def forward(self, step: Step) -> Tensor:
        image = step.painted.float()
        down = (image[..., 1:, :] - image[..., :-1, :]).abs().sum()
        across = (image[..., 1:] - image[..., :-1]).abs().sum()
        return (down + across) / len(image)
