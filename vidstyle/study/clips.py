"""Clips for browsers: copied where browsers play them, else written anew; and clips with a message."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from vidstyle.errors import InputError
from vidstyle.frames import Frame, VideoInfo, eight_bits
from vidstyle.options import ReadOptions, WriteOptions
from vidstyle.video.reading.reader import Reader
from vidstyle.video.writing.target import check_target
from vidstyle.video.writing.writer import Writer

log = logging.getLogger(__name__)

_CODECS = {".mp4": ("h264", "av1"), ".m4v": ("h264",), ".webm": ("vp8", "vp9", "av1")}
_SAMPLES = ("yuv420p", "yuvj420p", "yuva420p")  # others are played by no browser, or not by all
_WRITING = WriteOptions(
    codec="h264", crf=10, preset="fast", even=True, encoder_options=(("profile", "high"),)
)  # a quality at which coding is not seen; 4:2:0, which all browsers play
_SIDE = 2  # px that sizes are a multiple of


def for_browser(clip: Path, stem: Path) -> tuple[Path, VideoInfo]:
    """Put ``clip`` at ``stem`` with the right extension, without re-encoding if browsers play it.

    Returns the new file and what is known of the clip. Raises ``InputError`` if it cannot be read.
    """
    with Reader(clip, ReadOptions()) as reader:
        info = reader.info
        suffix = clip.suffix.lower()
        if info.samples in _SAMPLES and info.codec in _CODECS.get(suffix, ()):
            target = stem.with_suffix(suffix)
            shutil.copyfile(clip, target)
            return target, info
        kind = f"{info.codec} ({info.samples})" if info.samples else info.codec or "this kind"
        log.info("%s is re-encoded: browsers do not play %s in %s", clip, kind, suffix or "this file")
        target = stem.with_suffix(".mp4")
        _write(map(_plain, reader), info, target)
    return target, info


def info_of(clip: Path) -> VideoInfo:
    """What is known of ``clip`` before its first frame; raises ``InputError``."""
    with Reader(clip, ReadOptions()) as reader:
        return reader.info


def with_message(clip: Path, target: Path, message: str) -> None:
    """Write the first half second of ``clip`` and then two seconds of ``message`` in white on grey."""
    with Reader(clip, ReadOptions()) as reader:
        rate = reader.info.rate or 25
        frames = [_plain(frame) for frame in islice(reader, max(1, round(rate / 2)))]
        if not frames:
            raise InputError(f"{clip} has no frames")
        card = _card(frames[0].height, frames[0].width, message)
        duration = frames[-1].duration or Fraction(1)  # a still has none
        begun = frames[-1].time + duration
        cards = [
            Frame(card, begun + number * duration, duration) for number in range(max(1, round(2 / duration)))
        ]
        _write(iter([*frames, *cards]), reader.info, target)


def _write(frames: Iterator[Frame], info: VideoInfo, target: Path) -> None:
    with Writer(check_target(target, _WRITING), like=info) as writer:
        for frame in frames:
            writer.write(frame)


def _plain(frame: Frame) -> Frame:
    """``frame`` in 8 bits, opaque, of even size."""
    pixels = eight_bits(frame.pixels)
    height, width = (side // _SIDE * _SIDE for side in pixels.shape[:2])
    return Frame(np.ascontiguousarray(pixels[:height, :width]), frame.time, frame.duration)


def _card(height: int, width: int, message: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    card = np.full((height, width, 3), 96, np.uint8)
    font, unit = cv2.FONT_HERSHEY_SIMPLEX, 1.0
    (text_width, text_height), _ = cv2.getTextSize(message, font, unit, 2)
    scale = min(0.9 * width / text_width, 0.3 * height / text_height)
    corner = (round((width - scale * text_width) / 2), round((height + scale * text_height) / 2))
    cv2.putText(card, message, corner, font, scale, (255, 255, 255), max(1, round(2 * scale)), cv2.LINE_AA)
    return card
