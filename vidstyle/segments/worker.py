"""What is done where segments are painted: in this process, in others, or on other machines."""

from __future__ import annotations

import logging
import pickle
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import TypeVar

from vidstyle._version import __version__
from vidstyle.device import own_process, set_threads, stream_threads
from vidstyle.errors import InputError, OptionError, OutputError, VidstyleError
from vidstyle.options import ReadOptions, WriteOptions
from vidstyle.pipeline.painting import PartPainting, keeps_state, painting_facts, reported_options
from vidstyle.pipeline.plan import RunPlan, Stage
from vidstyle.pipeline.report import OnFrame, Progress, RunReport, versions
from vidstyle.pipeline.runner import run
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.segments.hashes import content_of
from vidstyle.segments.segment_frames import SegmentFrames
from vidstyle.segments.segment_job import Job, Painting, SegmentResult
from vidstyle.segments.segment_record import load_result, save_result, sha256_of, size_of
from vidstyle.segments.starts import ReadsDifferently
from vidstyle.segments.work_folder import disk_errors, is_stopped
from vidstyle.video.writing.segment_file import SegmentFile
from vidstyle.video.writing.target import cannot_keep

log = logging.getLogger(__name__)

T = TypeVar("T")

_POLL = 0.5  # s between two looks at the stop file, and two notes of progress
_NOT_COMPARED = ("python", "system")  # versions on which results do not depend

Load = Callable[[], Stylizer]
"""Returns the stylizer, loaded once."""


class Stopped(VidstyleError):
    """The run was stopped; what is painted is not wanted any more."""


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """What a stylizer says of itself where segments are painted."""

    facts: Mapping[str, str]
    """What results depend on, by name."""
    keeps_state: bool
    """Whether painting can go on from a saved state."""
    options: Mapping[str, object]
    """All options with their values, for the report."""


def describe(
    painting: Painting, read: ReadOptions, write: WriteOptions, threads: int | None, load: Load | None = None
) -> Description:
    """Load what paints, and say what results depend on."""
    stylizer = _loaded(painting, threads) if load is None else load()
    options = reported_options(stylizer, read, write)
    plain = {
        name: value if isinstance(value, (str, int, float, bool, type(None), tuple, list)) else str(value)
        for name, value in options.items()
    }
    return Description(_facts(stylizer), keeps_state(stylizer), plain)


def paint_segment(job: Job, load: Load | None = None, on_frame: OnFrame | None = None) -> SegmentResult:
    """Paint and encode one segment; what was painted already is left as it is.

    Raises a ``VidstyleError``, ``Stopped`` if its run was stopped or another one goes on. If ``on_frame``
    returns False, the result has fewer frames than the segment, and is not recorded.
    """
    done = load_result(job)
    if done is not None:
        return done
    if on_frame is None and _is_stopped(job):
        raise Stopped("stopped")
    _check_place(job)
    stylizer = _loaded(job.film.painting, job.film.threads) if load is None else load()
    _check_facts(job, stylizer)
    with suppress(OSError):
        job.result_path.unlink()
    try:
        return _painted(job, stylizer, on_frame, seeks=True)
    except ReadsDifferently:
        if job.segment.first == 0:
            raise
        log.warning("%s is read from its beginning for segment %d", job.film.source, job.number + 1)
        return _painted(job, stylizer, on_frame, seeks=False)
    finally:
        with suppress(OSError):
            job.progress_path.unlink()


@dataclass(frozen=True, slots=True)
class Failure:
    """An error in a worker, as text: not all errors can be sent."""

    kind: str
    message: str


def attempt(function: Callable[..., T], *arguments: object) -> T | Failure:
    """Call ``function`` in a worker, with its error as a value: what is raised then is the worker's end."""
    try:
        return function(*arguments)
    except Exception as error:
        if isinstance(error, VidstyleError):
            return Failure(type(error).__name__, str(error))
        if isinstance(error, OSError) and error.filename:
            return Failure("OutputError", f"{error.filename}: {error.strerror or error}")
        text = " ".join(str(error).split())
        return Failure("VidstyleError", f"unexpected {type(error).__name__} on {platform.node()}: {text}")


