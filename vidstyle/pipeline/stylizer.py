"""An engine and styles, loaded once, for any number of clips, streams of frames and pictures."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Unpack, cast, overload

from vidstyle.cache_folder import LIMIT as CACHE_LIMIT
from vidstyle.cache_folder import cache_folder
from vidstyle.device import without_free_memory
from vidstyle.errors import OptionError
from vidstyle.frames import Frame, Pixels
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
from vidstyle.outputs import check_file_output, check_outputs
from vidstyle.pipeline.clip_stream import ClipStream, StateAfter
from vidstyle.pipeline.frame_inputs import RATE, as_frame, as_still
from vidstyle.pipeline.keyframed import OpenFrames, keyframed, planned
from vidstyle.pipeline.layers import Layers
from vidstyle.pipeline.loaded_renderer import load_renderer
from vidstyle.pipeline.mask import Mask
from vidstyle.pipeline.meter import Meter
from vidstyle.pipeline.motion import flow_name, flow_of
from vidstyle.pipeline.plan import plan_painting
from vidstyle.pipeline.report import OnFrame, RunReport
from vidstyle.pipeline.runner import option_values, run
from vidstyle.pipeline.stream_state import StreamState, content_hash, load_state, save_state
from vidstyle.pipeline.styling import Styling, files_of, style_list, styling_name
from vidstyle.registry import name_of_part
from vidstyle.rendering.adaptive_size import AdaptiveSize
from vidstyle.rendering.clip_painter import ClipPainter
from vidstyle.styles.embedding_cache import EmbeddingCache
from vidstyle.styles.mixtures import Styles
from vidstyle.styles.pictures import load
from vidstyle.styles.track import pictures_of
from vidstyle.temporal.base import ClipFrame, StylizedFrame
from vidstyle.temporal.compositing import Compositor, composited_frames, compositor
from vidstyle.temporal.contrast import with_plain
from vidstyle.temporal.cuts import Cuts
from vidstyle.temporal.loop import Returning, load_method
from vidstyle.video.stills import check_picture_target, save_image
from vidstyle.video.writing.target import default_target

log = logging.getLogger(__name__)

_COARSE = 0.5  # share of the sizes at which a picture is painted first
_INDIRECT = ("quality", "style_cache", "style_track")  # results depend on them through others, if at all


class Stylizer:
    """Paints any number of inputs with one set of styles and options, loaded once.

    The constructor raises a ``VidstyleError`` for an invalid option, style, weights file or device.
    """

    def __init__(self, style: Styling = (), **options: Unpack[FrameKeywords]) -> None:
        check_not_empty(style=style)
        check_keywords(options, PaintOptions, SteadyOptions)
        self._paint = paint = make_record(PaintOptions, options)
        self._steady = make_record(SteadyOptions, options)
        self._style_list = style_list(style)
        self._names = [item if isinstance(item, (str, Path)) else "pixels" for item in self._style_list]
        self.name = styling_name(style, paint.style_track)
        """The styles' names, which become part of the names of results."""
        self.files = files_of(style, paint)
        """The files that are read besides the clips, which no result may replace."""
        loaded = load_renderer(paint)
        self._engine_name, self._runtime_name, self._painter = loaded.engine, loaded.runtime, loaded.renderer
        folder, limit = paint.style_cache, None
        if folder is None:
            folder, limit = cache_folder("styles"), CACHE_LIMIT
        self._embeddings: EmbeddingCache[Any] = EmbeddingCache(self._painter, folder, limit=limit)
        self._styles = self._encode(style, paint.style_weights, paint.style_track)
        self._layers: Layers[Any] = Layers(paint.layer, lambda layer: self._encode(layer, None, None))
        self.paints_keyframes = (
            self._painter.engine.info.is_keyframe_engine and self._steady.carries_keyframes
        )
        """Whether the engine paints some frames of a clip, which are carried to the others."""
        if self.paints_keyframes and paint.adapts_size:
            raise OptionError(
                f"--working-size auto is for engines that paint every frame; {self._engine_name} "
                "paints keyframes: give a number of px"
            )
        if self.paints_keyframes and paint.layer:
            raise OptionError(
                f"--layer is for engines that paint every frame; {self._engine_name} paints keyframes: "
                "leave out --layer, or give --quality high or another --engine"
            )
        self._flow = flow_of(self._steady, self._flow_device)
        log.info("steadied by %s with %s", self._method, flow_name(self._steady, self._flow_device))
        if self.paints_keyframes and (self._steady.flow_size is not None or self._steady.stability < 1):
            log.warning(
                "--flow-size and --stability are for the paint map; keyframes are carried without them"
            )
        if self._steady.is_steady:
            load_method(self._steady.temporal)  # raises for what is none
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
    def frames(
        self,
        frames: Iterable[Frame],
        *,
        rate: Number | None = None,
        resume: str | Path | None = None,
        save_state: str | Path | None = None,
    ) -> Iterator[Frame]: ...
    @overload
    def frames(
        self,
        frames: Iterable[Pixels],
        *,
        rate: Number | None = None,
        resume: str | Path | None = None,
        save_state: str | Path | None = None,
    ) -> Iterator[Pixels]: ...
    def frames(
        self,
        frames: Iterable[Frame] | Iterable[Pixels],
        *,
        rate: Number | None = None,
        resume: str | Path | None = None,
        save_state: str | Path | None = None,
    ) -> Iterator[Frame] | Iterator[Pixels]:
        """Paint a stream of frames of one clip; see ``stylize_frames``."""
        if self.paints_keyframes:
            raise OptionError(
                f"the engine {self._engine_name} paints keyframes, which are chosen in "
                "a whole clip: give stylize_video a file, or temporal='none' to have every frame painted"
            )
        check_not_empty(resume=resume, save_state=save_state)
        if self._paint.layer and (resume is not None or save_state is not None):
            raise OptionError(
                "a stream with layers cannot be saved; leave out layer, or save_state and resume"
            )
        if self._paint.adapts_size and (resume is not None or save_state is not None):
            raise OptionError(
                "with working_size='auto' results depend on the time that they take, so none can go on as "
                "an unbroken one: give a number of px with save_state and resume"
            )
        step = 1 / (as_rate(rate) if rate is not None else RATE)
        kept = None if save_state is None else Path(save_state)
        if kept is not None:
            check_outputs([("save_state", kept)], self.files)
            check_file_output(("save_state", kept), overwrite=True)
        state = None if resume is None else load_state(Path(resume), self._facts())
        return cast("Iterator[Frame] | Iterator[Pixels]", self._stream(frames, step, state, kept))

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
            pictures = [item for item in (image, *style_list(style or ())) if isinstance(item, (str, Path))]
            check_outputs([("the result", Path(target))], [*pictures, *self.files])
        frame = as_still(image)
        result = self._painted_still(frame, style)
        if target is not None:
            save_image(target, Frame(result, alpha=frame.alpha))
        return result

    def progressive(
        self, image: str | Path | Pixels | Frame, *, style: Styling | None = None
    ) -> Iterator[Pixels]:
        """Paint one picture as ``image`` does, twice: at half the size, which is quick, then in full.

        Both results have the size of the picture; the strokes of the first are larger.
        """
        check_not_empty(image=image, style=style)
        frame = as_still(image)
        for share in (_COARSE, 1.0):
            yield self._painted_still(frame, style, share)

    def _painted_still(self, frame: Frame, style: Styling | None, share: float = 1.0) -> Pixels:
        """``frame`` painted at ``share`` of its working size, in another ``style`` if one is given."""
        styles = self._styles if style is None else self._encode(style, self._paint.style_weights, None)
        with ExitStack() as stack:
            composite = self._compositor(ReadOptions(), stack, self._paint.detail)
            renderer = self._painter.coarser(share)

            def paint(style: Styles[Any]) -> Pixels:
                painter = ClipPainter(renderer, style, self._paint.strength)
                return cast("Pixels", painter(ClipFrame(frame), True, None).pixels)  # of pixels, pixels

            painted = self._layers.over(frame, paint(styles), paint)
        return painted if composite is None else composite(frame, painted)

    def _encode(self, style: Styling, weights: Sequence[float] | None, track: Path | None) -> Styles[Any]:
        return Styles(self._embeddings, self._painter.engine, style_list(style), weights=weights, track=track)

    def _meter(self) -> Meter:
        """A meter for a run; style is measured only if there is a single, constant one."""
        is_single = len(self._style_list) == 1 and not self._styles.is_moving and not self._paint.layer
        single = self._style_list[0] if is_single else None
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

    def _keyframes(self, reopen: OpenFrames) -> int:
        """The number of keyframes among the frames that ``reopen`` gives."""
        loss = self._painter.engine.info.keyframe_loss
        plan = planned(reopen, flow=self._flow, renewal=self._styles.progress, loss=loss)
        return len(plan.keyframes)

    def _keyframed(
        self, frames: Iterable[Frame], reopen: OpenFrames, read: ReadOptions
    ) -> Generator[StylizedFrame, None, None]:
        """The composited ``frames``, which ``reopen`` gives again; the engine paints the keyframes."""
        paint = ClipPainter(self._painter, self._styles, self._paint.strength).keyframe
        with ExitStack() as stack:
            composite = self._compositor(read, stack, self._paint.detail)
            loss, renewal = self._painter.engine.info.keyframe_loss, self._styles.progress
            steady = keyframed(frames, reopen, paint, flow=self._flow, renewal=renewal, loss=loss)
            shown = without_free_memory(map(with_plain, steady))
            yield from composited_frames(shown, composite)

    def _composited(
        self,
        frames: Iterable[Frame],
        read: ReadOptions,
        *,
        may_run_ahead: bool,
        state: StreamState | None = None,
        cuts: Cuts | None = None,
    ) -> Generator[StylizedFrame, None, StateAfter]:
        """The composited frames of one clip; see ``ClipStream.painted``."""
        paint = self._paint
        target = paint.fps_target
        sizes = partial(AdaptiveSize, None if target is None else 1 / target) if paint.adapts_size else None
        layers = self._layers
        # layers are merged after their download, and detail is restored in what they make together
        is_on_device = self._painter.device.type != "cpu" and not layers.styles
        detail = paint.detail if is_on_device else 0.0
        stream = ClipStream(
            self._painter,
            self._styles,
            paint.strength,
            self._steady,
            self._flow,
            sizes,
            layers=layers.styles,
            detail=detail,
        )
        with ExitStack() as stack:
            composite = self._compositor(read, stack, paint.detail - detail)
            merge = layers.merge(read, stack)
            painted = stream.painted(
                frames, composite, may_run_ahead=may_run_ahead, state=state, cuts=cuts, merge=merge
            )
            state = None  # it may be large, and is needed at the first frame only
            return (yield from painted)

    def _stream(
        self, frames: Iterable[Any], step: Fraction, state: StreamState | None, kept: Path | None
    ) -> Generator[Any, None, None]:
        """One result for each of ``frames``, of its type: a ``Frame`` or pixels.

        ``state`` is that after the frame before; that after the last frame is written to the file ``kept``.
        """
        are_pixels: deque[bool] = deque()  # of frames whose results are due: whether they are arrays
        begin = Fraction(0) if state is None else state.last.time + state.last.duration

        def numbered() -> Iterator[Frame]:
            for index, item in enumerate(frames):
                are_pixels.append(not isinstance(item, Frame))
                yield as_frame(item, begin + index * step, step)

        results = Returning(self._composited(numbered(), ReadOptions(), may_run_ahead=False, state=state))
        state = None  # it may be large
        for result in results:
            yield result.frame.pixels if are_pixels.popleft() else result.frame
        if kept is not None and results.returned is not None:
            ended = results.returned()
            if ended is not None:
                save_state(kept, ended, self._facts())

    def _facts(self) -> dict[str, str]:
        """What the state of a stream depends on, by name, and where it goes on must be the same."""
        paint, steady = self._paint, self._steady
        track = paint.style_track
        moving = [] if track is None else [track, *filter(Path.is_file, pictures_of(track))]
        values = option_values(paint, steady) | {
            "engine": self._engine_name,
            "runtime": self._runtime_name,
            "working_size": paint.chosen_working_size,
            "largest_share": paint.largest_share,
            "flow": flow_name(steady, self._flow_device),
            "device": self._painter.device.type,
            "precision": self._painter.number_format,
            "style": content_hash(moving or map(load, self._style_list)),
            "layer": content_hash(self._layers.pictures()),
            "weights": self._painter.fingerprint(),
        }
        return {name: str(value) for name, value in values.items() if name not in _INDIRECT}

    def _compositor(self, read: ReadOptions, stack: ExitStack, detail: float) -> Compositor | None:
        mask = None if self._mask is None else self._mask.frames(read, stack)
        paint, weakest = self._paint, self._painter.engine.info.feature_strength
        share = paint.strength if weakest is None else min(1.0, paint.strength / weakest)
        return compositor(strength=share, preserve_color=paint.preserve_color, mask=mask, detail=detail)
