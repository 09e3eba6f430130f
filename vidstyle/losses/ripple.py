"""No finer grain anywhere than the style has: no ripples on even walls."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.losses.base import Loss, Step
from vidstyle.losses.features import at_area

_UNSEEN = (0.5 / 255) ** 2  # mean square of detail that rounding to 8 bits swallows


class Ripple(Loss):
    """mean over parts of max(0, r(S(x)) - q), q the median of r over the parts of the style picture.

    r is how fine a part's detail is: e_1 / (e_1 + e_2 + ε), e_1 = Σ (x - b_1)² and e_2 = Σ (b_1 - b_2)², b_1
    the picture blurred by (1, 2, 1)/4 both ways, b_2 b_1 blurred by (1, 4, 6, 4, 1)/16. In pictures nearly
    all parts have about the same r (their spectra fall evenly: Durall et al. 2020 hold generators to that),
    a ripple of 2 to 3 px has much more. A share: what is faint on an even wall, where it is seen, weighs as
    much as among strokes, where it is not, and losses over the whole picture do find nothing of it.

    Args:
        part: px, side of a part.
        side: px; the style's grain is that in an area of side² px.
    """

    def __init__(self, *, part: int = 16, side: int = 256) -> None:
        super().__init__()
        self.part, self.side = part, side

    def forward(self, step: Step) -> Tensor:
        with torch.no_grad():
            limits = [fineness(at_area(style, self.side), self.part).median() for style in step.styles]
        found = fineness(step.painted.float(), self.part)
        return (found - torch.stack(limits).view(-1, 1, 1, 1)).relu().mean()


def fineness(image: Tensor, part: int) -> Tensor:
    """r (B, 1, H // part, W // part) of ``image`` (B, 3, H, W), whose sides may be shorter than a part."""
    once = _blurred(image.float(), (1, 2, 1))
    twice = _blurred(once, (1, 4, 6, 4, 1))
    sides = [min(part, side) for side in image.shape[-2:]]
    fine, coarse = (
        F.avg_pool2d(band.square().mean(1, keepdim=True), sides) for band in (image - once, once - twice)
    )
    return fine / (fine + coarse + _UNSEEN)


def _blurred(image: Tensor, taps: tuple[int, ...]) -> Tensor:
    line = image.new_tensor(taps) / sum(taps)
    kernel = torch.outer(line, line).expand(image.shape[1], 1, -1, -1)
    rim = len(taps) // 2
    padded = F.pad(image, (rim,) * 4, mode="reflect")
    return F.conv2d(padded, kernel, groups=image.shape[1])
