"""Which frames of a clip an engine paints: where a shot begins, and where little of the last one is left."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np

from vidstyle.errors import InputError
from vidstyle.flow.base import FlowEstimator
from vidstyle.frames import Frame
from vidstyle.keyframes.clip_plan import NO_FRAMES, ClipPlan, Keyframe, reduced
from vidstyle.keyframes.coordinates import Coordinates, Mask
from vidstyle.keyframes.known_frames import PairMotions
from vidstyle.keyframes.shots import NO_SHOT, Shots
from vidstyle.keyframes.sweep import Picture, Sweep
from vidstyle.temporal.backends.base import FlowInput

_OF_WHOLE = 0.5  # of the share that a part of the picture may lose: the whole picture's
_PART = 4  # the short side over that of such a part
_RIM = 8  # the short side over the rim that is left out of it: in a pan, new ground comes in there
_SHORTEST = 8  # frames from one keyframe of a shot to the next: in a whip pan each would be one
_LONGEST = 150  # frames: those between two keyframes wait in a file, 17 MB each at 1920x1080
_RESTYLED = 0.25  # of a change to another style

Renewal = Callable[[Fraction, Fraction], float]
"""How much of a change to another style, 0 to 1, happens between two times (s)."""


def choose_keyframes(
    frames: Iterable[Frame],
    *,
    flow: FlowEstimator | None = None,
    renewal: Renewal | None = None,
    loss: float = 0.6,
) -> ClipPlan:
    """The shots of ``frames`` and the keyframes to paint, without paintings.

    The first frame is one always. The next one is where ``loss``, a share of a part of the picture, or half
    of that share of the whole, can no longer be carried. Raises ``InputError`` if there are no frames.
    """
    shots, motions = Shots(), PairMotions(flow)
    reaches: dict[int, _Reach] = {}  # of the shot, and of the one that continues if this is a flash
    chosen: list[int] = []
    for index, frame in enumerate(frames):
        shot = shots.look(frame.pixels)
        if shot == NO_SHOT:
            chosen += [index] if index == 0 else []
            continue
        small = reduced(frame.pixels)
        now = motions.input_of(small)
        reach = reaches.pop(shot, None)
        if reach is not None:
            reach.sweep_to(small, now, motions, loss)
        if reach is None or reach.is_over(index, frame.time, renewal):
            reach = _Reach(index, frame.time, now, Sweep(small, _Unfilled()))
            chosen.append(index)
        reaches = {number: each for number, each in reaches.items() if number == shots.interrupted}
        reaches[shot] = reach
    numbers = shots.numbers()
    if not len(numbers):
        raise InputError(NO_FRAMES)
    # what began as a shot may have turned out to be a flash
    kept = [index for index in chosen if index == 0 or numbers[index] != NO_SHOT]
    return ClipPlan(numbers, tuple(map(Keyframe, kept)))


@dataclass(slots=True)
class _Reach:
    """How far the keyframe at ``index`` has been carried."""

    index: int
    time: Fraction
    last: FlowInput
    sweep: Sweep
    is_lost: bool = False
    """Whether too much of the keyframe, or of a part of it, can no longer be carried."""

    def sweep_to(self, small: Picture, now: FlowInput, motions: PairMotions, loss: float) -> None:
        carried = self.sweep.step(small, motions.between(now, self.last))
        self.last, self.is_lost = now, _is_lost(carried.coordinates.is_filled, loss)

    def is_over(self, index: int, time: Fraction, renewal: Renewal | None) -> bool:
        frames = index - self.index
        is_restyled = renewal is not None and renewal(self.time, time) > _RESTYLED
        return frames >= _LONGEST or (frames >= _SHORTEST and (self.is_lost or is_restyled))


def _is_lost(lost: Mask, most: float) -> bool:
    """Whether more than ``most`` of one part of a picture is ``lost`` (h, w), or too much in all."""
    short = min(lost.shape)
    part, rim = max(1, short // _PART), short // _RIM
    inner = lost[rim : lost.shape[0] - rim, rim : lost.shape[1] - rim].astype(np.float32)
    parts = cv2.blur(inner, (part, part), borderType=cv2.BORDER_CONSTANT)
    return bool(lost.mean() > _OF_WHOLE * most or parts.max() > most)


class _Unfilled:
    """Marks what is unknown as filled, and leaves it where it is: only how much it is counts."""

    def filled(self, picture: Picture, known: Coordinates, unknown: Mask) -> Coordinates:
        return replace(known, is_filled=np.asarray(known.is_filled | unknown, np.bool_))
