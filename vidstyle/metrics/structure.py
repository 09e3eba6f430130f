"""Structure: how much of the clip's outlines a result keeps, on moving things and on the ground."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.flow.affine import affine, along
from vidstyle.metrics.base import Mean, Motion, Sample, Setup, luma, scaled
from vidstyle.metrics.meaning import Meaning
from vidstyle.metrics.memo import Memo

_BEFORE, _AFTER = 1.0, 1.5  # px at 360 lines: smoothing before and after the Sobel operator
_WINDOW = 8.0  # px at 360 lines: of the correlation, a few strokes
_FLOOR = 1e-7  # variance of an edge map (intensity a px, squared) that camera noise makes
_EDGES = 0.4  # quantile of the clip's edge map, above which it has edges
_SPEED, _SHARE = 0.7, 0.002  # px, and of the width: motion beyond the errors of the flow
_REACH = 9  # px at 360 lines by which what moves is enlarged: its outline counts with it
_GRID = 48  # samples of the flow in each direction, for the fit
_FRAMES, _OF_ALL = 5, 0.1  # frames, or share of all: fewer are not representative of a clip


class Structure(ABC):
    """Mean correlation of the result's edges with the clip's, where the clip has edges; the mean over frames.

    Edges are the Sobel magnitude of the luma (BT.601), smoothed before (Gaussian, 1 px at 360 lines) and
    after (1.5 px); they are correlated in a Gaussian window (8 px at 360 lines), so that brightness, contrast
    and colour do not matter, and averaged where the clip's are above their 40th percentile. A frame with too
    few such pixels (``least``) is left out; if fewer than 5 frames and fewer than a tenth have enough, there
    is no value. vidstyle's own measure. Unit: 1 (the clip itself has 1, unrelated strokes about 0).
    """

    intervals: tuple[int, ...] = (1,)
    needs = frozenset({"motion"})
    least = 0.005
    """Share of the picture that must be measured, at least."""

    def __init__(self, setup: Setup | None = None) -> None:
        self.memo = setup.memo if setup is not None else Memo()
        self._mean, self._frames = Mean(), 0

    @property
    def latest(self) -> float | None:
        return self._mean.latest

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        self._frames += 1
        value = self.measured(now, motion.get(1), now.result)
        if value is None:
            self._mean.skip()
        else:
            self._mean.add(value)

    def result(self) -> float | None:
        return self._mean.value if self._is_enough else None

    @property
    def _is_enough(self) -> bool:
        return self._mean.count >= min(_FRAMES, _OF_ALL * self._frames)

    def measured(self, now: Sample, moved: Motion | None, picture: Tensor) -> float | None:
        """The value of ``picture`` for the frame ``now``; None if too few pixels can be measured."""
        where = self.where(now, moved) if min(picture.shape[-2:]) >= 3 else None
        if where is None or float(where.double().mean()) < self.least:
            return None
        return float(self.memo.get(structure, now.content, picture)[where].mean(dtype=torch.float64))

    @abstractmethod
    def where(self, now: Sample, moved: Motion | None) -> Tensor | None:
        """(1, 1, H, W) of bool: the pixels that are measured; None if that needs motion and there is none."""


class Kept(Structure):
    """The result's structure over that of the per-frame baseline: a ratio of means over the same frames.

    1: the result has lost no more than painting each frame by itself loses. Unit: ratio.
    """

    needs = frozenset({"motion", "baseline"})

    def __init__(self, setup: Setup | None = None) -> None:
        super().__init__(setup)
        self._baseline = Mean()

    @property
    def latest(self) -> float | None:
        return _ratio(self._mean.latest, self._baseline.latest)

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        baseline = None if now.baseline is None else self.measured(now, motion.get(1), now.baseline)
        if baseline is None:
            self._frames += 1
            self._baseline.skip()
            self._mean.skip()
        else:
            self._baseline.add(baseline)
            super().add(now, past, motion)

    def result(self) -> float | None:
        return _ratio(self._mean.value, self._baseline.value) if self._is_enough else None


class Moving(Structure):
    """Structure of what moves against the camera, where the clip has edges."""

    meaning = Meaning("1", "high: near the baseline's", tells_clip=False, digits=3)

    def where(self, now: Sample, moved: Motion | None) -> Tensor | None:
        if moved is None:
            return None
        return self.memo.get(has_edges, now.content) & self.memo.get(moving, moved.backward)


class Ground(Structure):
    """Structure of the ground (all that stands still or moves with the camera) where the clip has edges."""

    meaning = Meaning("1", "high: near the baseline's", tells_clip=False, digits=3)

    def where(self, now: Sample, moved: Motion | None) -> Tensor | None:
        if moved is None:
            return None
        return self.memo.get(has_edges, now.content) & ~self.memo.get(moving, moved.backward)


class MovingKept(Kept, Moving):
    """Structure of what moves against the camera, over that of the per-frame baseline."""

    meaning = Meaning("ratio", "near 1: lower is haze", tells_clip=False, tells_baseline=False, digits=3)


class GroundKept(Kept, Ground):
    """Structure of the ground, over that of the per-frame baseline."""

    meaning = Meaning("ratio", "near 1: lower is haze", tells_clip=False, tells_baseline=False, digits=3)


def structure(source: Tensor, result: Tensor) -> Tensor:
    """Local correlation (1, 1, H, W), -1 to 1, of the edges of two pictures (1, 3, H, W) in [0, 1].

    1 where both are flat, as nothing is lost there; about 0 where only one is.
    """
    window = scaled(_WINDOW, source)
    step = max(1, int(window / 4))  # px between two places: a quarter of the window is fine enough
    maps = torch.cat([edges(source), edges(result)])
    maps = maps - maps.mean((2, 3), keepdim=True)  # far from zero the differences below lose digits
    one, other = maps[:1], maps[1:]
    sums = torch.cat([one, other, one * one, other * other, one * other])
    coarse = smoothed(F.avg_pool2d(sums, step, ceil_mode=True), window / step)
    mean_one, mean_other, square_one, square_other, product = (coarse[n : n + 1] for n in range(5))
    covariance = product - mean_one * mean_other + _FLOOR
    variance = (square_one - mean_one**2).clamp_min_(0) + _FLOOR
    variance_other = (square_other - mean_other**2).clamp_min_(0) + _FLOOR
    correlation = (covariance / (variance * variance_other).sqrt_()).clamp_(-1, 1)
    return F.interpolate(correlation, size=source.shape[-2:], mode="bilinear")


def edges(picture: Tensor) -> Tensor:
    """Sobel magnitude (1, 1, H, W) of the luma of (1, 3, H, W), intensity a px, smoothed before and after."""
    grey = smooth_luma(picture)
    padded = F.pad(grey, (1, 1, 1, 1), mode="replicate")
    across = padded[..., 2:] - padded[..., :-2]
    across = (across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]) / 8
    down = padded[..., 2:, :] - padded[..., :-2, :]
    down = (down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]) / 8
    return smoothed((across**2 + down**2).sqrt_(), max(_AFTER, scaled(_AFTER, picture)))


def smooth_luma(picture: Tensor) -> Tensor:
    """Luma (1, 1, H, W) of (1, 3, H, W), smoothed a little."""
    return smoothed(luma(picture), max(_BEFORE, scaled(_BEFORE, picture)))


def has_edges(source: Tensor) -> Tensor:
    """(1, 1, H, W) of bool: where the edges of (1, 3, H, W) are above their 40th percentile."""
    strength = edges(source)
    rank = max(1, round(_EDGES * strength.numel()))
    return strength > strength.flatten().kthvalue(rank).values  # quantile() refuses 16 million pixels


def moving(flow: Tensor) -> Tensor:
    """(1, 1, H, W) of bool: what moves differently from the frame as a whole; ``flow`` (1, 2, H, W), px.

    The whole frame's motion is an affine one that most of the flow agrees with; what differs from it by more
    than 0.7 px and 0.002 of the width moves, and 9 px (at 360 lines) around it count with it.
    """
    height, width = flow.shape[-2:]
    coarse = F.adaptive_avg_pool2d(flow, (min(_GRID, height), min(_GRID, width)))[0]
    fit = affine(coarse.permute(1, 2, 0).cpu().numpy())
    camera = torch.from_numpy(along(fit, height, width)).to(flow).permute(2, 0, 1)
    differs = (flow[0] - camera).square().sum(0)[None, None] > max(_SPEED, _SHARE * width) ** 2
    return highest(differs.to(flow.dtype), round(scaled(_REACH, flow))) > 0


def smoothed(maps: Tensor, sigma: float) -> Tensor:
    """``maps`` (N, 1, H, W) under a Gaussian of ``sigma`` px, cut at 3 sigma; the border is repeated."""
    reach = max(1, round(3 * sigma))
    if maps.device.type == "cpu":  # OpenCV's is several times as fast as torch's convolutions of one channel
        size, edge = (2 * reach + 1, 2 * reach + 1), cv2.BORDER_REPLICATE
        planes = [cv2.GaussianBlur(each[0], size, sigma, borderType=edge) for each in maps.numpy()]
        return torch.from_numpy(np.stack(planes)).unsqueeze(1)
    places = torch.arange(-reach, reach + 1, device=maps.device, dtype=maps.dtype)
    kernel = torch.exp(-(places**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    across = F.conv2d(F.pad(maps, (reach, reach, 0, 0), mode="replicate"), kernel.view(1, 1, 1, -1))
    return F.conv2d(F.pad(across, (0, 0, reach, reach), mode="replicate"), kernel.view(1, 1, -1, 1))


def highest(maps: Tensor, reach: int) -> Tensor:
    """The highest of ``maps`` (N, 1, H, W) in a square of ``reach`` px to each side."""
    for size in ((2 * reach + 1, 1), (1, 2 * reach + 1)):
        maps = F.max_pool2d(maps, size, stride=1, padding=(size[0] // 2, size[1] // 2))
    return maps


def _ratio(ours: float | None, baseline: float | None) -> float | None:
    # at 0.02, the correlation of unrelated strokes, the baseline has no structure that could be kept
    return ours / baseline if ours is not None and baseline is not None and baseline > 0.02 else None
