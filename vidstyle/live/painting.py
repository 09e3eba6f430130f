"""Paints what a camera sees, and sends each painted frame on at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from vidstyle.errors import InputError
from vidstyle.frames import Pixels, eight_bits
from vidstyle.live.camera import Camera
from vidstyle.pipeline.held_rate import painted_at_rate
from vidstyle.pipeline.stylizer import Stylizer


class Sink(Protocol):
    """What painted frames are sent to."""

    def send(self, pixels: Pixels) -> None:
        """Take ``pixels`` (H, W, 3) uint8 RGB; their size may change from one to the next."""


@dataclass(frozen=True, slots=True)
class LiveReport:
    """What was painted so far."""

    frames: int
    dropped: int
    """Frames of the camera that came while others were painted."""
    seconds: float
    """Since the first painted frame."""
    size: tuple[int, int]
    """Width and height of the latest one, px."""

    @property
    def rate(self) -> float:
        """Painted frames a second after the first one; 0 if there is none."""
        return (self.frames - 1) / self.seconds if self.seconds > 0 else 0.0


def paint_live(
    camera: Camera,
    stylizer: Stylizer,
    sinks: Sequence[Sink],
    *,
    rate: float | None = None,
    on_frame: Callable[[LiveReport], None] | None = None,
) -> LiveReport:
    """Paint the frames of an open ``camera`` until it ends, the newest one each time.

    Frames are reduced so that ``rate`` frames a second are held; None: they keep their size.
    ``on_frame`` is called after each frame was sent to all ``sinks``. Raises ``InputError`` if none comes.
    """
    report, begun = LiveReport(0, 0, 0.0, (camera.width, camera.height)), 0.0
    with closing(camera.frames()) as frames, closing(painted_at_rate(stylizer, frames, rate)) as paintings:
        for painted in paintings:
            pixels = eight_bits(painted.pixels)
            for sink in sinks:
                sink.send(pixels)
            now = perf_counter()
            begun = begun or now
            size = pixels.shape[1], pixels.shape[0]
            report = LiveReport(report.frames + 1, camera.dropped, now - begun, size)
            if on_frame is not None:
                on_frame(report)
    if not report.frames:
        raise InputError(f"no frame came from the camera {camera.name!r}; see whether another program has it")
    return report
