"""Styles as means and covariances of features: what the engines that map features to them share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.engines.base import Engine, Painted
from vidstyle.engines.feature_maps import measured, power, transform
from vidstyle.errors import OptionError, WeightsMismatch
from vidstyle.nn.folding import Convolution
from vidstyle.nn.guided_filter import reach, smoothed

if TYPE_CHECKING:
    from vidstyle.engines.network import Network

S = TypeVar("S")
_STYLE_AREA = 384 * 384  # px² at which a style's statistics are computed
_MULTIPLE = 8  # px: encoders halve three times
_RADIUS, _CELL = 2, 4  # of the filter that smooths frames: windows of 20 px
_FAINT = (6 / 255) ** 2  # variance that it halves: more loses soft clouds, less leaves the noise of cameras
NOISE_REACH = reach(_RADIUS, _CELL)
"""Px around a place that ``without_noise`` depends on."""


def padded(image: Tensor, multiple: int = _MULTIPLE) -> Tensor:
    """``image`` (1, 3, H, W) with its last rows and columns reflected, channels last.

    Sides become multiples of ``multiple`` px, and twice that at least.
    """
    height, width = (max(2 * multiple, side + -side % multiple) for side in image.shape[-2:])
    rim = (0, width - image.shape[-1], 0, height - image.shape[-2])
    is_small = any(more >= side for more, side in zip((rim[3], rim[1]), image.shape[-2:], strict=True))
    enlarged = F.pad(image, rim, mode="replicate" if is_small else "reflect")
    return enlarged.contiguous(memory_format=torch.channels_last)


def without_noise(image: Tensor) -> Tensor:
    """``image`` (1, 3, H, W) in [0, 1], sides multiples of 8 px, plain areas smoothed.

    Whitening amplifies what varies little: in a plain sky, noise of one level would become a weave of forty.
    """
    filtered = smoothed(image, radius=_RADIUS, slack=_FAINT, cell=_CELL)
    return filtered.contiguous(memory_format=torch.channels_last)


def resized(style: Tensor, area: int, multiple: int = _MULTIPLE) -> Tensor:
    """A ``style`` picture (1, 3, H, W), resized to about ``area`` px².

    Sides are multiples of ``multiple`` px, twice that at least.
    """
    height, width = style.shape[-2:]
    scale = (area / (height * width)) ** 0.5
    size = [max(2 * multiple, multiple * round(side * scale / multiple)) for side in (height, width)]
    return F.interpolate(style.float(), size, mode="bilinear", antialias=True)


def checked_levels(levels: str | int) -> tuple[int, ...]:
    """The levels to transform, such as 4321, coarse to fine; raises ``OptionError``."""
    digits = str(levels)
    numbers = tuple(int(digit) for digit in digits if digit in "1234")
    if len(numbers) != len(digits) or not numbers or numbers != tuple(sorted(set(numbers), reverse=True)):
        raise OptionError(
            f"the levels of wct must be digits from 4 down to 1, such as 4321 or 32, got {levels!r}"
        )
    return numbers


@dataclass(frozen=True, slots=True, eq=False)
class FeatureStatistics:
    """Means and covariances of features, by level."""

    means: tuple[Tensor, ...]
    """(C,) float64, coarse to fine."""
    covariances: tuple[Tensor, ...]
    """(C, C) float64; or (C,), for an engine that needs the variances only."""
    alpha: float = 1.0
    """Of a style: the share of the mapped features in those that are decoded."""

    def towards(self, other: FeatureStatistics, share: float) -> FeatureStatistics:
        """These statistics moved by ``share`` (0 to 1) of the way to ``other``."""
        return _weighted((self, other), (1 - share, share))

    def tensors(self) -> Mapping[str, Tensor]:
        parts = {"mean": self.means, "covariance": self.covariances}
        return {f"{name}{place}": part for name in parts for place, part in enumerate(parts[name])}


Into = Callable[[int, Tensor], Convolution]
"""From a place among the levels, and the value there, the convolution that the level's map is folded into."""

_Known = tuple[FeatureStatistics, FeatureStatistics, torch.dtype, tuple[Convolution, ...]]
"""Style, statistics, precision, and the convolutions made from them."""


