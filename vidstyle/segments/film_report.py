"""The report of a film that is painted in segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vidstyle.pipeline.report import RunReport
from vidstyle.segments.film import FilmRequest
from vidstyle.segments.film_plan import span_seconds
from vidstyle.segments.segment_job import SegmentResult
from vidstyle.segments.starts import Span


def film_report(
    request: FilmRequest,
    results: Sequence[SegmentResult],
    spans: Sequence[Span],
    *,
    options: Mapping[str, object],
    skipped: int,
    stopped: bool,
    reused: int,
    seconds: float,
) -> RunReport:
    """The report of a run whose segments have these ``results``, and whose film has these ``spans``.

    ``skipped``, ``stopped``, ``reused`` and ``seconds`` are those of the ``RunReport``.
    """
    frames = sum(result.frames for result in results)
    stages: dict[str, float] = {}
    for result in results:
        for name, value in result.stages.items():
            stages[name] = stages.get(name, 0.0) + value
    return RunReport(
        source=request.source,
        target=request.target,
        frames=frames,
        duration=span_seconds(spans[:frames]),
        cuts=tuple(time for result in results for time in result.cuts),
        repainted=sum(result.repainted * result.frames for result in results) / frames,
        skipped=skipped,
        seconds=seconds,
        stages=stages,
        limit=results[-1].limit,
        stopped=stopped,
        options=options,
        segments=len(results),
        reused=reused,
    )
