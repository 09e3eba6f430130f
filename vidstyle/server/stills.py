"""Single frames of clips, and pictures as JPEG files for the page."""

from __future__ import annotations

import io
import math
import threading
from collections import OrderedDict, deque
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Generic, TypeVar, cast

import cv2
import numpy as np
from PIL import Image

from vidstyle.errors import OptionError
from vidstyle.frames import Frame, Pixels, VideoInfo, eight_bits
from vidstyle.options import ReadOptions
from vidstyle.video.reading.reader import open_reader

V = TypeVar("V")

SHOWN_WIDTH = 1280
"""px: a frame on the page, its painting and its mask are at most so wide."""
_QUALITY = 88  # of JPEG, of 100
_EARLIER = Fraction(1, 1000)  # s; the page counts in steps of 1 / rate, and containers round times to 1 ms
_STEPS_BACK = (Fraction(1, 2), Fraction(5), Fraction(10**9))  # s, from a time after the last frame


class Recent(Generic[V]):
    """The most recently used values by key; at most ``limit`` of them. Several threads may use it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: OrderedDict[object, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: object) -> V | None:
        with self._lock:
            value = self._items.get(key)
            if value is not None:
                self._items.move_to_end(key)
            return value

    def put(self, key: object, value: V) -> V:
        """Keep ``value``, which is returned."""
        with self._lock:
            self._items[key] = value
            self._items.move_to_end(key)
            while len(self._items) > self._limit:
                self._items.popitem(last=False)
            return value


def frame_at(clip: Path, time: Fraction) -> Frame:
    """The frame of ``clip`` that begins at ``time`` (s) or after it; the last one if none does.

    Raises ``InputError`` and ``OptionError`` as a reader does.
    """
    try:
        with open_reader(clip, ReadOptions(start=time, frames=1)) as reader:
            return next(iter(reader))
    except OptionError:  # the time is after the beginning of the last frame
        for back in _STEPS_BACK:
            start = max(Fraction(0), time - back)
            try:
                with open_reader(clip, ReadOptions(start=start)) as reader:
                    return deque(reader, maxlen=1)[0]
            except OptionError:
                if start == 0:
                    raise
        raise


def exact_time(clip: Path, time: Fraction) -> Fraction:
    """The source's own time (s) of the frame that ``frame_at`` gives for ``time``."""
    for start in (time, *(max(Fraction(0), time - back) for back in _STEPS_BACK)):
        try:
            with open_reader(clip, ReadOptions(start=start)) as reader:
                if start == time:
                    return reader.info.start
                return reader.info.start + deque(reader, maxlen=1)[0].time
        except OptionError:  # the time is after the beginning of the last frame
            if start == 0:
                raise
    raise AssertionError("the clip has a frame")


def time_of(raw: object) -> Fraction:
    """A time (s) that the page sent; raises ``OptionError``."""
    try:
        number = float(raw) if isinstance(raw, (str, int, float)) else math.nan
    except (ValueError, OverflowError):  # an integer may be too large
        number = math.nan
    if not 0 <= number < 1e9:
        raise OptionError(f"a time must be a number of seconds, got {raw!r}")
    return Fraction(str(round(number, 4)))


def moment_of(raw: object) -> Fraction:
    """The time (s) for ``frame_at`` of a frame that the page means; raises ``OptionError``.

    It is a little earlier than what the page sent: a time that is rounded up must not mean the next frame.
    """
    return max(Fraction(0), time_of(raw) - _EARLIER)


def shown_size(info: VideoInfo, width: int) -> tuple[int, int]:
    """Width and height (px) of a clip's frames with square pixels, at most ``width`` wide."""
    ratio = float(info.height / (info.width * info.pixel_aspect))
    wide = min(width, max(1, round(info.width * float(info.pixel_aspect))))
    return wide, max(1, round(wide * ratio))


def jpeg(pixels: Pixels, size: tuple[int, int]) -> bytes:
    """A picture (H, W, 3) at a ``size`` (width, height, px) as a JPEG file."""
    samples = eight_bits(pixels)
    if samples.shape[1::-1] != size:
        is_smaller = size[0] < samples.shape[1]
        interpolation = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
        samples = np.asarray(cv2.resize(samples, size, interpolation=interpolation), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(samples).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def reduced(frame: Frame, short_side: int) -> Frame:
    """``frame`` without transparency, its short side at most ``short_side`` px."""
    share = min(1.0, short_side / min(frame.height, frame.width))
    size = (max(1, round(frame.width * share)), max(1, round(frame.height * share)))
    if share == 1.0:
        return replace(frame, alpha=None)
    pixels = cast(Pixels, cv2.resize(frame.pixels, size, interpolation=cv2.INTER_AREA))
    return replace(frame, pixels=pixels, alpha=None)


def within(pixels: Pixels, side: int) -> tuple[int, int]:
    """The size (width, height, px) of a picture reduced to a long side of at most ``side``."""
    height, width = pixels.shape[:2]
    share = min(1.0, side / max(height, width))
    return max(1, round(width * share)), max(1, round(height * share))