def _painted(job: Job, stylizer: Stylizer, on_frame: OnFrame | None, *, seeks: bool) -> SegmentResult:
    film, segment = job.film, job.segment
    part = PartPainting(
        stylizer,
        film.read,
        lambda: SegmentFrames(job, 0, seeks=seeks),
        resume=job.resume_path,
        before=segment.before,
    )
    file = SegmentFile(
        job.path,
        film.output,
        like=film.info,
        first=film.first,
        tick=film.tick,
        is_last_key=job.is_last_key,
    )
    frames = SegmentFrames(job, segment.before, seeks=seeks)
    plan = RunPlan(frames, film.output, Stage(part.results, {}), (film.source,))
    with _noted(job, on_frame) as note:
        report = run(plan, on_frame=note, open_writer=lambda _: file)
    if report.frames != segment.count and not report.stopped:
        raise ReadsDifferently(f"{film.source} ended early in segment {job.number + 1}")
    if job.saves_state and not report.stopped:
        _save_state(part, job.state_path)
    with disk_errors(job.path):
        result = _result(job, report, file)
        if report.stopped:
            return result
        save_result(job, result)
    return result


def _save_state(part: PartPainting, path: Path) -> None:
    try:
        part.save_state(path)
    except OutputError as error:
        if isinstance(error.__cause__, OSError):
            raise cannot_keep(path, error.__cause__) from error
        raise


def _result(job: Job, report: RunReport, file: SegmentFile) -> SegmentResult:
    begin = job.spans[job.segment.before][0]
    own_cut = (begin,) if job.segment.begins_shot and job.number > 0 else ()
    return SegmentResult(
        key=job.key,
        frames=report.frames,
        sha256=sha256_of(job.path),
        size=size_of(job.path),
        order=file.order or tuple(range(report.frames)),
        delay=file.delay,
        state_sha256=sha256_of(job.state_path) if job.saves_state and not report.stopped else None,
        cuts=(*own_cut, *report.cuts),
        repainted=report.repainted,
        seconds=report.seconds,
        stages=report.stages,
        limit=report.limit,
        host=platform.node(),
    )


@contextmanager
def _noted(job: Job, on_frame: OnFrame | None) -> Iterator[OnFrame]:
    """``on_frame`` with the film's numbers of frames; without it, notes of progress, and the stop file."""
    last = monotonic()

    def note(progress: Progress) -> bool | None:
        nonlocal last
        if on_frame is not None:
            return on_frame(replace(progress, index=progress.index + job.segment.first))
        if monotonic() - last > _POLL or progress.index + 1 == job.segment.count:
            last = monotonic()
            if _is_stopped(job):
                raise Stopped("stopped")
            with suppress(OSError):  # progress is told less exactly then
                job.progress_path.write_text(str(progress.index + 1), encoding="ascii")
        return None

    yield note


def _is_stopped(job: Job) -> bool:
    return is_stopped(job.film.folder, job.film.run)


def _check_place(job: Job) -> None:
    """Raise an error unless this machine has the version of vidstyle and the input of the plan."""
    film, here = job.film, platform.node() or "this machine"
    if film.version != __version__:
        raise OptionError(
            f"vidstyle is {__version__} on {here}, and the film was planned with {film.version}; "
            "install the same version everywhere"
        )
    try:
        found = content_of(film.source)
    except OSError as error:
        raise InputError(
            f"{film.source} cannot be read on {here} ({error.strerror or error}); "
            "all machines must see it at the same path"
        ) from error
    if found != film.source_hash:
        raise InputError(
            f"{film.source} is another file on {here} than where the film was planned; "
            "all machines must see the same one at the same path"
        )


def _check_facts(job: Job, stylizer: Stylizer) -> None:
    here, planned = _facts(stylizer), job.film.facts
    for name, value in here.items():
        if planned.get(name) != value:
            raise OptionError(
                f"on {platform.node() or 'this machine'} {name.replace('_', ' ')} is {value}, and the film "
                f"was planned with {planned.get(name, 'none')}; all segments must be painted alike"
            )


def _facts(stylizer: Stylizer) -> dict[str, str]:
    paint = stylizer._paint
    masks = [path for path in (paint.mask, *(mask for _, mask in paint.layer)) if path is not None]
    numbers = {
        name: number for name, number in versions().items() if name not in (*_NOT_COMPARED, "vidstyle")
    }
    return {
        **painting_facts(stylizer),
        **({"mask": ", ".join(map(content_of, masks))} if masks else {}),
        **{f"version of {name}": number for name, number in numbers.items()},
    }


def _loaded(painting: Painting, threads: int | None) -> Stylizer:
    """The stylizer of ``painting`` in this process, kept for the next segment."""
    own_process()
    set_threads(stream_threads() if threads is None else threads)
    return _stylizer(pickle.dumps((painting.styles, dict(painting.options))))


@lru_cache(maxsize=1)
def _stylizer(pickled: bytes) -> Stylizer:
    styles, options = pickle.loads(pickled)
    return Stylizer(styles, **options)
