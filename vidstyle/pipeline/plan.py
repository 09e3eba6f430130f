"""The plan of a run, made once before its first frame: source open, target checked, style loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from vidstyle.options import ReadOptions, WriteOptions
from vidstyle.video.reading.reader import Reader
from vidstyle.video.writing.target import OutputPlan, check_target

if TYPE_CHECKING:
    from vidstyle.frames import Frame, VideoInfo
    from vidstyle.pipeline.meter import Meter
    from vidstyle.pipeline.stylizer import Stylizer
    from vidstyle.temporal.base import StylizedFrame

Item = TypeVar("Item")
Read = TypeVar("Read", covariant=True)


class Source(Protocol[Read]):
    """The input of a run: an open context that yields its items once, in order."""

    @property
    def info(self) -> VideoInfo: ...

    @property
    def skipped(self) -> int: ...

    def __enter__(self) -> Source[Read]: ...

    def __exit__(self, *error: Any) -> None: ...

    def __iter__(self) -> Iterator[Read]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Stage(Generic[Item]):
    """The processing stage of a run, with engine and style loaded."""

    results: Callable[[Iterable[Item]], Iterator[StylizedFrame]]
    """Yields one result for each item; called once, in a thread of its own."""
    options: Mapping[str, Any]
    """Options with their values, for the report."""
    meter: Meter | None = None
    """Measures the results during the run; None: nothing is measured."""
    keyframes: Callable[[ReadOptions], int] | None = None
    """The number of frames that the engine paints in a part of the source; None: it paints all of them."""


@dataclass(frozen=True, slots=True, eq=False)
class RunPlan(Generic[Item]):
    """A run before its first frame, checked and loaded; ``run`` executes it."""

    source: Source[Item]
    """Open; ``run`` closes it. Without a run, the owner of the plan does."""
    output: OutputPlan
    """The target, its container and the encoder, which has been tested."""
    stage: Stage[Item]
    inputs: tuple[Path, ...]
    """All files and pipes that are read, including the source."""


class LongClip(Exception):
    """The clip is too long to be painted in one piece; nobody sees this error."""


def plan_run(
    open_source: Callable[[], Source[Item]],
    target: Path,
    load: Callable[[], Stage[Item]],
    *,
    inputs: Iterable[Path],
    write: WriteOptions,
) -> RunPlan[Item]:
    """Check ``target``, open the source, then load the stage: fast checks first.

    Raises a ``VidstyleError`` if the run is impossible, and leaves no file open. ``inputs`` are files that
    the target must not replace.
    """
    inputs = tuple(inputs)
    output = check_target(target, write, *inputs)
    with ExitStack() as stack:
        source = open_source()
        stack.push(source)
        stage = load()
        stack.pop_all()
    return RunPlan(source, output, stage, inputs)


def plan_painting(
    source: str | Path,
    target: Path,
    load: Callable[[], Stylizer],
    *,
    read: ReadOptions,
    write: WriteOptions,
    inputs: Iterable[Path] = (),
    measure: bool = False,
    longest: Fraction | None = None,
) -> RunPlan[Frame]:
    """Plan to paint a clip with the stylizer that ``load`` returns.

    If ``measure``, flicker and style are measured. ``inputs`` are further files that are read, such as styles
    and masks. Raises as ``plan_run`` does, and ``LongClip`` before anything is loaded if the clip, by its
    header, has more than ``longest`` seconds.
    """

    def open_source() -> Reader:
        reader = Reader(source, read)
        if longest is not None and (reader.info.duration or 0) > longest:
            reader.close()
            raise LongClip
        return reader

    def stage() -> Stage[Frame]:
        from vidstyle.pipeline.painting import painting  # imports torch, as ``load`` does

        return painting(load(), source, read, write, measure=measure)

    return plan_run(open_source, target, stage, inputs=[Path(source), *inputs], write=write)
