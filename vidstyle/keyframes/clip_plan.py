"""What is known of a clip before its paintings are carried: its shots, and the frames that were painted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
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


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """The frames of a clip that moments name."""

    shots: NDArray[np.int32]
    """As in ``ClipPlan``."""
    moments: Mapping[int, Moment]
    """By the numbers of their frames, in order."""
    sources: Mapping[int, Picture]
    """Those frames, at the size at which motion is estimated."""
    bare: str
    """From when to when the shots are that have none of them; empty if all have."""


def plan_clip(frames: Iterable[Frame], moments: Sequence[Moment]) -> ClipPlan:
    """Find the shots of ``frames`` and the frames that ``moments`` name; warn of shots that have none.

    Raises as ``place`` does.
    """
    placed = place(frames, moments)
    if placed.bare:
        log.warning(
            "no keyframe in the shot%s from %s: painted by analogy from the nearest keyframe",
            "s" if "," in placed.bare else "",
            placed.bare,
        )
    keyframes = [
        Keyframe(index, moment.path, placed.sources[index]) for index, moment in placed.moments.items()
    ]
    return ClipPlan(placed.shots, tuple(keyframes))


def place(frames: Iterable[Frame], moments: Sequence[Moment]) -> Placed:
    """Find the shots of ``frames`` and the frames that ``moments`` name.

    Raises ``OptionError`` for a moment outside of the clip, and for two of one frame; ``InputError`` if
    there are no frames.
    """
    shots, spans = Shots(), list[tuple[Fraction, Fraction]]()
    found: dict[int, Moment] = {}
    sources: dict[int, Picture] = {}
    for index, frame in enumerate(frames):
        shots.look(frame.pixels)
        spans.append((frame.time, frame.time + frame.duration))
        for moment in moments:
            if not _is_of(moment, index, frame):
                continue
            if index in found:
                raise OptionError(
                    f"{moment.flag} {found[index].name} and {moment.name} are of one frame, "
                    f"number {index}; give one"
                )
            found[index], sources[index] = moment, reduced(frame.pixels)
    if not spans:
        raise InputError(NO_FRAMES)
    for moment in moments:
        if moment not in found.values():
            raise OptionError(
                f"{moment.flag} {moment.name} is outside of the clip, which has {len(spans)} frames and "
                f"ends at {float(spans[-1][1]):.6g} s"
            )
    numbers = shots.numbers()
    return Placed(numbers, found, sources, _bare_shots(numbers, found, spans))


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


def _bare_shots(
    shots: NDArray[np.int32], chosen: Iterable[int], spans: Sequence[tuple[Fraction, Fraction]]
) -> str:
    """From when to when the shots are in which no frame is ``chosen``."""
    parts = []
    for shot in sorted(set(map(int, shots)) - {int(shots[index]) for index in chosen} - {NO_SHOT}):
        frames = np.flatnonzero(shots == shot)
        begin, end = spans[int(frames[0])][0], spans[int(frames[-1])][1]
        parts.append(f"{float(begin):.6g} to {float(end):.6g} s")
    return ", ".join(parts)
