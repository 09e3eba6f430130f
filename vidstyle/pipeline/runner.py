"""Runs a plan: decoding, stylizing and encoding, each in a thread of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, fields
from fractions import Fraction
from time import perf_counter
from types import TracebackType
from typing import Any, Protocol, TypeVar

from vidstyle._version import __version__
from vidstyle.errors import InputError
from vidstyle.frames import Frame, VideoInfo
from vidstyle.pipeline.plan import RunPlan
from vidstyle.pipeline.prefetch import Waits, prefetch
from vidstyle.pipeline.report import OnFrame, Progress, RunReport
from vidstyle.registry import name_of_part
from vidstyle.temporal.base import StylizedFrame
from vidstyle.video.reading.pipes import stop_waiting
from vidstyle.video.writing.writer import Writer

T = TypeVar("T")


class FrameWriter(Protocol):
    """A context into which frames are written."""

    def __enter__(self) -> FrameWriter: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, frame: Frame) -> None:
        """Write one frame; times must increase, and all frames have the same size."""


_AHEAD = 4  # frames buffered between stages: evens out slow frames, at little memory in 4K


def run(
    plan: RunPlan[T],
    *,
    on_frame: OnFrame | None = None,
    open_writer: Callable[[VideoInfo], FrameWriter] | None = None,
) -> RunReport:
    """Execute ``plan``: read its source, stylize, and write the target.

    The target appears when it is complete. After an error no thread and no partial file is left, and the
    source is closed. Sound, subtitles and the like are copied from the source's file. ``on_frame`` is called
    in the caller's thread with each frame after it was written. ``open_writer`` makes what is written to
    instead of the target. Raises a ``VidstyleError``.
    """
    stage = plan.stage
    begun = perf_counter()
    clocks = _Clocks()
    totals = _Totals()
    stopped = False
    with ExitStack() as stack:  # closes writer, stylize, decode and the file, in this order
        reader = stack.enter_context(plan.source)
        info = reader.info
        items = prefetch(_timed(reader, clocks.decode), _AHEAD, "decode", clocks.decoded)
        items = stack.enter_context(closing(items))
        results = prefetch(_timed(stage.results(items), clocks.stylize), _AHEAD, "stylize", clocks.stylized)
        results = stack.enter_context(closing(results))
        for path in plan.inputs:  # otherwise the decoding thread would wait for a silent pipe
            stack.callback(stop_waiting, path)
        stack.callback(clocks.encode.stop)
        writer = stack.enter_context(_writer(plan, info) if open_writer is None else open_writer(info))
        stack.callback(clocks.encode.start)  # closing the writer takes time too: encoders delay frames
        for result in results:
            with clocks.encode:
                writer.write(result.frame)
            totals.add(result)
            limit = clocks.limit
            progress = Progress(totals.frames - 1, result.frame, info, result.is_cut, result.repainted, limit)
            if on_frame is not None and on_frame(progress) is False:
                stopped = True
                break
            del result, progress  # frees the frame while the next one is awaited
        if not totals.frames:
            raise InputError(f"{info.path} has no frames in the selected part; see --start and --end")
    return RunReport(
        source=info.path,
        target=plan.output.target,
        frames=totals.frames,
        duration=totals.end,
        cuts=tuple(totals.cuts),
        repainted=totals.repainted / totals.frames,
        skipped=reader.skipped,
        seconds=perf_counter() - begun,
        stages={**clocks.stages, **totals.parts},
        limit=clocks.limit,
        stopped=stopped,
        measured=None if stage.meter is None else stage.meter.result().to_json(),
        options=stage.options,
    )


def _writer(plan: RunPlan[T], info: VideoInfo) -> Writer:
    sound = None if info.is_still_sequence else info.path
    return Writer(plan.output, like=info, source=sound, tags=provenance_tag(plan.stage.options, info.tags))


def provenance_tag(options: Mapping[str, Any], tags: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The tag that says how the result was made: ``evaluate`` then scores it with another flow.

    It is a comment; if the clip has one, which stays, the next free one of ``_TAG_KEYS``.
    """
    parts = [f"{name}: {options[name]}" for name in ("engine", "temporal", "flow") if name in options]
    if not parts:
        return {}
    taken = {key.lower() for key, value in tags if not _OWN_TAG.match(value)}
    key = next((key for key in _TAG_KEYS if key not in taken), _TAG_KEYS[-1])
    return {key: f"vidstyle {__version__}, {', '.join(parts)}"}


_TAG_KEYS = ("comment", "keywords", "vidstyle")
_OWN_TAG = re.compile(r"vidstyle \d")  # the tag of an earlier run, which is replaced


@dataclass
class _Clock:
    """Accumulated time of a stage, including waiting; a context."""

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
    """Times of the stages, and waiting times at the queues between them."""

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
        """The slowest stage: the one that waited least for the others."""
        waits = {
            "decode": self.decoded.full,
            "stylize": self.decoded.empty + self.stylized.full,
            "encode": self.stylized.empty,
        }
        return min(waits, key=lambda stage: waits[stage])


@dataclass
class _Totals:
    """Totals over the frames of a run."""

    frames: int = 0
    end: Fraction = Fraction(0)
    repainted: float = 0.0
    cuts: list[Fraction] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("plan", "paint", "settle"), 0.0))

    def add(self, result: StylizedFrame) -> None:
        if result.is_cut and self.frames:
            self.cuts.append(result.frame.time)
        self.frames += 1
        self.end = result.frame.time + result.frame.duration
        self.repainted += result.repainted
        for part, seconds in zip(self.parts, result.seconds, strict=True):
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
            del item  # frees a frame while the next is computed
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()


_END: Any = object()


def option_values(*records: Any) -> dict[str, Any]:
    """All options of ``records`` with their values, for a report."""
    values = {item.name: getattr(record, item.name) for record in records for item in fields(record)}
    parts = ("engine", "temporal", "flow")  # these may be objects
    return {
        name: name_of_part(value) if name in parts and value is not None else value
        for name, value in values.items()
    }
