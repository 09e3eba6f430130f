"""GIF with one palette for the whole clip, so that what does not move does not flicker."""

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

_TICK = Fraction(1, 100)  # s: what a GIF counts in
_SHORTEST = 2  # ticks: browsers show anything shorter for a tenth of a second
_LONGEST = 65535  # ticks, of one picture: what is shown longer is written again
_SIDE = 1024  # px of the picture that the palette is chosen from
# ordered, not diffused: a pixel that keeps its colour keeps its dots. 3 is barely seen and still hides bands
_DITHER = "dither=bayer:bayer_scale=3:alpha_threshold=128"


class GifFile:
    """Counts colours while frames go into a lossless file beside ``path``, then writes the GIF from that.

    The memory that it takes does not grow with the clip.
    """

    def __init__(self, path: Path, form: PictureFormat, *, with_alpha: bool, plays: int = 0) -> None:
        self._path, self._kept, self._plays = path, path.with_suffix(".tmp"), plays
        self._format = "bgra" if with_alpha else "bgr0"
        self._form = PictureFormat(self._format, form.source, form.size, form.tags)
        self._scaler = VideoReformatter()
        self._counts = np.zeros(1 << 18, np.int64)
        self._begin: int | None = None
        self._end = 0
        self._left_out = 0
        self._kept_out: Any = av.open(f"file:{self._kept.absolute()}", "w", format="matroska")
        self._stream = self._kept_out.add_stream("ffv1", rate=25, options={"level": "3", "g": "1"})
        self._stream.width, self._stream.height = form.size
        self._stream.pix_fmt = self._format
        self._stream.codec_context.time_base = _TICK

    def write(self, frame: Frame) -> None:
        begin = round(frame.time / _TICK)
        self._end = max(begin + 1, round((frame.time + frame.duration) / _TICK))
        if self._begin is not None and begin < self._begin + _SHORTEST:
            self._left_out += 1
            return
        self._begin = begin
        width, height = self._form.size
        pixels = frame.pixels[:height, :width]
        self._count(pixels)
        picture = self._form.picture(frame, self._scaler)
        picture.pts, picture.time_base = begin, _TICK
        self._kept_out.mux(self._stream.encode(picture))

    def finish(self) -> None:
        self._kept_out.mux(self._stream.encode(None))
        self._kept_out.close()
        if self._left_out:
            log.warning(
                "left out %d frames: browsers show no more than 50 frames a second of a GIF", self._left_out
            )
        self._write_gif()
        self._kept.unlink()

    def abort(self) -> None:
        """Remove the lossless file; never raises."""
        with suppress(OSError, ValueError, RuntimeError):
            self._kept_out.close()
        with suppress(OSError):
            self._kept.unlink(missing_ok=True)

    def _count(self, pixels: Pixels) -> None:
        """Count colours in 64 steps a channel."""
        drop = 8 * pixels.dtype.itemsize - 6
        red, green, blue = (pixels[..., channel].astype(np.int32) >> drop for channel in range(3))
        self._counts += np.bincount(((red << 12) | (green << 6) | blue).ravel(), minlength=1 << 18)

    def _write_gif(self) -> None:
        palette = _choose_palette(_typical_picture(self._counts), keeps_clear=self._format == "bgra")
        loop = self._plays - 1 if self._plays > 1 else -self._plays  # times after the first; -1: none
        with (
            av.open(f"file:{self._kept.absolute()}") as kept,
            av.open(
                f"file:{self._path.absolute()}", "w", format="gif", container_options={"loop": str(loop)}
            ) as out,
        ):
            out.flags |= int(ContainerFlags.bitexact.value)  # type: ignore[call-overload]
            stream: Any = out.add_stream("gif", rate=25)
            stream.width, stream.height = self._form.size
            stream.pix_fmt = "pal8"
            context = stream.codec_context
            context.time_base = _TICK
            context.flags |= av.codec.context.Flags.frame_duration
            kept.streams.video[0].thread_type = "AUTO"
            held: Any = None
            for picture in self._with_palette(kept.decode(video=0), palette):
                if held is not None:
                    _encode(held, picture.pts, stream, out)
                held = picture
            _encode(held, max(held.pts + _SHORTEST, self._end), stream, out)
            out.mux(stream.encode(None))

    def _with_palette(self, pictures: Iterator[Any], palette: Any) -> Iterator[Any]:
        width, height = self._form.size
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
    """Write one picture, shown until ``end``, in as many pieces as it takes (ticks)."""
    pieces = -(-(end - picture.pts) // _LONGEST)
    for left in range(pieces, 0, -1):
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
    """A picture (1024, 1024, 3) with colours as often as ``counts`` has them, by their roots.

    By the counts themselves, a few flowers in a meadow would turn green: held against painted frames,
    roots are 2.4 dB better after a blur, where dithering shows its mean colour, and as good without.
    """
    room = _SIDE * _SIDE
    bins = np.flatnonzero(counts)
    roots = np.sqrt(counts[bins])
    repeats = np.maximum(1, (roots * ((room - len(bins)) / roots.sum())).astype(np.int64))
    indices = np.resize(np.repeat(bins, repeats), room)
    channels = np.stack([indices >> 12, indices >> 6, indices], axis=-1) & 63
    picture: NDArray[np.uint8] = ((channels << 2) | (channels >> 4)).astype(np.uint8)
    return picture.reshape(_SIDE, _SIDE, 3)


def _choose_palette(typical: NDArray[np.uint8], *, keeps_clear: bool) -> Any:
    """256 colours as a 16x16 ``bgra`` frame; one of them is clear if ``keeps_clear``."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=_SIDE, height=_SIDE, format=av.VideoFormat("rgb24"), time_base=_TICK)
    choose = graph.add("palettegen", f"reserve_transparent={int(keeps_clear)}")
    sink = graph.add("buffersink")
    source.link_to(choose)
    choose.link_to(sink)
    graph.configure()
    picture = av.VideoFrame.from_ndarray(typical, format="rgb24")
    picture.pts, picture.time_base = 0, _TICK
    graph.vpush(picture)
    graph.vpush(None)
    return graph.vpull()
