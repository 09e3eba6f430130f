"""Raw pictures into a pipe: samples of rgb24 without any header, one picture after the other."""

from __future__ import annotations

import logging

from vidstyle.errors import OptionError
from vidstyle.frames import Frame, VideoInfo, eight_bits
from vidstyle.video.writing.even_times import EvenTimes
from vidstyle.video.writing.pipe_output import PipeOutput

log = logging.getLogger(__name__)


class RawStream:
    """Writes the pixels of frames, (H, W, 3) in 8 bits, to a pipe; their size and rate are not in it.

    ``even`` leaves out an odd line or column.
    """

    def __init__(self, output: PipeOutput, *, like: VideoInfo, even: bool) -> None:
        self._output, self._even = output, even
        self._shape: tuple[int, ...] | None = None
        self._even_times = None if like.rate is None else EvenTimes(like.rate, "raw")
        if like.has_alpha:
            log.warning("raw pictures have no alpha: it is left out (--format nut keeps it)")
        if like.bits > 8:
            log.warning("raw pictures have 8 bits: the finer steps of %d are lost", like.bits)

    def write(self, frame: Frame) -> None:
        """Write one frame; raises ``OptionError`` if its size is not that of the first."""
        pixels = eight_bits(frame.pixels)
        self._shape = self._shape or pixels.shape
        if pixels.shape != self._shape:
            height, width = self._shape[:2]
            raise OptionError(f"all frames must have the size of the first, {width}x{height}")
        if self._even_times is not None:
            self._even_times.check(frame)
        if self._even:
            pixels = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
        self._output.write(pixels.tobytes())

    def finish(self) -> None:
        """Do nothing: nothing is held back."""

    def abort(self) -> None:
        """Do nothing: what was sent cannot be taken back."""
