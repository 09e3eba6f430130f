"""Structure of small things: whether ropes, distant people and eyes are still visible."""

from __future__ import annotations

import torch
from torch import Tensor

from vidstyle.metrics.base import Motion, Sample, scaled
from vidstyle.metrics.meaning import Meaning
from vidstyle.metrics.structure import Kept, Structure, highest, smooth_luma, smoothed

_REACH = 6  # px at 360 lines: things up to twice as thick are small
_CLEAR = 0.12  # of the range: least contrast of a small thing
_APART = 3.0  # times the mean contrast around it: one leaf among many does not stand out
_AROUND = 24  # px at 360 lines, of that mean
_RIM = 3  # px at 360 lines: the outline counts with the thing


class Small(Structure):
    """``Structure`` of small things that stand out from their surroundings, such as ropes and distant people.

    They are brighter or darker than their surroundings within 6 px (at 360 lines; a top-hat filter) by 0.12
    of the range, and by three times the mean of that within 24 px. Engines lose small things themselves, so
    that a result can exceed the per-frame baseline.
    """

    meaning = Meaning("1", "high: small things are seen", tells_clip=False, digits=3)
    intervals = ()
    needs = frozenset()
    least = 0.0005

    def where(self, now: Sample, moved: Motion | None) -> Tensor | None:
        return self.memo.get(small_things, now.content)


class SmallKept(Kept, Small):
    """Structure of small things, over that of the per-frame baseline."""

    meaning = Meaning(
        "ratio", "near 1: lower loses small things", tells_clip=False, tells_baseline=False, digits=3
    )
    intervals = ()
    needs = frozenset({"baseline"})


def small_things(source: Tensor) -> Tensor:
    """(1, 1, H, W) of bool: where (1, 3, H, W) in [0, 1] has small things that stand out."""
    grey, reach = smooth_luma(source), max(3, round(scaled(_REACH, source)))
    opened = highest(-highest(-grey, reach), reach)  # what is bright and small is gone
    closed = -highest(-highest(grey, reach), reach)  # what is dark and small is gone
    stands_out = torch.maximum(grey - opened, closed - grey)
    usual = smoothed(stands_out, max(8.0, scaled(_AROUND, source)))
    is_thing = (stands_out > _CLEAR) & (stands_out > _APART * usual)
    return highest(is_thing.to(grey.dtype), round(scaled(_RIM, source))) > 0
