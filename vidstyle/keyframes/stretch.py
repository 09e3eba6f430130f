"""Coordinates of the frames of a stretch that wait for a keyframe after them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from vidstyle.keyframes.coordinates import Coordinates, PairMotion
from vidstyle.keyframes.known_frames import KnownFrame, WaitingFrames
from vidstyle.keyframes.spill import Spill
from vidstyle.keyframes.sweep import CarriedFrame, Sweep


def read_until(
    index: int,
    frames: Iterable[KnownFrame],
    waiting: WaitingFrames,
    maps: Spill,
    carried: Callable[[KnownFrame], CarriedFrame | None],
) -> KnownFrame | None:
    """The frame ``index`` of ``frames``; those before it become ``waiting``, what is ``carried`` ``maps``.

    None if there is no such frame: the clip is shorter than when it was planned.
    """
    for item in frames:
        if item.index == index:
            return item
        waiting.append(item)
        store(maps, carried(item))
    return None


def carry_back(waiting: WaitingFrames, maps: Spill, sweep: Sweep, motion: PairMotion | None) -> None:
    """Store in ``maps`` how each waiting frame is carried from the keyframe after them, the last one first.

    ``motion`` is the keyframe's, to the last frame of its shot.
    """
    for number in reversed(range(len(waiting))):
        item = waiting[number]
        if not item.has_shot or motion is None:
            store(maps, None)
            continue
        store(maps, sweep.step(item.small, motion.reversed()))
        motion = item.motion


def store(maps: Spill, carried: CarriedFrame | None) -> None:
    """Append ``carried`` to ``maps``; None: a frame that nothing is carried to."""
    if carried is None:
        maps.append()
        return
    places = carried.coordinates
    maps.append(places.x, places.y, places.is_filled, carried.difference, np.array(carried.filled))


def stored(maps: Spill, number: int) -> CarriedFrame | None:
    """What was appended as the ``number``th."""
    arrays = maps[number]
    if not arrays:
        return None
    x, y, is_filled, difference, share = arrays
    return CarriedFrame(Coordinates(x, y, is_filled), difference, float(share))
