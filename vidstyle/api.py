"""The public functions: paint clips, frames and pictures; steady painted clips; carry paintings and masks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Unpack, cast, overload

from vidstyle.flow.base import auto_flow
from vidstyle.frames import Frame, Pixels
from vidstyle.keyframes.clip_plan import plan_clip
from vidstyle.keyframes.moments import KeyframePaintings, moments_of
from vidstyle.keyframes.painting import check_painting
from vidstyle.keyframes.propagation import propagated
from vidstyle.options import (
    CompositingOptions,
    DetailOptions,
    PaintOptions,
    ReadOptions,
    SegmentOptions,
    SteadyOptions,
    WriteOptions,
    check_keywords,
    make_record,
    select_keywords,
)
from vidstyle.options.empty_paths import check_not_empty
from vidstyle.options.keywords import (
    FrameKeywords,
    ImageKeywords,
    PropagateKeywords,
    SteadyFileKeywords,
    StreamKeywords,
    VideoKeywords,
)
from vidstyle.pipeline.brushed_masks import carried_masks, propagate_mask
from vidstyle.pipeline.mask import Mask
from vidstyle.pipeline.motion import flow_name, flow_of
from vidstyle.pipeline.plan import Stage, plan_run
from vidstyle.pipeline.precomputed import Pair, Pairs, paintings
from vidstyle.pipeline.prefetch import side_thread
from vidstyle.pipeline.report import OnFrame, RunReport
from vidstyle.pipeline.runner import option_values, run
from vidstyle.pipeline.styling import Styling, files_of, style_list, styling_name
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.segments.film import FilmRequest, paint_clip
from vidstyle.segments.film_progress import OnFilm
from vidstyle.segments.segment_job import Painting
from vidstyle.temporal.base import ClipFrame, StylizedFrame
from vidstyle.temporal.compositing import composited_frames, compositor
from vidstyle.temporal.loop import steadied
from vidstyle.video.reading.reader import Reader
from vidstyle.video.writing.target import default_target

__all__ = [
    "Styling",
    "Stylizer",
    "carried_masks",
    "propagate",
    "propagate_mask",
    "steady",
    "stylize_frames",
    "stylize_image",
    "stylize_video",
]


def stylize_video(
    source: str | Path,
    target: str | Path | None = None,
    *,
    style: Styling = (),
    on_frame: OnFrame | None = None,
    on_film: OnFilm | None = None,
    measure: bool = False,
    executor: Executor | None = None,
    **options: Unpack[VideoKeywords],
) -> RunReport:
    """Paint a clip into ``target`` (if None ``<clip>_<style>``), with its sound, timing and colour tags.

    Raises a ``VidstyleError`` if that is not possible. ``target`` appears when it is complete. A clip of more
    than 60 s is painted in segments: the same call goes on from what a run that was stopped has done.

    Args:
        style: one or several, which are mixed by ``style_weights``; not needed with ``style_track``.
        on_frame: called with a ``Progress`` for every frame that this process paints; returning False ends
            early with a valid file.
        on_film: called with a ``FilmProgress`` while a clip is painted in segments.
        executor: paints segments, ``workers`` of them at a time (32 if not given); its workers must see the
            files at the same paths.
        measure: whether to measure flicker and style during the run, for the report's ``measured``.
        options: all options of the command line as keywords; see ``vidstyle.options``.
    """
    check_not_empty(source=source, target=target, style=style)
    check_keywords(options, PaintOptions, SteadyOptions, ReadOptions, WriteOptions, SegmentOptions)
    read, write = make_record(ReadOptions, options), make_record(WriteOptions, options)
    paint, segments = make_record(PaintOptions, options), make_record(SegmentOptions, options)
    name = styling_name(style, paint.style_track)
    result = Path(target) if target is not None else default_target(Path(source), name, write)

    keywords = select_keywords(options, PaintOptions, SteadyOptions)

    @cache
    def load() -> Stylizer:
        return Stylizer(style, **cast(FrameKeywords, keywords))

    request = FilmRequest(
        source=Path(source),
        target=result,
        painting=Painting(tuple(style_list(style)), keywords),
        load=load,
        read=read,
        write=write,
        segments=segments,
        inputs=files_of(style, paint),
        executor=executor,
        measure=measure,
    )
    return paint_clip(request, on_frame=on_frame, on_film=on_film)


@overload
def stylize_frames(
    frames: Iterable[Frame], *, style: Styling = (), **options: Unpack[StreamKeywords]
) -> Iterator[Frame]: ...
@overload
def stylize_frames(
    frames: Iterable[Pixels], *, style: Styling = (), **options: Unpack[StreamKeywords]
) -> Iterator[Pixels]: ...
def stylize_frames(
    frames: Iterable[Frame] | Iterable[Pixels], *, style: Styling = (), **options: Unpack[StreamKeywords]
) -> Iterator[Frame] | Iterator[Pixels]:
    """Paint ``frames`` one by one, with no look-ahead: each result is yielded before the next frame is read.

    Takes (H, W, 3) uint8 or uint16 RGB arrays (of ``rate`` a second, 25 if not given) or ``Frame``s and
    yields the same kind, in the same size and depth.

    ``save_state`` is a file: once ``frames`` end, all that is remembered of them is written there. A later
    call with the same options, ``resume`` that file and the frames that follow gives what one call with all
    frames would have given, bit for bit on the same machine.
    """
    extra = ("rate", "resume", "save_state")
    check_keywords(options, PaintOptions, SteadyOptions, extra=extra)
    stylizer = Stylizer(style, **cast(FrameKeywords, select_keywords(options, PaintOptions, SteadyOptions)))
    return stylizer.frames(
        frames,
        rate=options.get("rate"),
        resume=options.get("resume"),
        save_state=options.get("save_state"),
    )


def stylize_image(
    image: str | Path | Pixels | Frame,
    target: str | Path | None = None,
    *,
    style: Styling = (),
    overwrite: bool = False,
    **options: Unpack[ImageKeywords],
) -> Pixels:
    """Paint one picture, a file or (H, W, 3) RGB; returns the pixels, in the same size and depth.

    With ``target`` the result is also saved there, in the format of the extension, with its transparency.
    """
    return Stylizer(style, **options).image(image, target, overwrite=overwrite)


def steady(
    clip: str | Path,
    painted: str | Path,
    target: str | Path | None = None,
    *,
    on_frame: OnFrame | None = None,
    **options: Unpack[SteadyFileKeywords],
) -> RunReport:
    """Remove the flicker of ``painted``, which another tool painted from ``clip`` frame by frame.

    Sizes are those of ``painted``; times, sound and all else are the clip's. The result is ``target``, or
    ``<painted>_steady`` beside ``painted``.
    """
    check_not_empty(clip=clip, painted=painted, target=target)
    check_keywords(options, DetailOptions, SteadyOptions, ReadOptions, WriteOptions)
    detail, steady_options = make_record(DetailOptions, options).detail, make_record(SteadyOptions, options)
    read, write = make_record(ReadOptions, options), make_record(WriteOptions, options)
    result = Path(target) if target is not None else default_target(Path(painted), "steady", write)

    def load() -> Stage[Pair]:
        values = {
            "detail": detail,
            **option_values(steady_options, read, write),
            "flow": flow_name(steady_options, "cpu") or "none",
        }
        return Stage(_steadying(steady_options, detail), values)

    inputs = [Path(clip), Path(painted)]
    plan = plan_run(lambda: Pairs(clip, painted, read), result, load, inputs=inputs, write=write)
    return run(plan, on_frame=on_frame)


def propagate(
    clip: str | Path,
    keyframes: KeyframePaintings,
    target: str | Path | None = None,
    *,
    on_frame: OnFrame | None = None,
    **options: Unpack[PropagateKeywords],
) -> RunReport:
    """Carry ``keyframes``, painted frames of ``clip`` by any tool, through the shots that they belong to.

    The result is ``target``, or ``<clip>_propagated``, with the clip's sound, timing and colour tags. The
    clip is read twice. Raises a ``VidstyleError`` if that is not possible.

    Args:
        keyframes: pictures by time: ``{0: "first.png", "0:01.5": "later.png", "#90": "last.png"}``, where
            ``#90`` is a frame's number, from 0; or ``"TIME=PICTURE"`` each. Times and numbers count from the
            start of the part that is read. A picture of another size is fitted to the frame.
        on_frame: as in ``stylize_video``.
        options: compositing, reading and writing; see ``vidstyle.options``.
    """
    check_not_empty(clip=clip, target=target)
    check_keywords(options, CompositingOptions, ReadOptions, WriteOptions)
    read, write = make_record(ReadOptions, options), make_record(WriteOptions, options)
    composite = make_record(CompositingOptions, options)
    moments = moments_of(keyframes)
    paths = [moment.path for moment in moments if moment.path is not None]
    result = Path(target) if target is not None else default_target(Path(clip), "propagated", write)

    def load() -> Stage[Frame]:
        mask = None if composite.mask is None else Mask(composite.mask)
        with Reader(clip, read) as reader:
            for path in paths:
                check_painting(path, reader.info.width, reader.info.height)
            plan = plan_clip(reader, moments)

        def results(frames: Iterable[Frame]) -> Iterator[StylizedFrame]:
            with ExitStack() as stack:
                finish = compositor(
                    strength=composite.strength,
                    preserve_color=composite.preserve_color,
                    mask=None if mask is None else mask.frames(read, stack),
                    detail=composite.detail,
                )
                yield from composited_frames(propagated(frames, plan), finish)

        names = [moment.name for moment in moments]
        values = {"keyframes": names, **option_values(composite, read, write), "flow": auto_flow("cpu")}
        return Stage(results, values)

    inputs = [Path(clip), *paths]
    inputs += [composite.mask] if composite.mask is not None else []
    return run(
        plan_run(lambda: Reader(clip, read), result, load, inputs=inputs, write=write), on_frame=on_frame
    )


def _steadying(
    steady_options: SteadyOptions, detail: float
) -> Callable[[Iterable[Pair]], Iterator[StylizedFrame]]:
    """The stage that steadies paintings, each paired with its frame of the clip; on the CPU."""
    flow = flow_of(steady_options, "cpu")

    def results(pairs: Iterable[Pair]) -> Iterator[StylizedFrame]:
        contents, paint = paintings(pairs)
        with side_thread("results") as side:
            frames = steadied(map(ClipFrame, contents), paint, options=steady_options, flow=flow, side=side)
            yield from composited_frames(frames, compositor(detail=detail))

    return results
