"""Runs that the page asked for: a queue, one at a time, with progress, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic
from typing import cast

from vidstyle.api import stylize_video
from vidstyle.device import make_deterministic
from vidstyle.errors import InputError, VidstyleError
from vidstyle.options import WriteOptions
from vidstyle.options.keywords import VideoKeywords
from vidstyle.pipeline.prefetch import Unwanted, check_wanted, interruptible, side_thread
from vidstyle.pipeline.report import Progress
from vidstyle.pipeline.styling import styling_name
from vidstyle.segments.film_progress import FilmProgress
from vidstyle.server.stills import jpeg, shown_size
from vidstyle.video.writing.target import default_target

log = logging.getLogger(__name__)

WAITING, RUNNING, DONE, STOPPED, FAILED = "waiting", "running", "done", "stopped", "failed"
PAUSED = "paused"
"""Of a long clip: its finished segments are kept, from which the run goes on."""
_RECENT = 50  # last frames from which frame rate and time left are computed
_PICTURE_PAUSE = 0.5  # s between two pictures of the newest frame
_PICTURE_WIDTH = 480  # px


Prepare = Callable[[Callable[[Progress], bool]], Mapping[str, object]]


@dataclass(eq=False)
class Job:
    """A run, and how far it is. The job's thread writes it, others read it."""

    id: str
    clip: str
    """What the user calls the clip."""
    source: Path
    target: Path
    styles: tuple[str | Path, ...]
    style_names: tuple[str, ...]
    keywords: Mapping[str, object]
    """Options of the library."""
    prepare: Prepare
    """Makes files that the run needs, such as a mask clip, and returns the options that name them."""
    command: str
    prepared: Mapping[str, object] | None = None
    """What ``prepare`` has returned, which a paused run needs again."""
    state: str = WAITING
    step: str = ""
    """Of a long clip, which is painted in segments: plan, paint or join."""
    frames: int = 0
    """Frames written so far."""
    share: float | None = 0.0
    """Of the clip that is done, 0 to 1; None: its length is not known."""
    rate: float | None = None
    """Frames a second, of the last ones."""
    left: float | None = None
    """Estimated seconds until it is done."""
    error: str = ""
    picture: bytes = b""
    """The newest frame, as a JPEG file; for the page."""
    pictured: int = 0
    """The number of pictures so far, by which the page sees that there is a new one."""
    stop: threading.Event = field(default_factory=threading.Event)
    abandon: threading.Event = field(default_factory=threading.Event)
    """Ends the run without a result."""
    is_pausing: bool = False
    """Whether the run that is abandoned is to go on later."""

    def to_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "clip": self.clip,
            "styles": list(self.style_names),
            "result": self.target.name,
            "command": self.command,
            "state": self.state,
            "step": self.step,
            "frames": self.frames,
            "share": self.share,
            "rate": self.rate,
            "left": self.left,
            "error": self.error,
            "pictured": self.pictured,
            "playable": self.state == DONE or (self.state == STOPPED and self.frames > 0),
        }


