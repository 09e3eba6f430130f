"""The loop that makes a video out of painted frames: frames in, frames out, nothing kept between calls."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from time import perf_counter
from typing import cast

from vidstyle.errors import OptionError
from vidstyle.flow.base import FlowEstimator
from vidstyle.frames import Frame
from vidstyle.options import SteadyOptions
from vidstyle.registry import TEMPORAL, name_of_part
from vidstyle.temporal.backends.base import AnyRaster
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.base import Ahead, Finish, FrameWithMotion, Method, Paint, StyleProgress, StylizedFrame
from vidstyle.temporal.cuts import Cuts


def steadied(
    frames: Iterable[Frame],
    paint: Paint,
    *,
    options: SteadyOptions = SteadyOptions(),  # noqa: B008  # a frozen record
    flow: FlowEstimator | None = None,
    raster: AnyRaster | None = None,
    begin: Callable[[], Method] | None = None,
    ahead: Ahead | None = None,
    finish: Finish | None = None,
    progress: StyleProgress | None = None,
) -> Iterator[StylizedFrame]:
    """Paint ``frames`` one by one and make them agree; each result comes before the next frame is taken.

    Args:
        frames: of one clip, in order, all of one size.
        paint: paints a frame; is asked once for each, unless the frame equals the last.
        options: the method, its flow's size and its stability; 0 shows each frame as it was painted.
        flow: a ``FlowEstimator``; that of a CPU if None.
        raster: where the method computes; on the CPU, with no thread of its own, if None.
        begin: makes the method of a shot, say a ``PaintMap`` of other settings; that of ``options`` if None.
        ahead: gives the frames with their motion, which it may estimate ahead of the loop; closed at the end.
        finish: detail, strength, kept colours, masks; comes after the method: these follow their own times.
        progress: how far the style has moved between two times, for a style track.
    """
    cuts = Cuts()
    method: Method | None = None
    interrupted: Method | None = None  # by what may turn out to be a flash
    last: Frame | None = None
    moved = ahead(frames) if ahead is not None and options.is_steady else _unmoved(frames)
    with closing(moved) as moving:
        raster = CvRaster() if raster is None else raster
        for frame, motion in moving:
            times = [perf_counter()]
            seen = cuts.look(frame.pixels)
            if not options.is_steady:  # a style may still be pushed away from each shot's own
                is_cut = seen.is_cut or last is None
                times.append(perf_counter())
                shown, repainted = paint(frame, is_cut or seen.is_return, None).pixels, 1.0
                times.append(perf_counter())
            else:
                is_cut = seen.is_cut or method is None
                if seen.is_return and interrupted is not None:
                    method, interrupted = interrupted, None
                elif is_cut or method is None:
                    made = begin() if begin is not None else _begin(options, flow, raster)
                    method, interrupted = made, method
                renew = progress(last.time, frame.time) if progress is not None and last is not None else 0.0
                known = None if seen.is_return else motion  # the map's last frame is another one
                need = method.plan(frame.pixels, renew=renew, motion=known)
                times.append(perf_counter())
                fresh = paint(frame, is_cut or seen.is_return, need)
                times.append(perf_counter())
                shown = method.settle(fresh.pixels, fresh.valid)
                repainted = method.repainted
                if not (seen.is_cut or cuts.is_flash_possible):
                    interrupted = None
            pixels = shown if finish is None else finish(frame, shown)
            times.append(perf_counter())
            plan, painting, settling = (end - start for start, end in pairwise(times))
            yield StylizedFrame(replace(frame, pixels=pixels), is_cut, repainted, (plan, painting, settling))
            last = frame


def _unmoved(frames: Iterable[Frame]) -> Generator[FrameWithMotion, None, None]:
    for frame in frames:
        yield frame, None


def _begin(options: SteadyOptions, flow: FlowEstimator | None, raster: AnyRaster | None) -> Method:
    method: Method = load_method(options.temporal)(
        flow, flow_size=options.flow_size, stability=options.stability, raster=raster
    )
    return method


def load_method(temporal: object) -> Callable[..., Method]:
    """What makes the temporal method of a shot: by name, or the class or function itself."""
    make = TEMPORAL.load(temporal) if isinstance(temporal, str) else temporal
    if not callable(make):
        raise OptionError(
            f"a temporal method is a class, made anew for each shot; got {name_of_part(temporal)}"
        )
    return cast("Callable[..., Method]", make)
