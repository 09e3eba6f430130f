"""What is known of a clip before its paintings are carried: its shots, and the frames that were painted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.errors import InputError, OptionError
from vidstyle.frames import Frame, Pixels, eight_bits
from vidstyle.keyframes.moments import Moment
from vidstyle.keyframes.shots import NO_SHOT, Shots
from vidstyle.keyframes.sweep import Picture
from vidstyle.temporal.paint_map.settings import flow_shape

log = logging.getLogger(__name__)

NO_FRAMES = "the clip has no frames in the selected part; see --start and --end"


@dataclass(frozen=True, slots=True, eq=False)
class Keyframe:
    """A frame that is painted, or to be painted."""

    index: int
    path: Path | None = None
    """The painting; None: an engine paints the frame when it is reached."""
    source: Picture | None = None
    """The frame before it was painted, at the size at which motion is estimated; None without ``path``."""


@dataclass(frozen=True, slots=True, eq=False)
class ClipPlan:
    """The shots of a clip and its keyframes."""

    shots: NDArray[np.int32]
    """The shot of each frame, or ``NO_SHOT``."""
    keyframes: tuple[Keyframe, ...]
    """In order of time."""

    def shot_of(self, index: int) -> int:
        """The shot of frame ``index``; ``NO_SHOT`` if the clip has grown since it was planned."""
        return int(self.shots[index]) if index < len(self.shots) else NO_SHOT

    def keyframe_at(self, index: int) -> Keyframe | None:
        return next((keyframe for keyframe in self.keyframes if keyframe.index == index), None)

    def next_in_shot(self, index: int) -> Keyframe | None:
        """The first keyframe at or after frame ``index`` in its shot."""
        return next((keyframe for keyframe in self._in_shot(index) if keyframe.index >= index), None)

    def nearest(self, index: int) -> Keyframe:
        """The keyframe nearest to the shot of frame ``index``, or to the frame if it has no shot.

        One that an engine is to paint after the frame is left out.
        """
        shot = self.shot_of(index)
        frames = np.flatnonzero(self.shots == shot) if shot != NO_SHOT else np.array([index])
        first, last = int(frames[0]), int(frames[-1])
        there = [each for each in self.keyframes if each.path is not None or each.index <= index]
        return min(there, key=lambda each: max(first - each.index, each.index - last, 0))

    def _in_shot(self, index: int) -> list[Keyframe]:
        shot = self.shot_of(index)
        return [each for each in self.keyframes if shot != NO_SHOT and self.shots[each.index] == shot]


def plan_clip(frames: Iterable[Frame], moments: Sequence[Moment]) -> ClipPlan:
    """Find the shots of ``frames`` and the frames that ``moments`` name; warn of shots that have none.

    Raises ``OptionError`` for a moment outside of the clip, and for two of one frame; ``InputError`` if
    there are no frames.
    """
    shots, spans = Shots(), list[tuple[Fraction, Fraction]]()
    keyframes: dict[int, tuple[Moment, Keyframe]] = {}
    for index, frame in enumerate(frames):
        shots.look(frame.pixels)
        spans.append((frame.time, frame.time + frame.duration))
        for moment in moments:
            if not _is_of(moment, index, frame):
                continue
            if index in keyframes:
                other = keyframes[index][0]
                raise OptionError(
                    f"--keyframe {other.name} and {moment.name} are of one frame, number {index}; give one"
                )
            keyframes[index] = moment, Keyframe(index, moment.path, reduced(frame.pixels))
    if not spans:
        raise InputError(NO_FRAMES)
    placed = [moment for moment, _ in keyframes.values()]
    for moment in moments:
        if moment not in placed:
            raise OptionError(
                f"--keyframe {moment.name} is outside of the clip, which has {len(spans)} frames and "
                f"ends at {float(spans[-1][1]):.6g} s"
            )
    plan = ClipPlan(shots.numbers(), tuple(each for _, (_, each) in sorted(keyframes.items())))
    _warn_of_bare_shots(plan, spans)
    return plan


def reduced(pixels: Pixels) -> Picture:
    """``pixels`` in 8 bits at the size at which motion is estimated."""
    height, width = flow_shape(pixels.shape[:2], None)
    small = eight_bits(pixels)
    if small.shape[:2] == (height, width):
        return small
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _is_of(moment: Moment, index: int, frame: Frame) -> bool:
    if moment.time is None:
        return moment.number == index
    return frame.time <= moment.time < frame.time + frame.duration


def _warn_of_bare_shots(plan: ClipPlan, spans: Sequence[tuple[Fraction, Fraction]]) -> None:
    """One warning of all shots without a keyframe: from when to when."""
    painted = {int(plan.shots[keyframe.index]) for keyframe in plan.keyframes}
    bare = sorted(set(map(int, plan.shots)) - painted - {NO_SHOT})
    parts = []
    for shot in bare:
        frames = np.flatnonzero(plan.shots == shot)
        begin, end = spans[int(frames[0])][0], spans[int(frames[-1])][1]
        parts.append(f"{float(begin):.6g} to {float(end):.6g} s")
    if parts:
        log.warning(
            "no keyframe in the shot%s from %s: painted by analogy from the nearest keyframe",
            "s" if len(parts) > 1 else "",
            ", ".join(parts),
        )
