"""Ripple: no finer grain than the style has, so no ripples on even walls."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.losses.base import UNSEEN, Loss, Step
from vidstyle.losses.step_features import at_area, cell_means


class Ripple(Loss):
    """mean over parts of max(0, r(S(x)) - q), q the median of r over the parts of the style picture.

    r is how fine a part's detail is: e_1 / (e_1 + e_2 + ε), e_1 = mean (x - b_1)² and e_2 = mean (b_1 - b_2)²
    over the part's pixels and colours, b_1 the picture blurred by (1, 2, 1)/4 both ways, b_2 b_1 blurred by
    (1, 4, 6, 4, 1)/16, ε = (½/255)². A ripple of 2 to 3 px has a higher r than strokes have. Compare Durall
    et al. 2020, who match the whole spectrum of generated pictures to that of real ones; here two bands are
    compared, part by part. It is a share, so that a faint ripple on an even wall weighs as much as a strong
    one among strokes; losses over the whole picture hardly change with it.

    Args:
        part: px, side of a part.
        side: px; the style picture is resized to an area of side² px².
    """

    def __init__(self, *, part: int = 16, side: int = 256) -> None:
        super().__init__()
        self.part, self.side = part, side

    def forward(self, step: Step) -> Tensor:
        # bfloat16 is too coarse for the small differences between a picture and its blur
        with torch.autocast(step.painted.device.type, enabled=False):
            with torch.no_grad():
                limits = [fineness(at_area(style, self.side), self.part).median() for style in step.styles]
            ours = fineness(step.painted, self.part)
            return (ours - torch.stack(limits).view(-1, 1, 1, 1)).relu().mean()


def fineness(image: Tensor, part: int) -> Tensor:
    """r in float32 of each part of ``image`` (B, 3, H, W), sides 3 px or more.

    (B, 1, H // part, W // part); a side shorter than ``part`` is one part.
    """
    image = image.float()
    once = _blurred(image, (1, 2, 1))
    twice = _blurred(once, (1, 4, 6, 4, 1))
    fine, coarse = (
        cell_means(band.square().mean(1, keepdim=True), part) for band in (image - once, once - twice)
    )
    return fine / (fine + coarse + UNSEEN)


def _blurred(image: Tensor, taps: tuple[int, ...]) -> Tensor:
    line = image.new_tensor(taps) / sum(taps)
    kernel = torch.outer(line, line).expand(image.shape[1], 1, -1, -1)
    rim = len(taps) // 2
    padded = F.pad(image, (rim,) * 4, mode="reflect")
    return F.conv2d(padded, kernel, groups=image.shape[1])
