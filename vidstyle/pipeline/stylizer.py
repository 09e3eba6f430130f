"""An engine and styles, loaded once, for any number of clips, streams of frames and pictures."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Unpack, cast, overload

from vidstyle.device import choose_device
from vidstyle.engines.base import chosen_engine, load_engine
from vidstyle.errors import OptionError
from vidstyle.frames import Frame, Pixels, check_pixels
from vidstyle.options import (
    PaintOptions,
    ReadOptions,
    SteadyOptions,
    WriteOptions,
    check_keywords,
    make_record,
)
from vidstyle.options.converters import as_rate
from vidstyle.options.empty_paths import check_not_empty
from vidstyle.options.keywords import FileKeywords, FrameKeywords, Number
from vidstyle.outputs import check_outputs
from vidstyle.pipeline.keyframed import keyframed, planned
from vidstyle.pipeline.mask import Mask
from vidstyle.pipeline.meter import Meter, metered
from vidstyle.pipeline.motion import flow_name, flow_of, raster_of
from vidstyle.pipeline.plan import Stage, plan_painting
from vidstyle.pipeline.prefetch import check_wanted, prefetch, side_thread
from vidstyle.pipeline.report import OnFrame, RunReport
from vidstyle.pipeline.runner import option_values, run
from vidstyle.registry import name_of_part
from vidstyle.rendering.clip_painter import ClipPainter
from vidstyle.rendering.renderer import Renderer
from vidstyle.runtimes.choice import choose_runtime
from vidstyle.styles.embedding_cache import EmbeddingCache
from vidstyle.styles.mixtures import Styles
from vidstyle.styles.pictures import Style, load
from vidstyle.styles.track import pictures_of
from vidstyle.temporal.base import ClipFrame, StylizedFrame
from vidstyle.temporal.compositing import Compositor, composited_frames, compositor
from vidstyle.temporal.lookahead import motions
from vidstyle.temporal.loop import load_method, steadied
from vidstyle.video.stills import check_picture_target, load_image, save_image
from vidstyle.video.writing.target import default_target

Styling = Style | Sequence[Style]
"""One style (a picture's path, a bundled name, pixels), or several that are mixed."""

log = logging.getLogger(__name__)

_AHEAD = 2  # frames whose motion is known before they are painted
_RATE = Fraction(25)  # frames a second of arrays, which carry no times


class Stylizer:
    """Paints any number of inputs with one set of styles and options, loaded once.

    The constructor raises a ``VidstyleError`` for an invalid option, style, weights file or device.
    """

    def __init__(self, style: Styling = (), **options: Unpack[FrameKeywords]) -> None:
        check_not_empty(style=style)
        check_keywords(options, PaintOptions, SteadyOptions)
        self._paint = paint = make_record(PaintOptions, options)
        self._steady = make_record(SteadyOptions, options)
        self._style_list = _style_list_of(style)
        self._names = [item if isinstance(item, (str, Path)) else "pixels" for item in self._style_list]
        self.name = styling_name(style, paint.style_track)
        """The styles' names, which become part of the names of results."""
        self.files = files_of(style, paint)
        """The files that are read besides the clips, which no result may replace."""
        device = choose_device(paint.device)
        engine = chosen_engine(paint.engine, paint.weights, paint.quality_engine)
        self._engine_name = name_of_part(engine)
        loaded = load_engine(engine, paint.weights, dict(paint.engine_options))
        choice = choose_runtime(paint.runtime, loaded, device)
        self._runtime_name = choice.name
        precision = choice.runtime.precision(paint.precision, device)
        self._painter: Renderer[Any, Any] = Renderer(
            choice.runtime.prepared(loaded, precision),
            device=device,
            precision=precision,
            working_size=paint.chosen_working_size,
            largest_share=paint.largest_share,
            on_step=check_wanted,
        )
        self._embeddings: EmbeddingCache[Any] = EmbeddingCache(self._painter, paint.style_cache)
        self._styles = self._encode(style, paint.style_weights, paint.style_track)
        number_format = str(self._painter.precision).removeprefix("torch.")
        log.info("%s paints on %s in %s", self._engine_name, device, number_format)
        log.info("inside a shot the network runs in %s (%s)", choice.runtime.info.title, choice.why)
        self.paints_keyframes = (
            self._painter.engine.info.is_keyframe_engine
            and self._steady.is_steady
            and self._steady.temporal == SteadyOptions().temporal
        )
        """Whether the engine paints some frames of a clip, which are carried to the others."""
        self._flow = flow_of(self._steady, self._flow_device)
        log.info("steadied by %s with %s", self._method, flow_name(self._steady, self._flow_device))
        if self.paints_keyframes and (self._steady.flow_size is not None or self._steady.stability < 1):
            log.warning(
                "--flow-size and --stability are for the paint map; keyframes are carried without them"
            )
        self._takes_motion = self._steady.is_steady and getattr(
            load_method(self._steady.temporal), "takes_motion", False
        )
        self._mask = None if paint.mask is None else Mask(paint.mask)

    def video(
        self,
        source: str | Path,
        target: str | Path | None = None,
        *,
        on_frame: OnFrame | None = None,
        measure: bool = False,
        **options: Unpack[FileKeywords],
    ) -> RunReport:
        """Paint a clip; see ``stylize_video``."""
        check_not_empty(source=source, target=target)
        check_keywords(options, ReadOptions, WriteOptions)
        read, write = make_record(ReadOptions, options), make_record(WriteOptions, options)
        result = Path(target) if target is not None else default_target(Path(source), self.name, write)
        plan = plan_painting(
            source, result, lambda: self, read=read, write=write, inputs=self.files, measure=measure
        )
        return run(plan, on_frame=on_frame)

    @overload
    def frames(self, frames: Iterable[Frame], *, rate: Number | None = None) -> Iterator[Frame]: ...
    @overload
    def frames(self, frames: Iterable[Pixels], *, rate: Number | None = None) -> Iterator[Pixels]: ...
    def frames(
        self, frames: Iterable[Frame] | Iterable[Pixels], *, rate: Number | None = None
    ) -> Iterator[Frame] | Iterator[Pixels]:
        """Paint a stream of frames of one clip; see ``stylize_frames``."""
        if self.paints_keyframes:
            raise OptionError(
                f"the engine {self._engine_name} paints keyframes, which are chosen in "
                "a whole clip: give stylize_video a file, or temporal='none' to have every frame painted"
            )
        step = 1 / (as_rate(rate) if rate is not None else _RATE)
        return cast("Iterator[Frame] | Iterator[Pixels]", self._stream(frames, step))

    def image(
        self,
        image: str | Path | Pixels | Frame,
        target: str | Path | None = None,
        *,
        style: Styling | None = None,
        overwrite: bool = False,
    ) -> Pixels:
        """Paint one picture, in another ``style`` if one is given; see ``stylize_image``."""
        check_not_empty(image=image, target=target, style=style)
        if target is not None:
            check_picture_target(Path(target), overwrite)
            pictures = [
                item for item in (image, *_style_list_of(style or ())) if isinstance(item, (str, Path))
            ]
            check_outputs([("the result", Path(target))], [*pictures, *self.files])
        frame = load_image(image) if isinstance(image, (str, Path)) else _as_frame(image, Fraction(0), _RATE)
        styles = self._styles if style is None else self._encode(style, self._paint.style_weights, None)
        with ExitStack() as stack:
            composite = self._compositor(ReadOptions(), stack)
            painted = ClipPainter(self._painter, styles, self._paint.strength)(frame, True, None).pixels
        result = painted if composite is None else composite(frame, painted)
        if target is not None:
            save_image(target, Frame(result, alpha=frame.alpha))
        return result

    def _encode(self, style: Styling, weights: Sequence[float] | None, track: Path | None) -> Styles[Any]:
        return Styles(
            self._embeddings, self._painter.engine, _style_list_of(style), weights=weights, track=track
        )

    def _meter(self) -> Meter:
        """A meter for a run; style is measured only if there is a single, constant one."""
        single = self._style_list[0] if len(self._style_list) == 1 and not self._styles.is_moving else None
        name = flow_name(self._steady, self._flow_device)
        return Meter(None if single is None else load(single), self._flow, name)

    @property
    def _method(self) -> str:
        """How frames are made to agree, for the report."""
        return "keyframes" if self.paints_keyframes else name_of_part(self._steady.temporal)

    @property
    def _flow_device(self) -> str:
        """Where motion is estimated: paint is carried from keyframes on the CPU."""
        return "cpu" if self.paints_keyframes else str(self._painter.device)

    def _keyframes(self, source: str | Path, read: ReadOptions) -> int:
        """The number of keyframes of ``source``."""
        loss = self._painter.engine.info.keyframe_loss
        plan = planned(source, read, flow=self._flow, renewal=self._styles.progress, loss=loss)
        return len(plan.keyframes)

    def _keyframed(
        self, frames: Iterable[Frame], source: str | Path, read: ReadOptions
    ) -> Generator[StylizedFrame, None, None]:
        """The composited frames of ``source``, of which the engine paints the keyframes."""
        paint = ClipPainter(self._painter, self._styles, self._paint.strength).keyframe
        with ExitStack() as stack:
            composite = self._compositor(read, stack)
            loss, renewal = self._painter.engine.info.keyframe_loss, self._styles.progress
            steady = keyframed(frames, source, read, paint, flow=self._flow, renewal=renewal, loss=loss)
            yield from composited_frames(steady, composite)

    def _composited(
        self, frames: Iterable[Frame], read: ReadOptions, *, may_run_ahead: bool
    ) -> Generator[StylizedFrame, None, None]:
        """The composited frames of one clip; files may be read ahead of painting, streams must not."""
        raster = raster_of(self._painter.device)
        with ExitStack() as stack:
            composite = self._compositor(read, stack)
            side = stack.enter_context(side_thread("results")) if raster.gains_from_threads else None
            clip_frames: Iterable[ClipFrame] = map(ClipFrame, frames)
            if self._takes_motion and raster.gains_from_threads:
                moving = motions(frames, self._flow, self._steady.flow_size)
                ahead = prefetch(moving, _AHEAD, "motion") if may_run_ahead else moving
                clip_frames = stack.enter_context(closing(ahead))
            steady = steadied(
                _with_renewal(clip_frames, self._styles) if self._styles.is_moving else clip_frames,
                ClipPainter(self._painter, self._styles, self._paint.strength),
                options=self._steady,
                flow=self._flow,
                raster=raster,
                side=side,
            )
            yield from composited_frames(steady, composite)

    def _stream(self, frames: Iterable[Any], step: Fraction) -> Generator[Any, None, None]:
        """One result for each of ``frames``, of its type: a ``Frame`` or pixels."""
        are_pixels: deque[bool] = deque()  # of frames whose results are due: whether they are arrays

        def numbered() -> Iterator[Frame]:
            for index, item in enumerate(frames):
                are_pixels.append(not isinstance(item, Frame))
                yield _as_frame(item, index * step, step)

        for result in self._composited(numbered(), ReadOptions(), may_run_ahead=False):
            yield result.frame.pixels if are_pixels.popleft() else result.frame

    def _compositor(self, read: ReadOptions, stack: ExitStack) -> Compositor | None:
        mask = None if self._mask is None else self._mask.frames(read, stack)
        paint, weakest = self._paint, self._painter.engine.info.feature_strength
        share = paint.strength if weakest is None else min(1.0, paint.strength / weakest)
        return compositor(strength=share, preserve_color=paint.preserve_color, mask=mask, detail=paint.detail)


def painting(
    stylizer: Stylizer, source: str | Path, read: ReadOptions, write: WriteOptions, *, measure: bool
) -> Stage[Frame]:
    """The stage that paints the frames of ``source``; ``read`` and ``write`` are that file's options."""
    meter = stylizer._meter() if measure else None

    def results(frames: Iterable[Frame]) -> Iterator[StylizedFrame]:
        def composited(contents: Iterable[Frame]) -> Iterator[StylizedFrame]:
            if stylizer.paints_keyframes:
                return stylizer._keyframed(contents, source, read)
            return stylizer._composited(contents, read, may_run_ahead=True)

        return composited(frames) if meter is None else metered(frames, composited, meter)

    values = {
        "style": stylizer._names,
        **option_values(stylizer._paint, stylizer._steady, read, write),
        "engine": stylizer._engine_name,
        "runtime": stylizer._runtime_name,
        "working_size": stylizer._paint.chosen_working_size,
        "temporal": stylizer._method,
        "flow": flow_name(stylizer._steady, stylizer._flow_device) or "none",  # what auto means here
    }

    def keyframes(part: ReadOptions) -> int:
        return stylizer._keyframes(source, part)

    return Stage(results, values, meter, keyframes if stylizer.paints_keyframes else None)


def _with_renewal(frames: Iterable[ClipFrame], styles: Styles[Any]) -> Iterator[ClipFrame]:
    """``frames`` with ``renewal``, the change of ``styles`` over time since the frame before."""
    last: Fraction | None = None
    for clip_frame in frames:
        time = clip_frame.frame.time
        yield clip_frame if last is None else replace(clip_frame, renewal=styles.progress(last, time))
        last = time


def styling_name(style: Styling, track: Path | None) -> str:
    """The name for results: the styles' names, joined, or the style track's."""
    names = [Path(item).stem for item in _style_list_of(style) if isinstance(item, (str, os.PathLike))]
    if not names and track is not None:
        names = [Path(track).stem]
    return "+".join(names) or "painted"


def files_of(style: Styling, paint: PaintOptions) -> tuple[Path, ...]:
    """The files that painting reads beside the clip: styles, mask, style track and its pictures, weights."""
    named = [item for item in _style_list_of(style) if isinstance(item, (str, Path))]
    options = (paint.mask, paint.style_track, paint.weights)
    pictures = () if paint.style_track is None else pictures_of(paint.style_track)
    return (*map(Path, named), *(path for path in options if path is not None), *pictures)


def _style_list_of(style: Styling) -> list[Style]:
    return list(style) if isinstance(style, (list, tuple)) else [cast(Style, style)]


def _as_frame(item: Any, time: Fraction, step: Fraction) -> Frame:
    if isinstance(item, Frame):
        return item
    try:
        check_pixels(item)
    except ValueError as error:
        raise OptionError(str(error)) from None
    return Frame(item, time, step)
