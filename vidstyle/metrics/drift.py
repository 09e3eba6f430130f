"""Drift: paint that slides slowly against the clip's motion."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.flow.warp import warp
from vidstyle.metrics.base import Motion, Sample, Setup, lengths
from vidstyle.metrics.meaning import Meaning

_SPAN = 10  # frames: a drift of 0.05 px a frame adds up to half a pixel
_BLOCK = 32  # px at 360 lines, each with a motion of its own
_STILL = 1e-4  # squared gradient added to both axes: flat blocks have no motion instead of 0/0


class Drift:
    """How far paint slides against the clip, px a frame.

    The result ten frames later is warped back along the clip's motion; the motion that remains between it
    and the result is estimated by least squares over blocks of 32 px (at 360 lines) and over the whole clip
    (Lucas and Kanade 1981): Σ M ∇∇ᵀ d = -Σ M ∇ (W(O_{t+10}) - O_t). Flicker, which has no direction,
    cancels out; steady drift adds up. The blocks' |d| / 10 are averaged by their gradient energy. The clip's
    own value is the error of the scoring flow. vidstyle's own measure; lower is better.
    """

    meaning = Meaning("px a frame", "low: near the clip's own", digits=3)
    intervals = (_SPAN,)
    needs = frozenset({"motion"})
    latest: float | None = None
    """None: only the sums over the clip have a value."""

    def __init__(self, setup: Setup | None = None) -> None:
        self._sums: Tensor | None = None

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        before, moved = past.get(_SPAN), motion.get(_SPAN)
        if before is None or moved is None:
            return
        side = lengths(_BLOCK, now.result)
        if min(now.result.shape[-2:]) < side + 2:
            return
        sums = _equations(before.result, now.result, moved, side)
        self._sums = sums if self._sums is None else self._sums + sums

    def result(self) -> float | None:
        if self._sums is None:
            return None
        xx, yy, xy, bx, by, count = self._sums[0]
        energy = xx + yy
        xx, yy = xx + _STILL * count.clamp_min(1), yy + _STILL * count.clamp_min(1)
        determinant = xx * yy - xy * xy
        across = -(yy * bx - xy * by) / determinant
        down = -(xx * by - xy * bx) / determinant
        total = energy.sum()
        return float(((across**2 + down**2).sqrt() * energy).sum() / total / _SPAN) if total > 0 else None


def _equations(before: Tensor, now: Tensor, moved: Motion, side: int) -> Tensor:
    """Sums (1, 6, h, w) over blocks of gx², gy², gx·gy, gx·gt, gy·gt and 1, where motion can be trusted."""
    warped, inside = warp(now, moved.forward)
    mask = (moved.valid & inside)[..., 1:-1, 1:-1].double()
    middle = (warped + before) / 2
    across = (middle[..., 1:-1, 2:] - middle[..., 1:-1, :-2]) / 2
    down = (middle[..., 2:, 1:-1] - middle[..., :-2, 1:-1]) / 2
    change = (warped - before)[..., 1:-1, 1:-1]
    products = (across**2, down**2, across * down, across * change, down * change)
    terms = [product.sum(1, keepdim=True).double() * mask for product in products]
    return F.avg_pool2d(torch.cat([*terms, mask], 1), side) * side**2
