"""Ghosts: paint that remains after the object that it was painted for has gone."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.flow.warp import warp
from vidstyle.metrics.base import MeanOverFrames, Motion, Sample, Setup, scaled
from vidstyle.metrics.meaning import Meaning
from vidstyle.metrics.oklab import oklab
from vidstyle.metrics.structure import smoothed

_CELL = 4  # px at 360 lines: averages strokes away
_REACH = 3  # cells to each side that are searched for fresh paint of the same content
_SAME = 0.05  # Oklab distance: contents nearer than this are painted alike
_SEEN = 0.03  # Oklab distance: a visible patch
_SPREAD = 1.5  # standard deviations of fresh paint of the same content; strokes seldom differ by more
_LASTS = 5  # frames: shorter ghosts are not noticed


class Ghosts(MeanOverFrames):
    """Share of the picture, in %, whose paint shows another thing than the frame does for 5 frames or more.

    Paint is compared with the per-frame baseline in Oklab, averaged over cells of 4 px (at 360 lines) so
    that strokes do not matter. A cell shows another thing if its colour differs from all fresh paint of the
    same content (nearer than 0.05) within 3 cells, by more than 0.03 plus what strokes explain (estimated
    from that paint's deviation). It must last 5 frames, followed along the clip's motion. The mean over
    frames that have four before them in their shot. Haze that keeps the colour is no ghost
    (``structure_moving_kept`` measures it). vidstyle's own
    measure; lower is better.
    """

    meaning = Meaning(
        "% of the picture", "0: no paint of what is gone", tells_clip=False, tells_baseline=False, digits=3
    )
    intervals = (1,)
    needs = frozenset({"motion", "baseline"})

    def __init__(self, setup: Setup | None = None) -> None:
        super().__init__()
        self._every = setup.every if setup is not None else 1
        self._age: Tensor | None = None  # frames for which each cell has shown another thing
        self._frames = 0  # of this shot so far

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        if now.baseline is None:
            self._mean.skip()
            return
        strange = shows_another_thing(now.content, now.result, now.baseline).to(now.result.dtype)
        moved = motion.get(1)
        if now.is_cut or moved is None or self._age is None or self._age.shape != strange.shape:
            self._age, self._frames = strange, 1
        else:
            carried = self._carried(self._age, moved.backward)
            # a cell that begins to differ counts only from the second measured frame on, however far apart
            first = torch.full_like(carried, min(self._every, _LASTS - 1))
            self._age = strange * torch.where(carried > 0.5, carried + self._every, first)
            self._frames += self._every
        if self._frames < _LASTS:
            self._mean.skip()
        else:
            self._mean.add(100 * float((self._age > _LASTS - 0.5).double().mean()))

    def _carried(self, age: Tensor, flow: Tensor) -> Tensor:
        """``age`` warped along the motion since the last measured frame, which is taken as uniform."""
        cell = cell_of(flow)
        steps = F.avg_pool2d(flow, cell, ceil_mode=True, count_include_pad=False) * (self._every / cell)
        return warp(age, steps)[0]


def shows_another_thing(content: Tensor, result: Tensor, baseline: Tensor) -> Tensor:
    """(1, 1, h, w) of bool, one a cell: where no fresh paint of the same content has the result's colour.

    ``result`` and ``baseline`` are paintings of ``content``; all (1, 3, H, W) in [0, 1].
    """
    source, ours, other = (_cells(picture) for picture in (content, result, baseline))
    height, width = source.shape[-2:]
    around = F.pad(torch.cat([source, other], 1), (_REACH,) * 4, value=9)  # far from every colour
    nearest = torch.full_like(source[:, :1], torch.inf)
    count, total, squares = torch.zeros_like(nearest), torch.zeros_like(other), torch.zeros_like(other)
    for down in range(2 * _REACH + 1):
        for across in range(2 * _REACH + 1):
            there = around[..., down : down + height, across : across + width]
            is_same = (there[:, :3] - source).square().sum(1, keepdim=True) < _SAME**2
            distance = (there[:, 3:] - ours).square().sum(1, keepdim=True).sqrt_()
            nearest = torch.where(is_same, torch.minimum(nearest, distance), nearest)
            count += is_same
            paint = is_same * there[:, 3:]
            total += paint
            squares += paint * there[:, 3:]
    # the cell itself is always of the same content: count is never 0
    within = (squares - total**2 / count).sum(1, keepdim=True).clamp_min_(0)
    pooled = smoothed(torch.cat([within, count - 1]), _REACH)  # single cells have too few samples
    spread = (pooled[:1] / (pooled[1:] + 1e-3)).sqrt_()
    # in three dimensions the distance to the nearest of n samples falls with the cube root of n
    return smoothed(nearest, 1.0) > _SEEN + _SPREAD * spread / count ** (1 / 3)


def cell_of(picture: Tensor) -> int:
    """Side of a cell, px, for the size of ``picture``."""
    return max(1, round(scaled(_CELL, picture)))


def _cells(picture: Tensor) -> Tensor:
    """Oklab (1, 3, h, w) of the mean over each cell and a little of its neighbours."""
    cells = F.avg_pool2d(picture, cell_of(picture), ceil_mode=True, count_include_pad=False)
    return smoothed(oklab(cells).transpose(0, 1), 0.8).transpose(0, 1)
