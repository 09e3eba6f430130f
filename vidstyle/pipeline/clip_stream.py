"""The painted frames of one clip, from its first frame on or from a saved state."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import tee
from typing import Generic, TypeVar

from vidstyle.device import without_free_memory
from vidstyle.engines.base import Statistics
from vidstyle.errors import OptionError
from vidstyle.flow.base import FlowEstimator, GreyEstimator
from vidstyle.frames import Frame
from vidstyle.options import SteadyOptions
from vidstyle.pipeline.motion import raster_of
from vidstyle.pipeline.prefetch import prefetch, side_thread
from vidstyle.pipeline.stream_state import StreamState
from vidstyle.rendering.adaptive_size import AdaptiveSize
from vidstyle.rendering.clip_painter import ClipPainter
from vidstyle.rendering.renderer import Renderer
from vidstyle.styles.mixtures import Styles
from vidstyle.temporal.backends.base import AnyRaster
from vidstyle.temporal.backends.torch_raster import TorchRaster
from vidstyle.temporal.base import ClipFrame, SteadyFrame, StylizedFrame
from vidstyle.temporal.compositing import Compositor, composited_frames
from vidstyle.temporal.cuts import Cuts
from vidstyle.temporal.detail_on_device import restored
from vidstyle.temporal.lookahead import batched_motions, motions
from vidstyle.temporal.loop import Finish, Returning, load_method, restored_cuts, steadied

_AHEAD = 2  # frames whose motion is known before they are painted
_PAIRS = 4  # of frames whose motion a GPU estimates at once: RAFT takes 150 MB for each at 432 lines

S = TypeVar("S")
T = TypeVar("T", bound=Statistics)

StateAfter = Callable[[], StreamState | None]
"""Makes the state after the last frame; None: there was no frame.

Raises ``OptionError`` for parts whose state cannot be kept."""


Merge = Callable[[tuple[SteadyFrame, ...]], SteadyFrame]
"""Makes one frame of those in each style, the layers' last."""


