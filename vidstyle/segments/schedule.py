"""Segments painted side by side: a bounded number at a time, each once what it goes on from is there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from typing import TypeVar

import vidstyle.errors
from vidstyle.errors import DeviceError, OptionError, UnknownName, VidstyleError
from vidstyle.segments.executors.base import Workers
from vidstyle.segments.segment_job import Job, SegmentResult
from vidstyle.segments.work_folder import STOP_FILE
from vidstyle.segments.worker import Failure, attempt, paint_segment

log = logging.getLogger(__name__)

_POLL = 0.5  # s between two looks at the progress of segments
_ATTEMPTS = 4  # of a segment whose workers die

T = TypeVar("T")

Answer = SegmentResult | Failure
OnResult = Callable[[int, SegmentResult], None]
"""Called with each segment's number and result."""
OnPoll = Callable[[Iterable[Job]], None]
"""Called about twice a second with the segments that are submitted."""


def paint_side_by_side(
    waiting: Iterable[int],
    job_of: Callable[[int], Job | None],
    workers: Workers,
    *,
    on_result: OnResult,
    on_poll: OnPoll,
) -> None:
    """Paint the segments ``waiting``; returns once all are painted.

    ``job_of`` is None for a segment that goes on from one that is not painted yet. A segment whose worker
    dies is painted again, up to four times; an error of the segment itself ends all. Raises a
    ``VidstyleError``.
    """
    left = sorted(waiting)
    running: dict[Future[Answer], Job] = {}
    attempts: dict[int, int] = {}
    try:
        while left or running:
            for number in list(left):
                job = job_of(number) if len(running) < workers.slots else None
                if job is not None:
                    left.remove(number)
                    running[_submitted(workers, job)] = job
            done, _ = wait(running, timeout=_POLL, return_when=FIRST_COMPLETED)
            on_poll(running.values())
            dead = []
            for future in done:
                job = running.pop(future)
                result = _result_of(future)
                if result is None:
                    dead.append(job)
                else:
                    on_result(job.number, result)
            if dead:
                workers.recover()
            for job in dead:
                attempts[job.number] = attempts.get(job.number, 1) + 1
                if attempts[job.number] > _ATTEMPTS:
                    raise DeviceError(
                        f"workers that paint segment {job.number + 1} die each time; is their memory enough? "
                        "What is done is kept: the same command goes on"
                    )
                log.warning("a worker died; segment %d is painted again", job.number + 1)
                left = sorted({*left, job.number})
    except BaseException:
        for future in running:
            future.cancel()
        stop_file = next((job.film.folder / STOP_FILE for job in running.values()), None)
        if stop_file is not None:
            with suppress(OSError):  # if the disk is full workers end with their segments
                stop_file.touch()
        workers.cancel()
        wait(running, timeout=_PATIENCE)
        raise


_PATIENCE = 15.0  # s for which workers that were told to stop are waited for


def result_or_raise(answer: T | Failure) -> T:
    """The answer of ``worker.attempt``; raises the error that it stands for."""
    if not isinstance(answer, Failure):
        return answer
    kind = getattr(vidstyle.errors, answer.kind, VidstyleError)
    raise (OptionError if kind is UnknownName else kind)(answer.message)


def _submitted(workers: Workers, job: Job) -> Future[Answer]:
    try:
        return workers.submit(attempt, paint_segment, job)
    except Exception as error:  # a pool of which a process was killed takes nothing more
        future: Future[Answer] = Future()
        future.set_exception(error)
        return future


def _result_of(future: Future[Answer]) -> SegmentResult | None:
    """The result; None if the worker has died. Raises the error of the segment."""
    if future.cancelled():
        return None
    error = future.exception()
    if error is not None:
        log.info("a worker died: %s", " ".join(str(error).split())[:200])
        return None
    return result_or_raise(future.result())
