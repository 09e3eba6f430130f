"""One run of a film that is painted in segments: planned or gone on with, painted, joined."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from time import monotonic, perf_counter

from vidstyle._version import __version__
from vidstyle.errors import DeviceError, InputError, OptionError, OutputError, VidstyleError
from vidstyle.frames import Frame, VideoInfo
from vidstyle.options import ReadOptions, WriteOptions
from vidstyle.pipeline.report import OnFrame, RunReport
from vidstyle.pipeline.runner import provenance_tag
from vidstyle.segments.executors.base import Workers, open_workers
from vidstyle.segments.film import FilmRequest
from vidstyle.segments.film_plan import FilmPlan, blank_frame, plan_film, span_seconds
from vidstyle.segments.film_progress import FilmProgress, OnFilm
from vidstyle.segments.film_report import film_report
from vidstyle.segments.hashes import content_of
from vidstyle.segments.lost_segments import without_what_is_lost
from vidstyle.segments.manifest import Manifest, check_is_of, check_same, identity_of
from vidstyle.segments.portable import with_absolute_paths
from vidstyle.segments.schedule import paint_side_by_side, result_or_raise
from vidstyle.segments.segment_job import Film, Job, SegmentResult, segment_path, state_path
from vidstyle.segments.segment_record import noted_frames
from vidstyle.segments.work_folder import WorkFolder
from vidstyle.segments.worker import Description, attempt, describe, paint_segment
from vidstyle.video.reading.probe import probe
from vidstyle.video.writing.encoded_file import may_reorder_at_end
from vidstyle.video.writing.joined_file import JoinedSegment, join_segments
from vidstyle.video.writing.picture_encoder import TickClock, choose_tick
from vidstyle.video.writing.target import OutputPlan

log = logging.getLogger(__name__)

_PAUSE = 0.5  # s between two calls of ``on_film`` while the clip is read
_THREADS = "encoder threads"


class FilmRun:
    """Paints what is missing of a film in a locked work folder, and joins it."""

    def __init__(self, request: FilmRequest, output: OutputPlan, work: WorkFolder, limit: Fraction) -> None:
        self._request, self._output, self._work, self._limit = request, output, work, limit
        self._on_film: OnFilm | None = None

    def run(self, *, on_frame: OnFrame | None, on_film: OnFilm | None) -> RunReport:
        """Paint and join; the report's ``seconds`` are those of this run."""
        request, begun = self._request, perf_counter()
        self._on_film = on_film
        known = None if request.segments.restart else Manifest.load(self._work.path)
        if known is None and request.segments.resume:
            raise OptionError(
                f"there is no earlier run for {request.target} in {self._work.path}; "
                "leave out --resume to begin"
            )
        if known is not None and request.segments.work_dir is not None:
            check_is_of(request.target, known, self._work.path)
        if known is not None:  # on whose number the bytes of some encoders depend
            self._output = replace(self._output, threads=int(known.facts[_THREADS]))
        info = probe(request.source, request.read)
        with ExitStack() as stack:
            opened = open_workers(request.segments.workers, request.executor)
            workers = None if opened is None else stack.enter_context(opened)
            about = self._described(workers)
            source_hash = content_of(request.source)
            facts = self._facts(about, source_hash)
            if request.segments.restart:
                self._work.clear()  # not before: a mistake in an option costs nothing
            if known is not None:
                check_same(request.target, known.facts, facts)
            else:
                known = self._planned(facts, about.keeps_state)
            is_joined = known.is_joined_in(request.target)
            if not is_joined:
                known = replace(without_what_is_lost(known, self._work.path), joined=None, is_whole=False)
            self._manifest = known
            self._film = self._film_of(info, about, source_hash, workers)
            reused = sum(result.frames for result in self._manifest.done.values())
            self._manifest.save(self._work.path)
            missing = [n for n in range(len(known.plan.segments)) if n not in self._manifest.done]
            stopped = self._paint(missing, workers, on_frame)
        self._tell("join")
        if not is_joined:
            self._join(about, stopped)
        if stopped is None:
            self._note(replace(self._manifest, is_whole=True))
        return film_report(
            request,
            [result for _, result in self._parts(stopped)],
            self._spans,
            options={**about.options, "segments": float(self._limit)},
            skipped=known.plan.skipped,
            stopped=stopped is not None,
            reused=reused,
            seconds=perf_counter() - begun,
        )

    def _note(self, manifest: Manifest) -> None:
        """Keep what is only of use if the run is killed: a full disk is no error."""
        self._manifest = manifest
        with suppress(OutputError):
            manifest.save(self._work.path)

    def _described(self, workers: Workers | None) -> Description:
        request = self._request
        if workers is None:
            painting, load, threads = request.painting, request.load, None
            return describe(painting, request.read, request.write, threads, load)
        painting = with_absolute_paths(request.painting)
        answer = workers.submit(attempt, describe, painting, request.read, request.write, workers.threads)
        try:
            description: Description = result_or_raise(answer.result())
        except VidstyleError:
            raise
        except Exception as error:  # of the executor: the worker has died
            text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise DeviceError(
                f"a worker died while it loaded what paints ({text}); is its memory enough?"
            ) from error
        return description

    def _facts(self, about: Description, source_hash: str) -> dict[str, str]:
        """All that the film depends on, by name."""
        read, write = self._request.read, self._request.write
        values = {item.name: getattr(read, item.name) for item in fields(ReadOptions)}
        values |= {item.name: getattr(write, item.name) for item in fields(WriteOptions)}
        del values["overwrite"]
        return {
            "input": source_hash,
            **about.facts,
            **{name: str(value) for name, value in values.items()},
            "container": self._output.container.format,
            "encoder": self._output.encoder,
            _THREADS: str(self._output.threads),
            "segments": f"{float(self._limit):g}",
            "version of vidstyle": __version__,
        }

    def _planned(self, facts: Mapping[str, str], splits_shots: bool) -> Manifest:
        request = self._request
        last, count = monotonic(), 0

        def tell(frame: Frame, info: VideoInfo) -> None:
            nonlocal last, count
            count += 1
            if self._on_film is not None and monotonic() - last > _PAUSE:
                last = monotonic()
                end = frame.time + frame.duration
                self._on_film(FilmProgress("plan", count, info.frames, end, info.duration))

        plan = plan_film(request.source, request.read, self._limit, splits_shots=splits_shots, on_frame=tell)
        log.info("%s: %d segments", request.source, len(plan.segments))
        return Manifest(request.target.absolute(), request.source, facts, self._limit, plan, {})

    def _film_of(
        self, info: VideoInfo, about: Description, source_hash: str, workers: Workers | None
    ) -> Film:
        request, plan = self._request, self._manifest.plan
        if plan.depth != (16 if info.bits > 8 else 8):
            raise InputError(f"{request.source} has changed since the film was planned; give --restart")
        self._spans = plan.spans()
        first_duration = self._spans[0][1]
        tick = choose_tick(info, blank_frame(info, plan.depth, plan.has_alpha, first_duration))
        clock = TickClock(tick)
        for span in self._spans:
            clock(*span)
        self._is_last_key = may_reorder_at_end(self._output) and clock.is_uneven
        return Film(
            painting=request.painting if workers is None else with_absolute_paths(request.painting),
            source=request.source if workers is None else request.source.absolute(),
            source_hash=source_hash,
            read=request.read,
            info=info if workers is None else replace(info, path=info.path.absolute()),
            output=self._output,
            depth=plan.depth,
            has_alpha=plan.has_alpha,
            first_duration=first_duration,
            tick=tick,
            folder=self._work.path.absolute(),
            facts=about.facts,
            version=__version__,
            run=self._work.run,
            threads=None if workers is None else workers.threads,
        )

    def _job(self, number: int) -> Job | None:
        """The job of a segment; None if the one that it goes on from is not painted yet."""
        segments = self._manifest.plan.segments
        segment, resume = segments[number], None
        if not segment.begins_shot:
            before = self._manifest.done.get(number - 1)
            if before is None:
                return None
            resume = before.state_sha256
        return Job(
            film=self._film,
            number=number,
            segment=segment,
            spans=tuple(self._spans[segment.first - segment.before : segment.end]),
            resume=resume,
            saves_state=_is_gone_on_from(self._manifest.plan, number),
            is_last_key=self._is_last_key and number == len(segments) - 1,
        )

    def _paint(
        self, missing: Iterable[int], workers: Workers | None, on_frame: OnFrame | None
    ) -> SegmentResult | None:
        """Paint ``missing`` segments; the result of the one within which ``on_frame`` stopped, or None."""
        self._tell("paint")
        if workers is not None:
            paint_side_by_side(
                missing, self._job, workers, on_result=self._keep, on_poll=self._tell_of_running
            )
            return None
        for number in missing:
            job = self._job(number)
            assert job is not None  # they are painted in order
            result = paint_segment(job, self._request.load, on_frame)
            if result.frames < job.segment.count:
                return result
            self._keep(number, result)
        return None

    def _keep(self, number: int, result: SegmentResult) -> None:
        """Enter a result into the manifest; the state from which the segment went on is not needed now."""
        self._manifest = self._manifest.with_done(number, result)
        self._manifest.save(self._work.path)
        if not self._manifest.plan.segments[number].begins_shot:
            with suppress(OSError):
                state_path(self._work.path, number - 1).unlink()
        self._tell("paint")

    def _tell(self, step: str, running: Iterable[Job] = ()) -> None:
        if self._on_film is None:
            return
        done = self._manifest.done
        segments = self._manifest.plan.segments
        jobs = [job for job in running if job.number not in done]
        counts = [noted_frames(job.film.folder, job.number) or 0 for job in jobs]
        spans = [self._spans[segments[n].first : segments[n].end] for n in done]
        spans += [self._spans[job.segment.first :][:count] for job, count in zip(jobs, counts, strict=True)]
        self._on_film(
            FilmProgress(
                step,
                sum(map(len, spans)),
                len(self._spans),
                sum(map(span_seconds, spans), Fraction(0)),
                span_seconds(self._spans),
                len(done),
                len(segments),
                sum(1 for count in counts if count),
            )
        )

    def _tell_of_running(self, jobs: Iterable[Job]) -> None:
        self._tell("paint", jobs)

    def _parts(self, stopped: SegmentResult | None) -> list[tuple[int, SegmentResult]]:
        """Number and result of each segment that is joined; one in which the run was stopped is the last."""
        done = self._manifest.done
        count = next((n for n in range(len(self._manifest.plan.segments)) if n not in done), None)
        whole = [(n, done[n]) for n in sorted(done) if count is None or n < count]
        return whole if stopped is None or count is None else [*whole, (count, stopped)]

    def _join(self, about: Description, stopped: SegmentResult | None) -> None:
        film, segments = self._film, self._manifest.plan.segments
        parts = self._parts(stopped)

        def on_complete(path: Path) -> None:
            if stopped is None:
                self._note(replace(self._manifest, joined=identity_of(path)))

        join_segments(
            [
                JoinedSegment(
                    segment_path(film.folder, number),
                    self._spans[segments[number].first :][: result.frames],
                    result.order,
                )
                for number, result in parts
            ],
            self._output,
            like=film.info,
            first=film.first,
            tick=film.tick,
            delay=max(result.delay for _, result in parts),
            is_last_key=self._is_last_key and stopped is None,
            tags=provenance_tag(about.options, film.info.tags),
            on_complete=on_complete,
        )


def _is_gone_on_from(plan: FilmPlan, number: int) -> bool:
    """Whether the next segment goes on from the state after this one."""
    return number + 1 < len(plan.segments) and not plan.segments[number + 1].begins_shot
