"""The loop over a clip's frames: cuts are detected, frames painted and made temporally consistent."""

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
    """Paint ``frames`` one by one and make them temporally consistent.

    Each result is yielded before the next frame is read. Painting is a callback between the method's two
    steps, since this package must not import engines and styles.

    Args:
        frames: of one clip, in order.
        paint: paints a frame; called once for each.
        options: the method, the size of its flow and its stability.
        flow: estimates motion of frames that come without; None: the default estimator of a CPU.
        raster: the method's backend; None: NumPy and OpenCV.
        side: an executor of one thread for the method's work beside painting; None: there is none.

    Raises:
        OptionError: the temporal method cannot be made.
    """
    cuts = Cuts()
    method: Method | None = None
    interrupted: Method | None = None  # of the shot before a cut that may be a flash
    is_first = True
    raster = CvRaster() if raster is None else raster
    for known in frames:
        frame = known.frame
        times = [perf_counter()]
        boundary = cuts.look(frame.pixels)
        if not options.is_steady:  # cuts are needed all the same: engines keep statistics of a shot
            is_cut = boundary.is_cut or is_first
            times.append(perf_counter())
            pixels, repainted = paint(frame, is_cut or boundary.is_break, None).pixels, 1.0
            times.append(perf_counter())
        else:
            is_cut = boundary.is_cut or method is None
            if boundary.is_return and interrupted is not None:
                method, interrupted = interrupted, None
            elif is_cut or boundary.is_blank or method is None:
                made: Method = load_method(options.temporal)(
                    flow, flow_size=options.flow_size, stability=options.stability, raster=raster, side=side
                )
                method, interrupted = made, method
            motion = None if boundary.is_return else known.motion  # which is to the flash's last frame
            repaint_mask = method.plan(frame.pixels, renew=known.renewal, motion=motion)
            times.append(perf_counter())
            painted = paint(frame, is_cut or boundary.is_break, repaint_mask)
            times.append(perf_counter())
            pixels = method.settle(painted.pixels, painted.valid)
            repainted = method.repainted
            if not (boundary.is_cut or boundary.is_blank or cuts.is_flash_possible):
                interrupted = None
        times.append(perf_counter())
        plan, painting, settling = (end - start for start, end in pairwise(times))
        yield SteadyFrame(frame, pixels, is_cut, repainted, (plan, painting, settling))
        is_first = False


def load_method(temporal: object) -> Callable[..., Method]:
    """The factory of a temporal method: a name of ``TEMPORAL``, or the class or function itself.

    Raises ``OptionError`` for an unknown name or what is not callable.
    """
    make = TEMPORAL.load(temporal) if isinstance(temporal, str) else temporal
    if not callable(make):
        raise OptionError(
            f"a temporal method is a class, made anew for each shot; got {name_of_part(temporal)}"
        )
    return cast("Callable[..., Method]", make)
