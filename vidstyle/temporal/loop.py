"""The loop over a clip's frames: cuts are detected, frames painted and made temporally consistent."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from time import perf_counter
from typing import Generic, TypeVar, cast

from torch import Tensor

from vidstyle.errors import OptionError
from vidstyle.flow.base import FlowEstimator
from vidstyle.frames import Frame, Pixels
from vidstyle.named_tensors import Tensors, as_integers, grouped, in_group, integers
from vidstyle.options import SteadyOptions
from vidstyle.registry import TEMPORAL, name_of_part
from vidstyle.temporal.backends.base import AnyRaster, Number
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.base import ClipFrame, Method, Paint, ResidentMethod, SavableMethod, SteadyFrame
from vidstyle.temporal.compositing import mixed_samples
from vidstyle.temporal.contrast import painted_share
from vidstyle.temporal.cuts import Cuts
from vidstyle.tensors import Samples

T = TypeVar("T")
R = TypeVar("R")

_METHOD, _INTERRUPTED = "method", "interrupted"  # groups of tensors
_PLAIN = "plain"


Finish = Callable[[Samples, Samples], Samples]
"""(the clip's frame, its painting) -> the result, all on a device."""


@dataclass(frozen=True, slots=True, eq=False)
class LoopState:
    """What the loop remembers after a frame."""

    cuts: Cuts
    method: Method | None
    """That of the shot; None if each frame stands alone."""
    interrupted: Method | None
    """That of the shot before a cut that may be a flash; None if there is none."""
    was_plain: bool = False
    """Whether the frame was shown unpainted, for want of contrast."""
    last: ClipFrame | None = None
    """The frame; None if there was none since the loop began."""

    def tensors(self) -> dict[str, Tensor]:
        """All but the frame, by name: copies on the CPU.

        Raises ``OptionError`` for a method that cannot be kept.
        """
        kept = {**grouped("cuts", self.cuts.tensors()), _PLAIN: as_integers([self.was_plain])}
        for name, method in ((_METHOD, self.method), (_INTERRUPTED, self.interrupted)):
            if method is not None:
                kept |= grouped(name, _savable(method).tensors())
        return kept


def steadied(
    frames: Iterable[ClipFrame],
    paint: Paint,
    *,
    options: SteadyOptions = SteadyOptions(),  # noqa: B008  # a frozen record
    flow: FlowEstimator | None = None,
    raster: AnyRaster | None = None,
    side: Executor | None = None,
    keeps_plain: bool = False,
    finish: Finish | None = None,
    is_ahead: bool = False,
    state: Tensors | None = None,
    cuts: Cuts | None = None,
) -> Generator[SteadyFrame, None, LoopState]:
    """Paint ``frames`` one by one and make them temporally consistent.

    Each result is yielded before the next frame is read, unless ``is_ahead``. Painting is a callback between
    the method's two steps, since this package must not import engines and styles. Returns its state after the
    last frame.

    Args:
        frames: of one clip, in order.
        paint: paints a frame; called once for each.
        options: the method, the size of its flow and its stability.
        flow: estimates motion of frames that come without; None: the default estimator of a CPU.
        raster: the method's backend; None: NumPy and OpenCV.
        side: an executor of one thread for the method's work beside painting; None: there is none.
        keeps_plain: show frames of hardly any contrast as they are, unpainted (``painted_share``). Painting
            begins anew where a picture emerges from them.
        finish: changes each result on the device that has computed it, before it is downloaded.
        is_ahead: compute the next frame on a device while a result is downloaded from there, which is then
            yielded a frame later.
        state: the tensors of ``LoopState`` after the frame before, with the same arguments; None: the first
            frame begins the clip.
        cuts: what classifies the frames that come without a boundary, or has classified them ahead; None: it
            is made, or is that of ``state``.

    Raises:
        OptionError: the temporal method cannot be made, or cannot go on from a state.
        KeyError: something is missing in ``state``.
    """
    raster = CvRaster() if raster is None else raster
    results = Returning(
        _results(frames, paint, options, flow, raster, side, keeps_plain, finish, state, cuts)
    )
    state = None  # it may be large
    waiting: Callable[[], SteadyFrame] | None = None
    for result in results:
        due = partial(_downloaded, result, raster.download(result.samples, result.repainted))
        if not is_ahead:
            yield due()
            continue
        if waiting is not None:
            yield waiting()
        waiting = due
    if waiting is not None:
        yield waiting()
    assert results.returned is not None
    return results.returned


@dataclass(frozen=True, slots=True, eq=False)
class _Result:
    """A frame that is painted and steadied, where it was painted."""

    frame: Frame
    samples: Samples
    is_cut: bool
    repainted: Number
    seconds: tuple[float, float, float]


def _downloaded(result: _Result, arrived: Callable[[], tuple[Pixels, float]]) -> SteadyFrame:
    begun = perf_counter()
    pixels, repainted = arrived()
    plan, painting, settling = result.seconds
    seconds = plan, painting, settling + perf_counter() - begun
    return SteadyFrame(result.frame, pixels, result.is_cut, repainted, seconds)


def _results(
    frames: Iterable[ClipFrame],
    paint: Paint,
    options: SteadyOptions,
    flow: FlowEstimator | None,
    raster: AnyRaster,
    side: Executor | None,
    keeps_plain: bool,
    finish: Finish | None,
    state: Tensors | None,
    cuts: Cuts | None,
) -> Generator[_Result, None, LoopState]:
    """What ``steadied`` downloads; nothing in it waits for a device but the method's plan."""

    def begin() -> Method:
        return load_method(options.temporal)(
            flow, flow_size=options.flow_size, stability=options.stability, raster=raster, side=side
        )

    known_state = _restored(state, begin) if state is not None else LoopState(Cuts(), None, None)
    cuts = known_state.cuts if cuts is None else cuts
    method, interrupted = known_state.method, known_state.interrupted
    is_first, was_plain = state is None, known_state.was_plain
    state = None  # it may be large
    known: ClipFrame | None = None
    for known in frames:
        frame = known.frame
        times = [perf_counter()]
        boundary = cuts.look(frame.pixels) if known.boundary is None else known.boundary
        share = painted_share(frame.pixels) if keeps_plain else 1.0
        if share == 0.0:
            if not was_plain:  # a flash may be over soon
                interrupted, method = method, None
            is_cut = boundary.is_cut or is_first
            is_first, was_plain = False, True
            times.append(perf_counter())
            yield _Result(frame, frame.pixels, is_cut, 0.0, (times[1] - times[0], 0.0, 0.0))
            continue
        if known.samples is None:
            known = replace(known, samples=raster.upload(frame.pixels))
        emerges, was_plain = was_plain and not boundary.is_return, False
        if not options.is_steady:  # cuts are needed all the same: engines keep statistics of a shot
            is_cut = boundary.is_cut or is_first
            times.append(perf_counter())
            samples = paint(known, is_cut or boundary.is_break or emerges, None).pixels
            repainted: Number = 1.0
            times.append(perf_counter())
        else:
            is_cut = boundary.is_cut or is_first
            if boundary.is_return and interrupted is not None:
                method, interrupted = interrupted, None
            elif is_cut or boundary.is_blank or method is None:
                method, interrupted = begin(), method
            motion = None if boundary.is_return else known.motion  # which is to the flash's last frame
            resident = method if isinstance(method, ResidentMethod) else None
            if resident is not None:
                repaint_mask = resident.plan(known.content, renew=known.renewal, motion=motion)
            else:
                repaint_mask = method.plan(frame.pixels, renew=known.renewal, motion=motion)
            times.append(perf_counter())
            painted = paint(known, is_cut or boundary.is_break or emerges, repaint_mask)
            times.append(perf_counter())
            if resident is not None:
                samples = resident.settle(painted.pixels, painted.valid)
            else:  # a method of the CPU: paintings are downloaded for it
                valid = painted.valid.cpu().numpy() if isinstance(painted.valid, Tensor) else painted.valid
                samples = method.settle(raster.download(painted.pixels, 1.0)()[0], valid)
            repainted = method.repainted
            if not (boundary.is_cut or boundary.is_blank or boundary.is_flash_possible):
                interrupted = None
        if share < 1.0:
            content = known.content if isinstance(samples, Tensor) else frame.pixels
            samples = mixed_samples(content, samples, share)
        if finish is not None:
            painting_there = samples if isinstance(samples, Tensor) else raster.upload(samples)
            samples = finish(known.content, painting_there)
        times.append(perf_counter())
        plan, painting, settling = (end - start for start, end in pairwise(times))
        yield _Result(frame, samples, is_cut, repainted, (plan, painting, settling))
        is_first = False
    return LoopState(cuts, method, interrupted, was_plain, known)


class Returning(Generic[T, R]):
    """The items of a generator, whose ``returned`` is what it returned once it has ended; None before."""

    def __init__(self, items: Generator[T, None, R]) -> None:
        self._items = items
        self.returned: R | None = None

    def __iter__(self) -> Generator[T, None, None]:
        self.returned = yield from self._items


def restored_cuts(tensors: Tensors) -> Cuts:
    """The ``cuts`` of the state whose ``tensors`` these are."""
    return Cuts.from_tensors(in_group("cuts", tensors))


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


def _restored(tensors: Tensors, begin: Callable[[], Method]) -> LoopState:
    """The state whose ``tensors`` these are; ``begin`` makes the method of a shot."""

    def method(name: str) -> Method | None:
        kept = in_group(name, tensors)
        if not kept:
            return None
        made = begin()
        _savable(made).restore(kept)
        return made

    (was_plain,) = integers(tensors[_PLAIN])
    return LoopState(restored_cuts(tensors), method(_METHOD), method(_INTERRUPTED), bool(was_plain))


def _savable(method: Method) -> SavableMethod:
    if not isinstance(method, SavableMethod):
        raise OptionError(
            f"the state of the temporal method {type(method).__name__} cannot be kept: "
            "it has no tensors() and restore()"
        )
    return method
