"""Masks of some frames of a clip, carried along its motion to the others of the same shot."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import chain

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.flow.base import FlowEstimator
from vidstyle.frames import Frame
from vidstyle.keyframes.analogy import Analogy
from vidstyle.keyframes.clip_plan import ClipPlan, Keyframe
from vidstyle.keyframes.known_frames import KnownFrame, WaitingFrames, known_frames
from vidstyle.keyframes.lookup import preview
from vidstyle.keyframes.mask_edges import along_outlines
from vidstyle.keyframes.spill import Spill
from vidstyle.keyframes.stretch import carry_back, read_until, stored
from vidstyle.keyframes.sweep import CarriedFrame, Picture, Sweep
from vidstyle.nn import small_vgg
from vidstyle.temporal.compositing import MaskWeights, as_weights

_FILLED = 0.25  # weight of a place that was chosen by analogy; that of one that was carried is 1


@dataclass(frozen=True, slots=True, eq=False)
class MaskPlan:
    """The shots of a clip, and the frames of it that have a mask."""

    shots: NDArray[np.int32]
    """As in ``ClipPlan``."""
    masks: Mapping[int, Frame]
    """By the numbers of their frames, as ``as_weights`` takes them."""
    sources: Mapping[int, Picture]
    """Those frames, at the size at which motion is estimated."""


def carried(
    frames: Iterable[Frame], plan: MaskPlan, *, elsewhere: float = 0.0, flow: FlowEstimator | None = None
) -> Generator[tuple[Frame, MaskWeights], None, None]:
    """The frames of the clip that ``plan`` is of, each with its mask (H, W).

    The mask of a frame that has one is that, unchanged. Frames before it wait in a temporary file. Between
    two masks of a shot both are carried, and weighted by the nearness in time.

    Args:
        frames: of the clip.
        plan: its shots and masks.
        elsewhere: the mask, 0 to 1, of shots without one.
        flow: estimates motion on the CPU; None: the default one.
    """
    carrier = _Carrier(plan, elsewhere)
    with closing(known_frames(frames, carrier.plan, flow)) as known:
        for item in known:
            later = carrier.plan.next_in_shot(item.index)
            if later is None:
                yield item.frame, carrier.forward(item)
            else:
                yield from carrier.stretch(item, known, later)


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """A frame that has a mask, in use."""

    index: int
    picture: Picture
    mask: NDArray[np.float32]
    """(h, w), at the picture's size."""
    analogy: Analogy

    def sweep(self) -> Sweep:
        return Sweep(self.picture, self.analogy)


class _Carrier:
    """Makes the masks of the frames of a clip, in order."""

    def __init__(self, plan: MaskPlan, elsewhere: float) -> None:
        keyframes = [Keyframe(index, source=plan.sources[index]) for index in sorted(plan.masks)]
        self.plan = ClipPlan(plan.shots, tuple(keyframes))
        self._masks, self._elsewhere = plan.masks, elsewhere
        self._network = small_vgg.bundled()
        self._earlier: _Source | None = None  # from which the shot is carried forward
        self._sweep: Sweep | None = None  # from there
        self._last: NDArray[np.float32] | None = None  # the last frame's mask, which a flash keeps

    def forward(self, item: KnownFrame) -> MaskWeights:
        """That of a frame after the last mask of its shot, of a shot without one, or of a flash."""
        if item.begins_shot:
            self._earlier = self._sweep = None
        if item.index in self._masks:  # a frame of a flash, which no other frame takes it from
            return as_weights(self._masks[item.index], item.frame.height, item.frame.width)
        there = self._carried_forth(item)
        if there is None or self._earlier is None:
            return self._kept(item)
        return self._along(item, preview(self._earlier.mask, there.coordinates))

    def stretch(
        self, first: KnownFrame, more: Iterator[KnownFrame], later: Keyframe
    ) -> Generator[tuple[Frame, MaskWeights], None, None]:
        """All frames from ``first`` to ``later``, the next one that has a mask; taken from ``more``."""
        if first.begins_shot:
            self._earlier = self._sweep = None
        with Spill() as frames, Spill() as forth, Spill() as back:
            waiting = WaitingFrames(frames)
            last = read_until(later.index, chain([first], more), waiting, forth, self._carried_forth)
            del first
            if last is None:
                return
            mask = as_weights(self._masks[later.index], last.frame.height, last.frame.width)
            source = self._source(later, mask)
            if len(waiting):
                carry_back(waiting, back, source.sweep(), last.motion)
                for number in range(len(waiting)):
                    item = waiting[number]
                    places = stored(forth, number), stored(back, len(waiting) - 1 - number)
                    yield item.frame, self._between(item, *places, source)
            self._earlier, self._sweep, self._last = source, source.sweep(), mask
            yield last.frame, mask

    def _between(
        self, item: KnownFrame, before: CarriedFrame | None, after: CarriedFrame | None, later: _Source
    ) -> MaskWeights:
        """That of a frame: ``after`` in terms of ``later``, ``before`` in those of the earlier mask's."""
        if after is None:
            return self._kept(item)
        mask = preview(later.mask, after.coordinates)
        if self._earlier is not None and before is not None:
            way = np.float32((item.index - self._earlier.index) / (later.index - self._earlier.index))
            first = (1 - way) * np.where(before.coordinates.is_filled, np.float32(_FILLED), 1)
            second = way * np.where(after.coordinates.is_filled, np.float32(_FILLED), 1)
            mask = (preview(self._earlier.mask, before.coordinates) * first + mask * second) / (
                first + second
            )
        return self._along(item, np.asarray(mask, np.float32))

    def _carried_forth(self, item: KnownFrame) -> CarriedFrame | None:
        """The next frame in terms of the one before it that has a mask; None without one, and for a flash."""
        if self._sweep is None or item.motion is None:
            return None
        return self._sweep.step(item.small, item.motion)

    def _along(self, item: KnownFrame, mask: NDArray[np.float32]) -> MaskWeights:
        self._last = along_outlines(mask, item.frame.pixels)
        return self._last

    def _kept(self, item: KnownFrame) -> MaskWeights:
        """The last frame's mask in a flash; else that of shots without a mask."""
        if not item.has_shot and self._last is not None:
            return self._last
        shape = item.frame.height, item.frame.width
        self._last = np.full(shape, self._elsewhere, np.float32)
        return self._last

    def _source(self, keyframe: Keyframe, mask: MaskWeights) -> _Source:
        assert keyframe.source is not None
        height, width = keyframe.source.shape[:2]
        small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
        analogy = Analogy(self._network, keyframe.source)
        return _Source(keyframe.index, keyframe.source, np.asarray(small, np.float32), analogy)
