"""A whole run: decoding, stylizing and encoding, each in a thread of its own."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, fields
from fractions import Fraction
from time import perf_counter
from typing import Any, TypeVar

from vidstyle._version import __version__
from vidstyle.errors import InputError
from vidstyle.pipeline.plan import RunPlan
from vidstyle.pipeline.prefetch import Waits, prefetch
from vidstyle.pipeline.report import OnFrame, Progress, RunReport
from vidstyle.registry import name_of_part
from vidstyle.temporal.base import StylizedFrame
from vidstyle.video.reading.pipes import stop_waiting
from vidstyle.video.writing.writer import Writer

T = TypeVar("T")

_AHEAD = 4  # frames buffered between stages: evens out slow frames, at little memory in 4K


def run(plan: RunPlan[T], *, on_frame: OnFrame | None = None) -> RunReport:
    """Put what the plan's source yields through its stage and write the frames to its target.

    The target appears once it is whole; whatever goes wrong, no thread and no file is left behind, and the
    source is closed. Sound and all else beside the pictures comes from the source's file. ``on_frame`` is
    called in the caller's thread with each frame after it was written.
    """
    stage = plan.stage
    begun = perf_counter()
    clocks = _Clocks()
    tally = _Tally()
    stopped = False
    with ExitStack() as stack:  # unwinds writer -> stylize -> decode -> file
        reader = stack.enter_context(plan.source)
        info = reader.info
        items = prefetch(_timed(reader, clocks.decode), _AHEAD, "decode", clocks.decoded)
        items = stack.enter_context(closing(items))
        results = prefetch(_timed(stage.results(items), clocks.stylize), _AHEAD, "stylize", clocks.stylized)
        results = stack.enter_context(closing(results))
        for path in plan.inputs:  # or the decoder's thread would wait for a silent pipe
            stack.callback(stop_waiting, path)
        sound = None if info.is_still_sequence else info.path
        stack.callback(clocks.encode.stop)
        writer = stack.enter_context(
            Writer(plan.output, like=info, source=sound, tags=_made_by(stage.options, info.tags))
        )
        stack.callback(clocks.encode.start)  # leaving the writer is work too: encoders keep frames to the end
        for shown in results:
            with clocks.encode:
                writer.write(shown.frame)
            tally.add(shown)
            limit = clocks.limit
            progress = Progress(tally.frames - 1, shown.frame, info, shown.is_cut, shown.repainted, limit)
            if on_frame is not None and on_frame(progress) is False:
                stopped = True
                break
            del shown, progress  # a frame must not live on while the next is awaited
        if not tally.frames:
            raise InputError(f"{info.path} has no frames in the selected part; see --start and --end")
    return RunReport(
        source=info.path,
        target=plan.output.target,
        frames=tally.frames,
        duration=tally.end,
        cuts=tuple(tally.cuts),
        repainted=tally.repainted / tally.frames,
        skipped=reader.skipped,
        seconds=perf_counter() - begun,
        stages={**clocks.stages, **tally.parts},
        limit=clocks.limit,
        stopped=stopped,
        measured=None if stage.meter is None else stage.meter.result().to_json(),
        options=stage.options,
    )


def _made_by(options: Mapping[str, Any], tags: Sequence[tuple[str, str]]) -> dict[str, str]:
    """A tag on how the result was made, by which results are known and another flow scores them.

    It is a comment, or where the clip has one of its own, which stays, the next of ``_PLACES`` that is free.
    """
    words = [f"{name}: {options[name]}" for name in ("engine", "temporal", "flow") if name in options]
    if not words:
        return {}
    taken = {key.lower() for key, value in tags if not _MADE.match(value)}
    place = next((place for place in _PLACES if place not in taken), _PLACES[-1])
    return {place: f"vidstyle {__version__}, {', '.join(words)}"}


_PLACES = ("comment", "keywords", "vidstyle")
_MADE = re.compile(r"vidstyle \d")  # of an earlier result, which the new one takes the place of


@dataclass
class _Clock:
    """Accumulated seconds of a stage, including its waiting; a context."""

    seconds: float = 0.0
    _begun: float = 0.0

    def start(self) -> None:
        self._begun = perf_counter()

    def stop(self) -> None:
        self.seconds += perf_counter() - self._begun

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()


@dataclass
class _Clocks:
    """Times of the stages, and waiting times of the queues between them."""

    decode: _Clock = field(default_factory=_Clock)
    stylize: _Clock = field(default_factory=_Clock)
    encode: _Clock = field(default_factory=_Clock)
    decoded: Waits = field(default_factory=Waits)
    stylized: Waits = field(default_factory=Waits)

    @property
    def stages(self) -> dict[str, float]:
        stylize = max(0.0, self.stylize.seconds - self.decoded.empty)
        return {"decode": self.decode.seconds, "stylize": stylize, "encode": self.encode.seconds}

    @property
    def limit(self) -> str:
        """The slowest stage: the one that has waited least for the others."""
        waits = {
            "decode": self.decoded.full,
            "stylize": self.decoded.empty + self.stylized.full,
            "encode": self.stylized.empty,
        }
        return min(waits, key=lambda stage: waits[stage])


@dataclass
class _Tally:
    """Totals over the frames of a run."""

    frames: int = 0
    end: Fraction = Fraction(0)
    repainted: float = 0.0
    cuts: list[Fraction] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("plan", "paint", "settle"), 0.0))

    def add(self, shown: StylizedFrame) -> None:
        if shown.is_cut and self.frames:
            self.cuts.append(shown.frame.time)
        self.frames += 1
        self.end = shown.frame.time + shown.frame.duration
        self.repainted += shown.repainted
        for part, seconds in zip(self.parts, shown.seconds, strict=True):
            self.parts[part] += seconds


def _timed(items: Iterable[T], clock: _Clock) -> Generator[T, None, None]:
    """``items``, with the time that each takes to compute added to ``clock``."""
    source = iter(items)
    try:
        while True:
            with clock:
                item = next(source, _END)
            if item is _END:
                return
            yield item
            del item  # a frame must not live on while the next is made
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()


_END: Any = object()


def described(*records: Any) -> dict[str, Any]:
    """All options of ``records`` with their values, for a report."""
    values = {item.name: getattr(record, item.name) for record in records for item in fields(record)}
    parts = ("engine", "temporal", "flow")  # these may be objects
    return {name: name_of_part(value) if name in parts else value for name, value in values.items()}
