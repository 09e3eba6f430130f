"""Deinterlacing with FFmpeg's bwdif: one progressive picture for each interlaced one, at the same time."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import av.error
import av.filter

log = logging.getLogger(__name__)


def deinterlaced(frames: Iterable[av.VideoFrame], name: str = "the video") -> Iterator[av.VideoFrame]:
    """Deinterlace ``frames`` from the first interlaced one on; ``name`` is the file's, in the warning.

    Progressive frames are unchanged. The number and the times of frames stay the same; filtered frames may
    have another ``time_base``.
    """
    graph: _FilterGraph | None = None
    warned = False
    for frame in frames:
        if graph is None and not frame.interlaced_frame:
            yield frame
            continue
        if not warned:
            warned = True
            log.warning("%s is interlaced; its fields are woven into whole pictures (bwdif)", name)
        if graph is None or not graph.fits(frame):
            if graph is not None:
                yield from graph.flush()
            graph = _FilterGraph(frame)
        yield from graph.add(frame)
    if graph is not None:
        yield from graph.flush()


class _FilterGraph:
    """A bwdif filter graph for frames of one size, format and colour space."""

    def __init__(self, frame: av.VideoFrame) -> None:
        self._format = _format(frame)
        self._graph = av.filter.Graph()
        base = frame.time_base or Fraction(1, 1000)
        source = self._graph.add(
            "buffer",
            video_size=f"{frame.width}x{frame.height}",
            pix_fmt=frame.format.name,
            time_base=f"{base.numerator}/{base.denominator}",
            pixel_aspect="1/1",
            colorspace=str(int(frame.colorspace)),
            range=str(int(frame.color_range)),
        )
        # deint=interlaced leaves progressive pictures alone; send_frame makes one picture of two fields
        bwdif = self._graph.add("bwdif", mode="send_frame", parity="auto", deint="interlaced")
        self._graph.link_nodes(source, bwdif, self._graph.add("buffersink"))
        self._graph.configure()

    def fits(self, frame: av.VideoFrame) -> bool:
        return self._format == _format(frame)

    def add(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        self._graph.vpush(frame)
        yield from self._ready()

    def flush(self) -> Iterator[av.VideoFrame]:
        self._graph.vpush(None)
        yield from self._ready()

    def _ready(self) -> Iterator[av.VideoFrame]:
        while True:
            try:
                frame = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            yield frame


def _format(frame: av.VideoFrame) -> tuple[int | str, ...]:
    return frame.width, frame.height, frame.format.name, int(frame.colorspace), int(frame.color_range)