class Jobs:
    """The queue of runs, whose results are written into a folder; all end when ``stopping`` is set."""

    def __init__(self, results: Path, stopping: threading.Event) -> None:
        self._results, self._stopping = results, stopping
        self._thread = side_thread("jobs")
        self._jobs: dict[str, Job] = {}
        self._numbers = count(1)
        self.on_change: Callable[[], None] = lambda: None
        """Called in any thread whenever a job has changed."""

    def add(
        self,
        *,
        clip: str,
        source: Path,
        styles: tuple[str | Path, ...],
        style_names: tuple[str, ...],
        keywords: Mapping[str, object],
        prepare: Prepare,
        command: str,
    ) -> Job:
        """Queue a run of ``source``; the arguments are those of ``Job``."""
        number = str(next(self._numbers))
        track = keywords.get("style_track")
        name = styling_name(list(styles), track if isinstance(track, Path) else None)
        target = self._free_target(source, name)
        job = Job(number, clip, source, target, styles, style_names, keywords, prepare, command)
        self._jobs[number] = job
        self._thread.submit(self._run, job)
        self.on_change()
        return job

    def job(self, name: str) -> Job:
        """The job with this identifier; raises ``InputError``."""
        job = self._jobs.get(name)
        if job is None:
            raise InputError("there is no such job in this session")
        return job

    def stop(self, name: str) -> Job:
        """End a job after the frame that is being painted; what is done is kept as a valid file.

        A job of which no frame is done leaves no file.
        """
        job = self.job(name)
        job.stop.set()
        if job.state == WAITING:
            job.state = STOPPED
        if not job.frames:
            job.abandon.set()
        self.on_change()
        return job

    def pause(self, name: str) -> Job:
        """End a job of a long clip for now: its segments are kept. Raises ``InputError`` for another job."""
        job = self.job(name)
        if job.state != RUNNING or job.step in ("", "mask"):
            raise InputError("only a long clip that is being painted can be paused; stop this one")
        job.is_pausing = True
        job.abandon.set()
        return job

    def go_on(self, name: str) -> Job:
        """Queue a job that was paused: it goes on from its finished segments."""
        job = self.job(name)
        if job.state != PAUSED:
            raise InputError("only a job that was paused can go on")
        job.is_pausing, job.state, job.step = False, WAITING, ""
        job.abandon = threading.Event()
        self._thread.submit(self._run, job)
        self.on_change()
        return job

    def close(self) -> None:
        """End all jobs without further results, and wait for that."""
        for job in self._jobs.values():
            job.abandon.set()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def to_json(self) -> list[dict[str, object]]:
        return [job.to_json() for job in self._jobs.values()]

    def _free_target(self, source: Path, style: str) -> Path:
        """``<clip>_<style>`` in the folder of results, with a number if that is there or will be."""
        taken = {job.target for job in self._jobs.values()}
        for number in count(1):
            name = style if number == 1 else f"{style}_{number}"
            target = self._results / default_target(source, name, WriteOptions()).name
            if target not in taken and not target.exists():
                return target
        raise AssertionError("some number is free")

    def _run(self, job: Job) -> None:
        if job.stop.is_set() or self._stopping.is_set():
            self._end(job, STOPPED)
            return
        job.state = RUNNING
        self.on_change()
        make_deterministic()  # as a process of its own would begin
        try:
            watch = _Watch(job, self)
            with interruptible(job.abandon):
                if job.prepared is None:
                    job.prepared = job.prepare(watch.see_mask)
                keywords = cast(VideoKeywords, {**job.keywords, **job.prepared})
                report = stylize_video(
                    job.source,
                    job.target,
                    style=[*job.styles],
                    on_frame=watch,
                    on_film=watch.see_step,
                    **keywords,
                )
        except Unwanted:
            job.frames = 0
            self._end(job, PAUSED if job.is_pausing else STOPPED)
        except (VidstyleError, OSError, MemoryError) as error:
            self._end(job, FAILED, str(error) or "out of memory; try a smaller working size")
        except Exception as error:  # of an engine from outside: it must not end the queue
            log.warning("%s: unexpected %s: %s", job.clip, type(error).__name__, error)
            self._end(job, FAILED, f"unexpected {type(error).__name__}: {' '.join(str(error).split())}")
        else:
            self._end(job, STOPPED if report.stopped else DONE)

    def _end(self, job: Job, state: str, error: str = "") -> None:
        job.error = error
        if state == DONE:
            job.share, job.left = 1.0, 0.0
        job.state = state
        self.on_change()


class _Watch:
    """Called with each frame of a job: notes how far it is; returns whether it shall go on."""

    def __init__(self, job: Job, jobs: Jobs) -> None:
        self._job, self._jobs = job, jobs
        self._recent: deque[tuple[float, float]] = deque(maxlen=_RECENT)
        self._pictured_at = -_PICTURE_PAUSE

    def __call__(self, progress: Progress) -> bool:
        check_wanted()
        job, now = self._job, monotonic()
        if job.step == "mask":
            job.step = ""
        end = float(progress.frame.time + progress.frame.duration)
        length = progress.info.duration
        self._recent.append((now, end))
        job.frames = progress.index + 1
        job.share = None if not length else min(1.0, end / float(length))
        elapsed, advanced = now - self._recent[0][0], end - self._recent[0][1]
        if elapsed > 0 and advanced > 0:
            job.rate = (len(self._recent) - 1) / elapsed
            job.left = None if not length else max(0.0, float(length) - end) * elapsed / advanced
        if now - self._pictured_at >= _PICTURE_PAUSE:
            self._pictured_at = now
            job.picture = jpeg(progress.frame.pixels, shown_size(progress.info, _PICTURE_WIDTH))
            job.pictured += 1
        self._jobs.on_change()
        return not job.stop.is_set()

    def see_mask(self, progress: Progress) -> bool:
        """Note how far the mask is that is made before the run."""
        check_wanted()
        job, length = self._job, progress.info.duration
        job.step = "mask"
        end = float(progress.frame.time + progress.frame.duration)
        job.share = None if not length else min(1.0, end / float(length))
        self._jobs.on_change()
        return True

    def see_step(self, progress: FilmProgress) -> None:
        """Note the step that a long clip is at: it is read once before it is painted."""
        check_wanted()
        self._job.step = progress.step
        self._jobs.on_change()
