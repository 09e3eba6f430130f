"""Whitening and colouring (Li et al. 2017): features of a frame take on a style's means and covariances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle import weights as files
from vidstyle.engines.base import Engine, EngineInfo, Painted
from vidstyle.errors import OptionError
from vidstyle.nn.small_vgg import Convolution, SmallVGG

_ALPHA = 0.7  # of the whitened and coloured features in what is decoded; the rest are the frame's own
_STYLE_AREA = 384 * 384  # px² at which a style's statistics are computed
_MULTIPLE = 8  # px: the encoder halves three times
_LEAST = 1e-8  # eigenvalues below count as 0; features are about 1


def build(weights: Path | None = None, *, levels: str | int = "4321") -> WCT:
    """WCT with the bundled small VGG, or that of a file.

    ``levels`` are the levels to transform, digits from 4 (the coarsest) to 1; without 4 shapes stay closer to
    the clip's. Raises ``OptionError``, ``WeightsMissing`` and ``WeightsMismatch``.
    """
    digits = str(levels)
    numbers = tuple(int(digit) for digit in digits if digit in "1234")
    if len(numbers) != len(digits) or not numbers or numbers != tuple(sorted(set(numbers), reverse=True)):
        raise OptionError(
            f"the levels of wct must be digits from 4 down to 1, such as 4321 or 32, got {levels!r}"
        )
    source = weights or files.SMALL_VGG
    name = str(source) if isinstance(source, Path) else source.file
    return WCT(SmallVGG(files.load(source), name=name), numbers)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureStatistics:
    """Means and covariances of features, by level."""

    means: tuple[Tensor, ...]
    """(C,) float64, coarse to fine."""
    covariances: tuple[Tensor, ...]
    """(C, C) float64."""
    alpha: float = _ALPHA
    """Of a style: its share in the decoded features."""

    def towards(self, other: FeatureStatistics, share: float) -> FeatureStatistics:
        """These statistics moved by ``share`` (0 to 1) of the way to ``other``."""
        return _weighted((self, other), (1 - share, share))

    def tensors(self) -> Mapping[str, Tensor]:
        parts = {"mean": self.means, "covariance": self.covariances}
        return {f"{name}{place}": part for name in parts for place, part in enumerate(parts[name])}


_Folded = tuple[FeatureStatistics, FeatureStatistics, torch.dtype, tuple[Convolution, ...]]
"""Style, statistics, precision, and the convolutions made from them."""


class WCT(Engine[FeatureStatistics, FeatureStatistics]):
    """A style is the statistics of its features; an image is painted in the precision of its dtype.

    The frame is encoded to the coarsest level, transformed and decoded; the resulting picture goes through
    the next finer level in the same way. The transform is folded into the decoder's first convolution.
    """

    info: ClassVar[EngineInfo] = EngineInfo(
        title="WCT",
        receptive_field=112,
        near_field=48,  # beyond, 0.4 levels in photographs and in white noise
        near_error=1,
        multiple=_MULTIPLE,
        smallest=16,
        largest=1920 * 1080,  # about 1 GB of float32 features
        feature_strength=0.5,  # lower alphas only blur: coarse features decode to a blurred picture
    )

    def __init__(self, network: SmallVGG, levels: Sequence[int] = (4, 3, 2, 1)) -> None:
        super().__init__()
        self.network = network
        self.levels = tuple(levels)  # coarse to fine
        self._folded: _Folded | None = None  # the latest
        self.requires_grad_(False)
        self.eval()

    def encode_style(self, image: Tensor) -> FeatureStatistics:
        """The statistics of a style ``image`` (1, 3, H, W) in [0, 1], resized to about 384² px²."""
        height, width = image.shape[-2:]
        scale = (_STYLE_AREA / (height * width)) ** 0.5
        size = [max(16, _MULTIPLE * round(side * scale / _MULTIPLE)) for side in (height, width)]
        small = F.interpolate(image.float(), size, mode="bilinear", antialias=True)
        means, covariances = zip(
            *(measured(self.network.encode(small, level)) for level in self.levels), strict=True
        )
        return FeatureStatistics(means, covariances)

    def mix(self, styles: Sequence[FeatureStatistics], weights: Sequence[float]) -> FeatureStatistics:
        return _weighted(styles, weights)

    def at_strength(self, style: FeatureStatistics, strength: float) -> FeatureStatistics:
        return replace(style, alpha=min(1.0, style.alpha * strength))

    def style_tensors(self, style: FeatureStatistics) -> Mapping[str, Tensor]:
        return {**style.tensors(), "alpha": torch.tensor(style.alpha, dtype=torch.float64)}

    def style_from_tensors(self, tensors: Mapping[str, Tensor]) -> FeatureStatistics:
        means, covariances = (
            tuple(tensors[f"{part}{place}"] for place in range(len(self.levels)))
            for part in ("mean", "covariance")
        )
        return FeatureStatistics(means, covariances, float(tensors["alpha"]))

    def stylize(
        self, image: Tensor, style: FeatureStatistics, statistics: FeatureStatistics | None = None
    ) -> Painted[FeatureStatistics]:
        """Paint ``image`` (1, 3, H, W) in [0, 1], each side 16 px or more; with ``statistics`` any batch."""
        self.check_image(image, statistics)
        height, width = image.shape[-2:]
        picture = F.pad(image, (0, -width % _MULTIPLE, 0, -height % _MULTIPLE), mode="reflect")
        picture = picture.contiguous(memory_format=torch.channels_last)
        if statistics is not None:
            for level, first in zip(
                self.levels, self._convolutions(style, statistics, image.dtype), strict=True
            ):
                picture = self.network.picture(self.network.encode(picture, level), level, first)
            return Painted(picture[..., :height, :width], statistics)
        taken = []
        for place, level in enumerate(self.levels):
            features = self.network.encode(picture, level)
            taken.append(measured(features))
            aim = style.means[place], style.covariances[place]
            first = self._convolution(level, taken[-1], aim, style.alpha, image.dtype)
            picture = self.network.picture(features, level, first)
        means, covariances = zip(*taken, strict=True)
        return Painted(picture[..., :height, :width], FeatureStatistics(means, covariances))

    def _convolutions(
        self, style: FeatureStatistics, statistics: FeatureStatistics, precision: torch.dtype
    ) -> tuple[Convolution, ...]:
        """The first convolution of each level's decoder with its transform folded in; windows share them."""
        known = self._folded
        if known is not None and known[0] is style and known[1] is statistics and known[2] is precision:
            return known[3]
        pairs = zip(
            self.levels,
            zip(statistics.means, statistics.covariances, strict=True),
            zip(style.means, style.covariances, strict=True),
            strict=True,
        )
        made = tuple(self._convolution(level, own, aim, style.alpha, precision) for level, own, aim in pairs)
        self._folded = style, statistics, precision, made
        return made

    def _convolution(
        self,
        level: int,
        own: tuple[Tensor, Tensor],
        aim: tuple[Tensor, Tensor],
        alpha: float,
        precision: torch.dtype,
    ) -> Convolution:
        """The first convolution of a level's decoder, the transform from ``own`` to ``aim`` folded in."""
        kernel, bias = (part.double() for part in self.network.first(level))
        matrix, offset = transform(*own, *aim, alpha)
        folded = torch.einsum("oiyx,ij->ojyx", kernel, matrix).to(precision)
        # exact for the mean features, whatever the rounding of the kernel to this precision
        middle = torch.einsum("oiyx,i->o", kernel, matrix @ own[0] + offset)
        shift = bias + middle - torch.einsum("oiyx,i->o", folded.double(), own[0])
        return folded.contiguous(memory_format=torch.channels_last), shift.to(precision)


