"""A clip's frames with their motion to the last frame of the same shot, and how they wait in a file."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from vidstyle.flow.base import Array, FlowEstimator, load_flow
from vidstyle.frames import Frame, Pixels
from vidstyle.keyframes.clip_plan import ClipPlan, reduced
from vidstyle.keyframes.coordinates import PairMotion
from vidstyle.keyframes.shots import NO_SHOT
from vidstyle.keyframes.spill import Spill
from vidstyle.keyframes.sweep import Picture
from vidstyle.temporal.backends.base import FlowInput
from vidstyle.temporal.backends.opencv_raster import CvRaster


@dataclass(frozen=True, slots=True, eq=False)
class KnownFrame:
    """A frame with what is computed of it when it is read."""

    index: int
    frame: Frame
    small: Picture
    """The frame at the size at which motion is estimated."""
    motion: PairMotion | None
    """To the last frame of its shot, and back; None if the shot begins, and in a flash."""
    begins_shot: bool
    has_shot: bool
    """False in a flash."""


def known_frames(
    frames: Iterable[Frame], plan: ClipPlan, flow: FlowEstimator | None = None
) -> Generator[KnownFrame, None, None]:
    """The ``frames`` of the clip that ``plan`` is of; ``flow``: that of a CPU, None: the default one."""
    firsts = set(map(int, np.unique(plan.shots, return_index=True)[1]))
    motions = PairMotions(flow)
    last: FlowInput | None = None
    for index, frame in enumerate(frames):
        small = reduced(frame.pixels)
        if plan.shot_of(index) == NO_SHOT:
            yield KnownFrame(index, frame, small, None, begins_shot=False, has_shot=False)
            continue
        now = motions.input_of(small)
        motion = motions.between(now, last) if index not in firsts and last is not None else None
        last = now
        yield KnownFrame(index, frame, small, motion, begins_shot=index in firsts, has_shot=True)


class PairMotions:
    """Estimates motion between frames both ways, on the CPU."""

    def __init__(self, flow: FlowEstimator | None = None) -> None:
        self._raster, self._flow = CvRaster(), flow or load_flow("auto", "cpu")

    def input_of(self, small: Picture) -> FlowInput:
        """What the estimator takes of a frame, at the size at which motion is estimated."""
        return self._raster.flow_input(small, small.shape[0], small.shape[1], self._flow)

    def between(self, now: FlowInput, last: FlowInput) -> PairMotion:
        """The motion from a frame to an earlier one, and back."""
        there, back = (self._raster.estimate_motion(self._flow, *pair) for pair in ((now, last), (last, now)))
        return PairMotion(*there, *back)


class WaitingFrames:
    """Frames that wait in a ``Spill`` for the keyframe after them."""

    def __init__(self, spill: Spill) -> None:
        self._spill = spill
        self._heads: list[KnownFrame] = []  # without the arrays

    def __len__(self) -> int:
        return len(self._heads)

    def append(self, item: KnownFrame) -> None:
        motion, alpha = item.motion, item.frame.alpha
        planes = () if motion is None else (motion.there_x, motion.there_y, motion.back_x, motion.back_y)
        self._spill.append(item.frame.pixels, item.small, _NOTHING if alpha is None else alpha, *planes)
        empty = replace(item.frame, pixels=_NO_PIXELS, alpha=None)
        self._heads.append(replace(item, frame=empty, small=_NO_PIXELS, motion=None))

    def __getitem__(self, number: int) -> KnownFrame:
        head = self._heads[number]
        pixels, small, alpha, *planes = self._spill[number]
        frame = replace(
            head.frame, pixels=cast(Pixels, pixels), alpha=cast(Pixels, alpha) if alpha.size else None
        )
        return replace(head, frame=frame, small=small, motion=PairMotion(*planes) if planes else None)


_NOTHING: Array = np.zeros(0, np.uint8)
_NO_PIXELS = np.zeros((1, 1, 3), np.uint8)
