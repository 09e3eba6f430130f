"""A clip painted into a file: short ones in one piece, long ones in segments."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vidstyle.errors import OptionError, OutputError
from vidstyle.options import PaintOptions, ReadOptions, SegmentOptions, WriteOptions, make_record
from vidstyle.pipeline.plan import LongClip, plan_painting
from vidstyle.pipeline.report import OnFrame, RunReport
from vidstyle.segments.film_progress import OnFilm
from vidstyle.segments.manifest import Manifest, check_same
from vidstyle.segments.segment_job import Painting
from vidstyle.segments.work_folder import WorkFolder, another_run
from vidstyle.video.reading.pipes import is_pipe
from vidstyle.video.writing.pipe_output import is_stream
from vidstyle.video.writing.target import check_target, check_unclaimed

if TYPE_CHECKING:
    from vidstyle.pipeline.stylizer import Stylizer

log = logging.getLogger(__name__)

_LONG = Fraction(60)  # s: a longer clip is painted in segments if nothing else is asked for
_AUTO_LIMIT = Fraction(20)  # s of its segments: what a crash may cost, at under a hundredth of the time


@dataclass(frozen=True, slots=True, eq=False)
class FilmRequest:
    """A clip to be painted into a file, with all options."""

    source: Path
    target: Path
    painting: Painting
    load: Callable[[], Stylizer]
    """Returns the ``Stylizer`` of ``painting`` in this process."""
    read: ReadOptions
    write: WriteOptions
    segments: SegmentOptions
    inputs: tuple[Path, ...]
    """Further files that are read, such as styles and masks."""
    executor: Executor | None = None
    measure: bool = False


def paint_clip(
    request: FilmRequest, *, on_frame: OnFrame | None = None, on_film: OnFilm | None = None
) -> RunReport:
    """Paint a clip into a file, in one piece or in segments, as the options and its length say.

    ``on_frame`` is called with each frame that this process paints, ``on_film`` with the state of a film that
    is painted in segments. Raises a ``VidstyleError``.
    """
    options = request.segments
    if options.resume and options.restart:
        raise OptionError("--resume goes on from an earlier run, --restart begins anew; give one of the two")
    limit = _limit(request)
    if limit is None:
        _check_no_earlier(request)
        longest = _LONG if options.segments == "auto" and not _why_not(request) else None
        try:
            report = _in_one_piece(request, longest, on_frame)
        except LongClip:
            limit = _AUTO_LIMIT
        else:
            _forget(request)
            return report
    return _in_segments(request, limit, on_frame=on_frame, on_film=on_film)


def _in_one_piece(request: FilmRequest, longest: Fraction | None, on_frame: OnFrame | None) -> RunReport:
    plan = plan_painting(
        request.source,
        request.target,
        request.load,
        read=request.read,
        write=request.write,
        inputs=request.inputs,
        measure=request.measure,
        longest=longest,
    )
    from vidstyle.pipeline.runner import run  # imports torch: errors of the files come first

    return run(plan, on_frame=on_frame)


def _check_no_earlier(request: FilmRequest) -> None:
    """Raise an error if a run in segments paints the target, or began it and is not to be forgotten."""
    work = _work_of(request)
    if work is None:
        return
    if work.is_in_use():
        raise another_run(request.target)
    if work.is_empty():
        _forget(request)
    earlier = Manifest.load(work.path)
    if earlier is not None and not request.segments.restart:
        why_not = _why_not(request)
        now = f"off ({why_not})" if why_not else "off"
        check_same(request.target, {"segments": f"{float(earlier.limit):g}"}, {"segments": now})


def _forget(request: FilmRequest) -> None:
    """Remove the work of an earlier run in segments, which nothing can go on from now; never raises."""
    work = _work_of(request)
    if work is not None:
        with suppress(OutputError), work:
            work.remove()


def _work_of(request: FilmRequest) -> WorkFolder | None:
    """The folder of an earlier run in segments; None if there is none."""
    if is_stream(request.target):
        return None
    work = WorkFolder(request.target, request.segments.work_dir)
    return work if work.exists() else None


def _in_segments(
    request: FilmRequest, limit: Fraction, *, on_frame: OnFrame | None, on_film: OnFilm | None
) -> RunReport:
    options = request.segments
    inputs = (request.source, *request.inputs)
    work = WorkFolder(request.target, options.work_dir)
    earlier = None if options.restart else Manifest.load(work.path, is_told=False)
    write = request.write
    if earlier is not None and earlier.is_joined_in(
        request.target
    ):  # it was killed before the work was removed
        write = replace(write, overwrite=True)
    output = check_target(request.target, write, *inputs)
    check_unclaimed(request.target)
    with ExitStack() as stack:
        stack.enter_context(work)
        from vidstyle.segments.film_run import FilmRun

        try:
            report = FilmRun(request, output, work, limit).run(on_frame=on_frame, on_film=on_film)
        except BaseException as error:
            if not Manifest.is_in(work.path):
                work.remove()  # nothing has been painted
            elif not isinstance(error, OptionError):
                log.warning("what is done is kept in %s; the same command goes on from it", work.path)
            raise
        if not options.keep_work:
            work.remove()
    return report


def _limit(request: FilmRequest) -> Fraction | None:
    """Seconds of a segment at most; None: painted in one piece, unless the clip turns out to be long."""
    options, chosen = request.segments, request.segments.segments
    why_not = _why_not(request)
    needs_segments = _first_given(options, request.executor)
    if why_not or chosen == "off":
        if needs_segments is not None:
            raise OptionError(
                f"{needs_segments} is for films painted in segments, and {why_not or '--segments off'}; "
                "leave out one of the two"
            )
        if why_not and isinstance(chosen, Fraction):
            raise OptionError(f"{why_not}, which --segments cannot be; leave out one of the two")
        return None
    if isinstance(chosen, Fraction):
        return chosen
    work = WorkFolder(request.target, options.work_dir)
    if Manifest.is_in(work.path) and not options.restart:
        earlier = Manifest.load(work.path, is_told=False)
        return _AUTO_LIMIT if earlier is None else earlier.limit
    if options.resume:
        raise OptionError(
            f"there is no earlier run for {request.target} in {work.path}; leave out --resume to begin"
        )
    return None


def _why_not(request: FilmRequest) -> str:
    """Why a clip cannot be painted in segments; empty if it can."""
    if is_stream(request.target):
        return "a result that goes through a pipe is written in one piece"
    if is_pipe(request.source):
        return "an input that comes through a pipe is read once"
    if request.measure:
        return "--measure measures a run in one piece"
    if make_record(PaintOptions, request.painting.options).adapts_size:
        return "--working-size auto follows the time that frames take, which no later run can repeat"
    return ""


def _first_given(options: SegmentOptions, executor: Executor | None) -> str | None:
    """The first option that only segments take and that is not the default; None if there is none."""
    if executor is not None:
        return "executor"
    for item in fields(options):
        # what is painted in one piece may begin anew, too
        if item.name not in ("segments", "restart") and getattr(options, item.name) != item.default:
            return "--" + item.name.replace("_", "-")
    return None
