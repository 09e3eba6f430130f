"""GIF with one palette for the full clip, so that still areas do not flicker."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container.core import Flags as ContainerFlags
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from vidstyle.frames import Frame, Pixels
from vidstyle.video.writing.picture_format import PictureFormat

log = logging.getLogger(__name__)

_TICK = Fraction(1, 100)  # s: the time unit of GIF
_SHORTEST = 2  # ticks: browsers show shorter frames for 0.1 s
_LONGEST = 65535  # ticks of one frame: it is repeated to be shown longer
_SIDE = 1024  # px, side of the picture that the palette is computed from
# Ordered dithering, not error diffusion: an unchanged pixel keeps its dither pattern. Scale 3 is hardly
# visible and still hides banding.
_DITHER = "dither=bayer:bayer_scale=3:alpha_threshold=128"


class GifFile:
    """Writes frames into a lossless file beside ``path``, counts their colours, and makes the GIF from it.

    Memory use does not depend on the clip's length.
    """

    def __init__(
        self, path: Path, picture_format: PictureFormat, *, with_alpha: bool, plays: int = 0
    ) -> None:
        self._path, self._lossless_path, self._plays = path, path.with_suffix(".tmp"), plays
        self._format = "bgra" if with_alpha else "bgr0"
        self._picture_format = PictureFormat(
            self._format, picture_format.source, picture_format.size, picture_format.tags
        )
        self._scaler = VideoReformatter()
        self._counts = np.zeros(1 << 18, np.int64)
        self._begin: int | None = None
        self._end = 0
        self._dropped = 0
        self._lossless_file: Any = av.open(f"file:{self._lossless_path.absolute()}", "w", format="matroska")
        self._stream = self._lossless_file.add_stream("ffv1", rate=25, options={"level": "3", "g": "1"})
        self._stream.width, self._stream.height = picture_format.size
        self._stream.pix_fmt = self._format
        self._stream.codec_context.time_base = _TICK

    def write(self, frame: Frame) -> None:
        begin = round(frame.time / _TICK)
        self._end = max(begin + 1, round((frame.time + frame.duration) / _TICK))
        if self._begin is not None and begin < self._begin + _SHORTEST:
            self._dropped += 1
            return
        self._begin = begin
        width, height = self._picture_format.size
        pixels = frame.pixels[:height, :width]
        self._count(pixels)
        picture = self._picture_format.picture(frame, self._scaler)
        picture.pts, picture.time_base = begin, _TICK
        self._lossless_file.mux(self._stream.encode(picture))

    def finish(self) -> None:
        self._lossless_file.mux(self._stream.encode(None))
        self._lossless_file.close()
        if self._dropped:
            log.warning(
                "left out %d frames: browsers show no more than 50 frames a second of a GIF", self._dropped
            )
        self._write_gif()
        self._lossless_path.unlink()

    def abort(self) -> None:
        """Remove the lossless file; never raises."""
        with suppress(OSError, ValueError, RuntimeError):
            self._lossless_file.close()
        with suppress(OSError):
            self._lossless_path.unlink(missing_ok=True)

    def _count(self, pixels: Pixels) -> None:
        """Add ``pixels`` (H, W, 3) to the histogram, with 64 bins a channel."""
        drop = 8 * pixels.dtype.itemsize - 6
        red, green, blue = (pixels[..., channel].astype(np.int32) >> drop for channel in range(3))
        self._counts += np.bincount(((red << 12) | (green << 6) | blue).ravel(), minlength=1 << 18)

    def _write_gif(self) -> None:
        palette = _choose_palette(_typical_picture(self._counts), with_alpha=self._format == "bgra")
        loop = self._plays - 1 if self._plays > 1 else -self._plays  # plays after the first; -1: none
        with (
            av.open(f"file:{self._lossless_path.absolute()}") as lossless,
            av.open(
                f"file:{self._path.absolute()}", "w", format="gif", container_options={"loop": str(loop)}
            ) as out,
        ):
            out.flags |= int(ContainerFlags.bitexact.value)  # type: ignore[call-overload]
            stream: Any = out.add_stream("gif", rate=25)
            stream.width, stream.height = self._picture_format.size
            stream.pix_fmt = "pal8"
            context = stream.codec_context
            context.time_base = _TICK
            context.flags |= av.codec.context.Flags.frame_duration
            lossless.streams.video[0].thread_type = "AUTO"
            pending: Any = None
            for picture in self._with_palette(lossless.decode(video=0), palette):
                if pending is not None:
                    _encode(pending, picture.pts, stream, out)
                pending = picture
            _encode(pending, max(pending.pts + _SHORTEST, self._end), stream, out)
            out.mux(stream.encode(None))

    def _with_palette(self, pictures: Iterator[Any], palette: Any) -> Iterator[Any]:
        """``pictures`` dithered to ``palette`` (a 16x16 ``bgra`` frame), with times in ticks of the GIF."""
        width, height = self._picture_format.size
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=width, height=height, format=av.VideoFormat(self._format), time_base=_TICK
        )
        colors = graph.add_buffer(width=16, height=16, format=av.VideoFormat("bgra"), time_base=_TICK)
        use = graph.add("paletteuse", _DITHER)
        sink = graph.add("buffersink")
        source.link_to(use, 0, 0)
        colors.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()
        palette.pts, palette.time_base = 0, _TICK
        graph.vpush(palette, at=1)
        graph.vpush(None, at=1)
        for picture in pictures:
            picture.pts = round(picture.pts * Fraction(picture.time_base) / _TICK)
            picture.time_base = _TICK
            graph.vpush(picture, at=0)
            yield from _pull(graph)
        graph.vpush(None, at=0)
        yield from _pull(graph)


def _encode(picture: Any, end: int, stream: Any, out: Any) -> None:
    """Write one picture, shown until ``end`` (ticks), repeated if that is too long for one frame."""
    repeats = -(-(end - picture.pts) // _LONGEST)
    for left in range(repeats, 0, -1):
        picture.duration = (end - picture.pts) // left
        out.mux(stream.encode(picture))
        picture.pts += picture.duration


def _pull(graph: Any) -> Iterator[Any]:
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _typical_picture(counts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """A picture (1024, 1024, 3) in which the frequency of each colour is the square root of its count.

    With the counts themselves, a few flowers in a meadow would turn green: against painted frames, roots are
    2.4 dB better after a blur, which shows the mean colour of dithering, and equal without it.
    """
    pixels = _SIDE * _SIDE
    bins = np.flatnonzero(counts)
    roots = np.sqrt(counts[bins])
    repeats = np.maximum(1, (roots * ((pixels - len(bins)) / roots.sum())).astype(np.int64))
    indices = np.resize(np.repeat(bins, repeats), pixels)
    channels = np.stack([indices >> 12, indices >> 6, indices], axis=-1) & 63
    picture: NDArray[np.uint8] = ((channels << 2) | (channels >> 4)).astype(np.uint8)
    return picture.reshape(_SIDE, _SIDE, 3)


def _choose_palette(picture: NDArray[np.uint8], *, with_alpha: bool) -> Any:
    """The 256 colours for ``picture`` as a 16x16 ``bgra`` frame; one is transparent if ``with_alpha``."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=_SIDE, height=_SIDE, format=av.VideoFormat("rgb24"), time_base=_TICK)
    choose = graph.add("palettegen", f"reserve_transparent={int(with_alpha)}")
    sink = graph.add("buffersink")
    source.link_to(choose)
    choose.link_to(sink)
    graph.configure()
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    frame.pts, frame.time_base = 0, _TICK
    graph.vpush(frame)
    graph.vpush(None)
    return graph.vpull()
