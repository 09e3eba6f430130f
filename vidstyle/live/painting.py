"""Paints what a camera sees, and sends each painted frame on at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol, cast

from vidstyle.frames import Frame, Pixels, eight_bits
from vidstyle.live.camera import Camera
from vidstyle.pipeline.stylizer import Stylizer


class Sink(Protocol):
    """What painted frames are sent to."""

    def send(self, pixels: Pixels) -> None:
        """Take ``pixels`` (H, W, 3) uint8 RGB."""


@dataclass(frozen=True, slots=True)
class LiveReport:
    """What was painted so far."""

    frames: int
    dropped: int
    """Frames of the camera that came while others were painted."""
    seconds: float
    """Since the first painted frame."""

    @property
    def rate(self) -> float:
        """Painted frames a second after the first one; 0 if there is none."""
        return (self.frames - 1) / self.seconds if self.seconds > 0 else 0.0


def paint_live(
    camera: Camera,
    stylizer: Stylizer,
    sinks: Sequence[Sink],
    *,
    on_frame: Callable[[LiveReport], None] | None = None,
) -> LiveReport:
    """Paint the frames of an open ``camera`` until it ends, the newest one each time.

    ``on_frame`` is called after each frame was sent to all ``sinks``.
    """
    report, begun = LiveReport(0, 0, 0.0), 0.0
    with closing(camera.frames()) as frames:
        for painted in stylizer.frames(cast("Sequence[Frame]", frames)):
            pixels = eight_bits(painted.pixels)
            for sink in sinks:
                sink.send(pixels)
            now = perf_counter()
            begun = begun or now
            report = LiveReport(report.frames + 1, camera.dropped, now - begun)
            if on_frame is not None:
                on_frame(report)
    return report
