"""Style distance: how far the textures and colours of a result are from the style picture's."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from vidstyle.errors import OptionError
from vidstyle.metrics.base import MeanOverFrames, Motion, Sample, Setup
from vidstyle.metrics.meaning import Meaning, Sampling
from vidstyle.metrics.perceptual_features import STYLE_LAYERS, bundled
from vidstyle.nn.encoder_features import gram


class StyleDistance(MeanOverFrames):
    """‖G(O) - G(S)‖ / ‖G(S)‖ (Frobenius), mean over conv1_1, conv2_1, conv3_1, conv4_1, then over frames.

    G = F·Fᵀ/(h·w) (Gatys et al. 2015) of features divided by their usual deviation. The result is encoded at
    a short side of 480 px at most, the style picture at an area of 256² px². Unit: 1; lower is closer; an
    unpainted clip has about 1.3.
    """

    meaning = Meaning(
        "1",
        "low: near the baseline's",
        is_drawn=True,
        sampling=Sampling(every=240, first=12),  # features take as long as painting ten frames
    )
    intervals = ()
    needs = frozenset({"style"})

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        if setup.style is None:
            raise OptionError("style_distance needs the style picture; give --style")
        self._features = setup.features or bundled()
        self._target = _grams(self._features.of_style(setup.style))

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        ours = _grams(self._features(now.result))
        distances = [
            float((ours[layer] - target).norm() / target.norm().clamp_min(1e-12))
            for layer, target in self._target.items()
        ]
        self._mean.add(sum(distances) / len(distances))


def _grams(features: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {layer: gram(features[layer]) for layer in STYLE_LAYERS}
