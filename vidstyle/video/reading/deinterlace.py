"""Interlaced pictures into progressive ones: one for each, at the same time, from the first that needs it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import av.error
import av.filter

log = logging.getLogger(__name__)


def deinterlaced(frames: Iterable[av.VideoFrame], name: str = "the video") -> Iterator[av.VideoFrame]:
    """Pass ``frames`` through; from the first interlaced one on, weave each into a whole picture (bwdif).

    Progressive frames among them stay as they are. Nothing is added or left out, and every picture keeps
    its time; the ticks of those that went through the filter count in another ``time_base``.
    """
    weaver: _Weaver | None = None
    warned = False
    for frame in frames:
        if weaver is None and not frame.interlaced_frame:
            yield frame
            continue
        if not warned:
            warned = True
            log.warning("%s is interlaced; its fields are woven into whole pictures (bwdif)", name)
        if weaver is None or not weaver.fits(frame):
            if weaver is not None:
                yield from weaver.finish()
            weaver = _Weaver(frame)
        yield from weaver.add(frame)
    if weaver is not None:
        yield from weaver.finish()


class _Weaver:
    """One filter graph, for frames of one size and format."""

    def __init__(self, frame: av.VideoFrame) -> None:
        self._kind = _kind(frame)
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
        weave = self._graph.add("bwdif", mode="send_frame", parity="auto", deint="interlaced")
        self._graph.link_nodes(source, weave, self._graph.add("buffersink"))
        self._graph.configure()

    def fits(self, frame: av.VideoFrame) -> bool:
        return self._kind == _kind(frame)

    def add(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        self._graph.vpush(frame)
        yield from self._ready()

    def finish(self) -> Iterator[av.VideoFrame]:
        self._graph.vpush(None)
        yield from self._ready()

    def _ready(self) -> Iterator[av.VideoFrame]:
        while True:
            try:
                frame = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            yield frame


def _kind(frame: av.VideoFrame) -> tuple[int | str, ...]:
    return frame.width, frame.height, frame.format.name, int(frame.colorspace), int(frame.color_range)
