"""The loop that makes a video out of painted frames: frames in, frames out, nothing kept between calls."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor
from itertools import pairwise
from time import perf_counter
from typing import cast

from vidstyle.errors import OptionError
from vidstyle.flow.base import FlowEstimator
from vidstyle.options import SteadyOptions
from vidstyle.registry import TEMPORAL, name_of_part
from vidstyle.temporal.backends.base import AnyRaster
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.base import ClipFrame, Method, Paint, SteadyFrame
from vidstyle.temporal.cuts import Cuts


def steadied(
    frames: Iterable[ClipFrame],
    paint: Paint,
    *,
    options: SteadyOptions = SteadyOptions(),  # noqa: B008  # a frozen record
    flow: FlowEstimator | None = None,
    raster: AnyRaster | None = None,
    side: Executor | None = None,
) -> Generator[SteadyFrame, None, None]:
    """Paint ``frames`` one by one and make them agree; each result comes before the next frame is taken.

    Painting is the one step that is handed in: it needs engines and styles, which lie above this room, and
    it comes in the middle, where the method knows which paint it needs and not yet what is shown.

    Args:
        frames: of one clip, in order, all of one size.
        paint: paints a frame; is asked once for each, unless the frame equals the last.
        options: the method, its flow's size and its stability; 0 shows each frame as it was painted.
        flow: estimates motion that is not known of a frame; that of a CPU if None.
        raster: where the method computes; on the CPU if None.
        side: one thread for the method's work beside painting; none if None.
    """
    cuts = Cuts()
    method: Method | None = None
    interrupted: Method | None = None  # by what may turn out to be a flash
    is_first = True
    raster = CvRaster() if raster is None else raster
    for known in frames:
        frame = known.frame
        times = [perf_counter()]
        seen = cuts.look(frame.pixels)
        if not options.is_steady:  # a style may still be pushed away from each shot's own
            is_cut = seen.is_cut or is_first
            times.append(perf_counter())
            pixels, repainted = paint(frame, is_cut or seen.is_return, None).pixels, 1.0
            times.append(perf_counter())
        else:
            is_cut = seen.is_cut or method is None
            if seen.is_return and interrupted is not None:
                method, interrupted = interrupted, None
            elif is_cut or method is None:
                made: Method = load_method(options.temporal)(
                    flow, flow_size=options.flow_size, stability=options.stability, raster=raster, side=side
                )
                method, interrupted = made, method
            motion = None if seen.is_return else known.motion  # the map's last frame is another one
            need = method.plan(frame.pixels, renew=known.renewal, motion=motion)
            times.append(perf_counter())
            fresh = paint(frame, is_cut or seen.is_return, need)
            times.append(perf_counter())
            pixels = method.settle(fresh.pixels, fresh.valid)
            repainted = method.repainted
            if not (seen.is_cut or cuts.is_flash_possible):
                interrupted = None
        times.append(perf_counter())
        plan, painting, settling = (end - start for start, end in pairwise(times))
        yield SteadyFrame(frame, pixels, is_cut, repainted, (plan, painting, settling))
        is_first = False


def load_method(temporal: object) -> Callable[..., Method]:
    """What makes the temporal method of a shot: by name, or the class or function itself."""
    make = TEMPORAL.load(temporal) if isinstance(temporal, str) else temporal
    if not callable(make):
        raise OptionError(
            f"a temporal method is a class, made anew for each shot; got {name_of_part(temporal)}"
        )
    return cast("Callable[..., Method]", make)
