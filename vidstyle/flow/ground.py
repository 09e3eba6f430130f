"""Corrects the motion that flow spreads from moving things onto even ground, which moves with the camera."""

from __future__ import annotations

import cv2
import numpy as np

from vidstyle.flow.base import Array

_WORK = 2  # px of the motion to one px of the decision
_COARSE = 32  # px to one px of the ground's motion: ground is larger than two or three of these
_DIFFERS = 0.25  # px: smaller differences of motion are left as they are
_STEADY = 0.5  # px by which the ground's motion may differ from that of most of the picture
_OUTLIER = 5  # levels of 255: a pixel's misfit is clipped here
_AROUND = 49  # px: window of the guided filter
_EDGE = 8.0  # levels: contrast that separates ground from things
_FOR_GROUND = 0.13  # levels: a fit better by less is no sign of motion


def held(source: Array, target: Array, motion: Array) -> Array:
    """``motion`` with that of even ground replaced by the motion of the ground at large.

    Two motions may explain a pixel: the estimated one, and a median over a wide area, which small things do
    not affect. The misfit of each is averaged over similar pixels nearby (guided filter, He et al. 2013; cost
    volumes, Hosni et al. 2013); where the estimate fits no better, the median is taken.

    Args:
        source, target: grey pictures (H, W) uint8.
        motion: (H, W, 2) float32 in px, from ``source`` to ``target``; not changed.
    """
    height, width = source.shape
    size = max(1, width // _WORK), max(1, height // _WORK)
    estimated = cv2.resize(motion, size, interpolation=cv2.INTER_AREA)
    ground = _large(estimated)
    most = np.median(estimated[::4, ::4].reshape(-1, 2), axis=0)
    is_open = (_apart(estimated, ground) > _DIFFERS) & (_apart(ground, most[None, None]) < _STEADY)
    if not is_open.any():
        return motion
    now, then = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (source, target))
    x, y = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))

    def misfit(flow: Array) -> Array:
        there_x = x + flow[..., 0] * np.float32(size[0] / width)
        there_y = y + flow[..., 1] * np.float32(size[1] / height)
        moved = cv2.remap(then, there_x, there_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.minimum(cv2.absdiff(moved, now), np.uint8(_OUTLIER))

    better = cv2.subtract(misfit(ground), misfit(estimated), dtype=cv2.CV_32F)
    is_ground = is_open & (_guided(now.astype(np.float32), better) < _FOR_GROUND)
    mask = cv2.medianBlur(is_ground.view(np.uint8), 5)
    _, mask = cv2.threshold(cv2.resize(mask * np.uint8(255), (width, height)), 127, 255, cv2.THRESH_BINARY)
    return cv2.copyTo(cv2.resize(ground, (width, height)), mask, motion.copy())


def _apart(left: Array, right: Array) -> Array:
    """The difference of two motions, px, the larger of x and y."""
    apart: Array = np.maximum(abs(left[..., 0] - right[..., 0]), abs(left[..., 1] - right[..., 1]))
    return apart


def _large(motion: Array) -> Array:
    """The motion at large: a median over a wide area."""
    height, width = motion.shape[:2]
    step = _COARSE // _WORK
    small = cv2.resize(motion, (max(1, width // step), max(1, height // step)), interpolation=cv2.INTER_AREA)
    planes = [cv2.medianBlur(cv2.medianBlur(np.ascontiguousarray(small[..., i]), 5), 5) for i in (0, 1)]
    return cv2.resize(np.dstack(planes), (width, height))


def _guided(guide: Array, values: Array) -> Array:
    """``values`` averaged over pixels nearby that are similar in ``guide`` (levels of 255)."""

    def mean(plane: Array) -> Array:
        return cv2.blur(plane, (_AROUND, _AROUND), borderType=cv2.BORDER_REPLICATE)

    middle, average = mean(guide), mean(values)
    slope = (mean(guide * values) - middle * average) / (mean(guide * guide) - middle * middle + _EDGE**2)
    return mean(slope) * guide + mean(average - slope * middle)