class FeatureEngine(Engine[S, FeatureStatistics]):
    """The base of engines that paint by features at some levels, and whose statistics are those of these."""

    def checked(self, name: str) -> Self:
        """This engine, if its weights from the file ``name`` paint; raises ``WeightsMismatch`` otherwise."""
        picture = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        try:
            with torch.inference_mode():
                painted = self.stylize(picture, self.encode_style(picture)).image
        except RuntimeError as error:  # of convolutions, and of eigenvalues of NaN
            reason = str(error).splitlines()[0]
            raise WeightsMismatch(f"{name} does not fit the engine: {reason}") from error
        if painted.shape != picture.shape or not torch.isfinite(painted).all():
            raise WeightsMismatch(f"{name} does not fit the engine: it paints no picture of finite numbers")
        return self

    def painted(
        self, picture: Tensor, statistics: FeatureStatistics | None, taken: Sequence[tuple[Tensor, Tensor]]
    ) -> Painted[FeatureStatistics]:
        """A ``picture`` and its statistics: those that were given, or those that were ``taken``, by level."""
        if statistics is None:
            means, covariances = zip(*taken, strict=True)
            statistics = FeatureStatistics(means, covariances)
        return Painted(picture, statistics)

    def statistics_from_tensors(self, tensors: Mapping[str, Tensor]) -> FeatureStatistics:
        means, covariances = (
            tuple(tensors[f"{part}{place}"] for place in range(len(tensors) // 2))
            for part in ("mean", "covariance")
        )
        return FeatureStatistics(means, covariances)


class StatisticsEngine(FeatureEngine[FeatureStatistics]):
    """The base of engines whose style and statistics are those of features at ``levels``, coarse to fine."""

    alpha = 0.7
    """The share of the transformed features at strength 1; the rest are the frame's own."""
    ridge = 0.0
    """Share of the features' mean variance that is added to all before whitening and colouring."""

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        self.levels = tuple(levels)
        self._known: _Known | None = None  # the latest
        self._coloring: dict[int, tuple[Tensor, Tensor]] = {}  # by level: a style's covariance, and its root

    @abstractmethod
    def features(self, image: Tensor) -> Sequence[Tensor]:
        """Features (1, C, h, w) at each of ``levels`` of ``image`` (1, 3, H, W), sides multiples of 8 px."""

    @abstractmethod
    def folded(
        self, level: int, own: tuple[Tensor, Tensor], matrix: Tensor, offset: Tensor, precision: torch.dtype
    ) -> Convolution:
        """The convolution that a map of the features of ``level`` is folded into.

        ``own`` are the mean (C,) and covariance (C, C) of the features, ``matrix`` and ``offset`` the map.
        """

    @abstractmethod
    def paint(self, image: Tensor, into: Into) -> Tensor:
        """The painting of ``image`` (B, 3, H, W), sides multiples of 8 px, in [0, 1].

        ``into`` is called once for each of ``levels``, in order.
        """

    def features_at(self, level: int, value: Tensor) -> Tensor:
        """The features that are mapped at ``level``, from the ``value`` that ``paint`` has there."""
        return value

    def stylize(
        self, image: Tensor, style: FeatureStatistics, statistics: FeatureStatistics | None = None
    ) -> Painted[FeatureStatistics]:
        """Paint ``image`` (1, 3, H, W) in [0, 1], each side 16 px or more; with ``statistics`` any batch."""
        self.check_image(image, statistics)
        height, width = image.shape[-2:]
        taken: list[tuple[Tensor, Tensor]] = []
        ready = None if statistics is None else self.convolutions(style, statistics, image.dtype)

        def into(place: int, value: Tensor) -> Convolution:
            if ready is not None:
                return ready[place]
            taken.append(self.measure(self.features_at(self.levels[place], value)))
            return self.convolution(place, taken[place], style, image.dtype)

        picture = self.paint(padded(image), into)[..., :height, :width]
        return self.painted(picture, statistics, taken)

    def exportable(self) -> Network[FeatureStatistics, FeatureStatistics] | None:
        from vidstyle.engines.features_network import FeaturesNetwork  # which imports this module

        return FeaturesNetwork(self)

    def measure(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (C,) and covariance (C, C), float64, of ``features`` (1, C, h, w)."""
        return measured(features)

    def encode_style(self, image: Tensor) -> FeatureStatistics:
        """The statistics of a style ``image`` (1, 3, H, W) in [0, 1], resized to about 384² px²."""
        small = resized(image, _STYLE_AREA)
        means, covariances = zip(*(self.measure(part) for part in self.features(small)), strict=True)
        return FeatureStatistics(means, covariances, self.alpha)

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

    def convolutions(
        self, style: FeatureStatistics, statistics: FeatureStatistics, precision: torch.dtype
    ) -> tuple[Convolution, ...]:
        """The convolution of each level with its transform folded in; windows of a frame share them."""
        known = self._known
        if known is not None and known[0] is style and known[1] is statistics and known[2] is precision:
            return known[3]
        pairs = zip(self.levels, statistics.means, statistics.covariances, strict=True)
        made = tuple(
            self.convolution(place, (mean, covariance), style, precision)
            for place, (_, mean, covariance) in enumerate(pairs)
        )
        self._known = style, statistics, precision, made
        return made

    def convolution(
        self, place: int, own: tuple[Tensor, Tensor], style: FeatureStatistics, precision: torch.dtype
    ) -> Convolution:
        """The convolution of the level at ``place``, the transform from ``own`` to ``style`` folded in."""
        aim = style.means[place], style.covariances[place]
        matrix, offset = self.mapped(self.levels[place], own, aim, style.alpha)
        return self.folded(self.levels[place], own, matrix, offset, precision)

    def mapped(
        self, level: int, own: tuple[Tensor, Tensor], aim: tuple[Tensor, Tensor], alpha: float
    ) -> tuple[Tensor, Tensor]:
        """Matrix (C, C) and offset (C,) of the map of ``level`` from the statistics ``own`` to ``aim``."""
        covariance, coloring = self._coloring.get(level, (None, None))
        if covariance is not aim[1] or coloring is None:
            coloring = power(aim[1], 0.5, self.ridge)
            self._coloring[level] = aim[1], coloring  # the same for all frames of a style
        return transform(*own, *aim, alpha, ridge=self.ridge, coloring=coloring)


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