@dataclass(frozen=True, slots=True, eq=False)
class ClipStream(Generic[S, T]):
    """What paints the frames of a clip; it holds no state."""

    renderer: Renderer[S, T]
    styles: Styles[S]
    strength: float
    steady: SteadyOptions
    flow: FlowEstimator | None
    """None if ``steady`` needs none."""
    new_size: Callable[[], AdaptiveSize] | None = None
    """Makes what chooses the size at which the frames of a clip are painted; None: always the largest."""
    layers: Sequence[Styles[S]] = ()
    """Further styles, in each of which the clip is painted, too."""
    detail: float = 0.0
    """Share of the lost detail that is restored on the device, before results are downloaded."""

    def painted(
        self,
        frames: Iterable[Frame],
        composite: Compositor | None,
        *,
        may_run_ahead: bool,
        state: StreamState | None = None,
        cuts: Cuts | None = None,
        merge: Merge | None = None,
    ) -> Generator[StylizedFrame, None, StateAfter]:
        """The results of ``frames``, after ``composite``; what makes the state after them is returned.

        Args:
            may_run_ahead: whether frames may be read ahead of painting, by a thread of its own.
            state: that after the frame before, which was painted alike; None: a clip begins, or a shot.
            cuts: has classified the frames before those, where a shot begins; None: a clip begins, or that of
                ``state``.
            merge: makes one frame of that in ``styles`` and those in ``layers``; needed if there are layers.
        """
        raster = raster_of(self.renderer.device)
        kept = None if state is None else state.painter
        size = None if self.new_size is None else self.new_size()
        painter = ClipPainter(self.renderer, self.styles, self.strength, size=size, state=kept)
        last, latest = (None, None) if state is None else (state.last, state.motion)
        if cuts is None:
            cuts = Cuts() if state is None else restored_cuts(state.loop)
        with ExitStack() as stack:
            side = stack.enter_context(side_thread("results")) if raster.gains_from_threads else None
            clip_frames: Iterable[ClipFrame] = map(ClipFrame, frames)
            if self._takes_motion and raster.gains_from_threads:
                moving = motions(
                    frames, self.flow, self.steady.flow_size, last=last, latest=latest, cuts=cuts
                )
                ahead = prefetch(moving, _AHEAD, "motion") if may_run_ahead else moving
                clip_frames = stack.enter_context(closing(ahead))
            elif may_run_ahead and self._is_paired_on(raster):
                assert isinstance(raster, TorchRaster) and self.flow is not None
                paired = batched_motions(
                    frames, self.flow, self.steady.flow_size, raster, count=_PAIRS, last=last, cuts=cuts
                )
                clip_frames = stack.enter_context(closing(prefetch(paired, _AHEAD, "motion")))
            elif self.layers:
                clip_frames = _classified(frames, cuts, raster)
            clip_frames, *copies = tee(clip_frames, 1 + len(self.layers)) if self.layers else (clip_frames,)
            if self.styles.is_moving:
                clip_frames = _with_renewal(clip_frames, self.styles, None if last is None else last.time)
            steadied_alike = partial(
                steadied,
                options=self.steady,
                flow=self.flow,
                raster=raster,
                side=side,
                keeps_plain=True,
                finish=self._finish(raster),
                is_ahead=may_run_ahead,
            )
            loop_state = None if state is None else state.loop
            steady = Returning(steadied_alike(clip_frames, painter, state=loop_state, cuts=cuts))
            state = loop_state = kept = None  # it may be large
            shown: Iterable[SteadyFrame] = steady
            if self.layers:
                assert merge is not None
                painters = [
                    ClipPainter(self.renderer, each, self.strength, size=size, follows=True)
                    for each in self.layers
                ]
                others = [steadied_alike(*pair) for pair in zip(copies, painters, strict=True)]
                # the first one ends first, and the others have no frame left then
                shown = map(merge, zip(shown, *others, strict=False))
            if size is not None:
                shown = _observed(shown, size)
            yield from composited_frames(without_free_memory(shown), composite)
        loop = steady.returned

        def after() -> StreamState | None:
            if self.layers:
                raise OptionError("a stream with layers cannot be saved; leave out --layer, or save_state")
            if loop is None:
                return None
            if loop.last is not None:
                return StreamState.of(loop.last, loop.tensors(), painter.tensors())
            return None if last is None else StreamState(last, latest, loop.tensors(), painter.tensors())

        return after

    def _finish(self, raster: AnyRaster) -> Finish | None:
        if self.detail <= 0.0 or not isinstance(raster, TorchRaster):
            return None
        return partial(restored, raster, share=self.detail)

    def _is_paired_on(self, raster: AnyRaster) -> bool:
        """Whether the device of ``raster`` estimates motion ahead, of several pairs of frames at once."""
        if not self._takes_motion or not isinstance(raster, TorchRaster):
            return False
        is_shared = raster.device.type != "mps"  # two threads that give work to Apple's GPU: not tried
        return is_shared and not isinstance(self.flow, GreyEstimator)  # that computes on the CPU

    @property
    def _takes_motion(self) -> bool:
        return self.steady.is_steady and getattr(load_method(self.steady.temporal), "takes_motion", False)


def _classified(frames: Iterable[Frame], cuts: Cuts, raster: AnyRaster) -> Iterator[ClipFrame]:
    """``frames`` with their boundaries, uploaded: all layers begin a shot together, and share the upload."""
    for frame in frames:
        yield ClipFrame(frame, boundary=cuts.look(frame.pixels), samples=raster.upload(frame.pixels))


def _observed(frames: Iterable[SteadyFrame], size: AdaptiveSize) -> Iterator[SteadyFrame]:
    """``frames``, of each of which ``size`` is told what it cost."""
    for frame in frames:
        plan, painting, settling = frame.seconds
        size.observe(painting, plan + settling, float(frame.content.duration))
        yield frame


def _with_renewal(
    frames: Iterable[ClipFrame], styles: Styles[S], last: Fraction | None
) -> Iterator[ClipFrame]:
    """``frames`` with ``renewal``, the change of ``styles`` over time since the frame before, at ``last``."""
    for clip_frame in frames:
        time = clip_frame.frame.time
        yield clip_frame if last is None else replace(clip_frame, renewal=styles.progress(last, time))
        last = time
