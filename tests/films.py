"""A small film of several shots, and how its results are compared."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from clips import Sound, shapes, stamp, write_clip
from numpy.typing import NDArray

from vidstyle.frames import Frame, Pixels
from vidstyle.video.reading.reader import Reader

WIDTH, HEIGHT, RATE = 64, 48, 10
SHOTS = (20, 34, 22)
"""Frames of each shot. With segments of at most 2.5 s the second one is cut in two."""
FRAMES = sum(SHOTS)


def pictures(seed: int = 5) -> list[Pixels]:
    """Shots of moving things over grounds that have nothing in common, each frame with its number."""
    noise = np.random.default_rng(seed)
    taken: list[Pixels] = []
    for number, count in enumerate(SHOTS):
        dark, bright, rows = ((0, 256, 6), (0, 110, 12), (60, 256, 3))[number]
        coarse = noise.integers(dark, bright, (rows, rows * 4 // 3, 3)).astype(np.uint8)
        ground = np.kron(coarse, np.ones((HEIGHT // rows, HEIGHT // rows, 1), np.uint8))
        moving = [picture[:, :: -1 if number else 1] for picture in shapes(count, WIDTH, HEIGHT, speed=1.5)]
        for place, picture in enumerate(moving):
            mixed = (0.7 * np.roll(ground, place // 2, axis=1) + 0.3 * picture) / 255
            stamp(mixed, (sum(SHOTS[:number]) + place) % 64)
            taken.append(np.rint(mixed * 255).astype(np.uint8))
    return taken


def write_film(path: Path, seed: int = 5, **options: Any) -> Path:
    """The film with sound, chapters and a title."""
    chapters = [(0.0, 3.0, "one"), (3.0, FRAMES / RATE, "two")]
    given = {"rate": RATE, "sounds": [Sound()], "chapters": chapters, "metadata": {"title": "a film"}}
    return write_clip(path, pictures(seed), **{**given, **options})


def frames_of(path: Path) -> list[Frame]:
    with Reader(path) as reader:
        return list(reader)


def assert_same_frames(one: Sequence[Frame], other: Sequence[Frame]) -> None:
    """Fail unless pixels and times are equal."""
    assert [(frame.time, frame.duration) for frame in one] == [
        (frame.time, frame.duration) for frame in other
    ]
    for number, (first, second) in enumerate(zip(one, other, strict=True)):
        assert np.array_equal(first.pixels, second.pixels), f"frame {number} differs"


def psnr(one: Pixels, other: Pixels) -> float:
    """Peak signal-to-noise ratio (dB) of 8-bit pixels."""
    error: NDArray[np.float64] = (one.astype(np.float64) - other) ** 2
    return float(10 * np.log10(255**2 / max(float(error.mean()), 1e-9)))


def packets_of(path: Path, kind: str) -> list[tuple[Fraction, bytes]]:
    """Time (s) and content of the packets of all streams of a ``kind``: audio, subtitle."""
    with av.open(str(path)) as file:
        return [
            ((packet.pts or 0) * Fraction(packet.time_base), bytes(packet))
            for packet in file.demux(*(stream for stream in file.streams if stream.type == kind))
            if packet.size
        ]
