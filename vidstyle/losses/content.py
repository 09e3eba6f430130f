"""Content: the painting keeps the features of its content picture."""

from __future__ import annotations

from typing import Self

from torch import Tensor

from vidstyle.errors import OptionError
from vidstyle.losses.base import Loss, LossSettings, Step

_LUMINANCE = (0.299, 0.587, 0.114)  # BT.601


class Content(Loss):
    """mean_l MSE(F_l(S(x)), F_l(x)) on scaled VGG features (Gatys et al. 2015, eq. 1, as a mean).

    Args:
        layers: of the bundled VGG; the mean is taken over them.
        kind: "plain"; "normalised" compares features normalised by each channel's mean and deviation
            (MCCNet), so that colours may change; "grey" takes the content's features from its luminance
            (ReReVST).
    """

    def __init__(self, layers: tuple[str, ...] = ("conv4_1",), *, kind: str = "plain") -> None:
        super().__init__()
        if kind not in ("plain", "normalised", "grey"):
            raise OptionError(f"content can be plain, normalised or grey, not {kind!r}")
        self.layers = layers
        self.kind = kind

    @classmethod
    def of(cls, settings: LossSettings) -> Self:
        return cls(settings.content_layers, kind=settings.content_kind)

    def forward(self, step: Step) -> Tensor:
        source = luminance(step.content) if self.kind == "grey" else step.content
        ours, theirs = step.features(step.painted), step.features(source)
        terms = []
        for layer in self.layers:
            painted, target = ours[layer].float(), theirs[layer].float()
            if self.kind == "normalised":
                painted, target = _normalised(painted), _normalised(target)
            terms.append((painted - target).square().mean())
        return sum(terms[1:], terms[0]) / len(terms)


def luminance(image: Tensor) -> Tensor:
    """BT.601 luminance of ``image`` (B, 3, H, W), in all three channels."""
    red, green, blue = (image[:, number] * share for number, share in enumerate(_LUMINANCE))
    return (red + green + blue).unsqueeze(1).expand_as(image)


def _normalised(features: Tensor) -> Tensor:
    mean = features.mean((2, 3), keepdim=True)
    variance = features.var((2, 3), correction=0, keepdim=True)
    return (features - mean) / (variance + 1e-5).sqrt()