def transform(
    mean: Tensor, covariance: Tensor, style_mean: Tensor, style_covariance: Tensor, alpha: float
) -> tuple[Tensor, Tensor]:
    """The matrix (C, C) and offset (C,) that whiten features and colour them (Li et al. 2017, eq. 2 and 3).

    ``alpha`` (0 to 1) is the share of the transformed features; the rest are the features themselves.
    """
    whitening, coloring = _power(covariance, -0.5), _power(style_covariance, 0.5)
    matrix = alpha * coloring @ whitening
    offset = alpha * style_mean - matrix @ mean
    return matrix + (1 - alpha) * torch.eye(len(mean), dtype=matrix.dtype, device=matrix.device), offset


def measured(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (C,) and covariance (C, C) of ``features`` (1, C, h, w), float64."""
    flat = features[0].flatten(1).float()
    mean = flat.mean(1, keepdim=True)
    centred = flat - mean
    return mean[:, 0].double(), (centred @ centred.T).double() / max(1, flat.shape[1] - 1)


def _power(covariance: Tensor, power: float) -> Tensor:
    """A power of a symmetric matrix (C, C); directions of almost no variance are left out."""
    values, vectors = torch.linalg.eigh(covariance)
    powers = torch.where(values > _LEAST, values.clamp_min(_LEAST) ** power, 0.0)
    root: Tensor = (vectors * powers) @ vectors.T
    return root


def _weighted(statistics: Sequence[FeatureStatistics], weights: Sequence[float]) -> FeatureStatistics:
    def mixed(parts: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        return tuple(
            torch.stack([part * weight for part, weight in zip(level, weights, strict=True)]).sum(0)
            for level in zip(*parts, strict=True)
        )

    return replace(
        statistics[0],
        means=mixed([each.means for each in statistics]),
        covariances=mixed([each.covariances for each in statistics]),
    )
