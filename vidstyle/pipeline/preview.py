"""A preview of a run: one frame beside its source, and an estimate of the run's duration."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from vidstyle.frames import Frame
from vidstyle.options import ReadOptions, WriteOptions
from vidstyle.pipeline.contact_sheet import evenly_spaced
from vidstyle.pipeline.plan import RunPlan, plan_painting
from vidstyle.pipeline.report import Progress
from vidstyle.pipeline.runner import run
from vidstyle.temporal.base import StylizedFrame
from vidstyle.video.reading.probe import probe
from vidstyle.video.stills import check_picture_target, save_image

if TYPE_CHECKING:
    from vidstyle.pipeline.stylizer import Stylizer

_TRIAL = 8  # frames that are run for the estimate, of which the first (warm-up) is not counted
_LOOKED = 500  # frames at the beginning whose keyframes are counted for the estimate
_GAP = 8  # px between source and result


@dataclass(frozen=True, slots=True)
class Preview:
    """The result of a preview."""

    picture: Path
    """The picture: source on the left, result on the right."""
    rate: float
    """Frames a second of decoding, stylizing and encoding in parallel; 0 if the clip is too short."""
    frames: int | None
    """Estimated number of frames of the full run; None: unknown."""
    keyframes: int = 0
    """Estimated number of those that a keyframe engine paints; 0 for an engine that paints all."""
    painting: float = 0.0
    """Wall time (s) of painting one of these, which ``rate`` leaves out."""

    @property
    def seconds(self) -> float | None:
        """Estimated wall time (s) of the full run, without loading; None: unknown."""
        if not (self.frames and self.rate):
            return None
        return self.frames / self.rate + self.keyframes * self.painting


def preview(
    load: Callable[[], Stylizer],
    source: str | Path,
    picture: Path,
    target: Path,
    *,
    read: ReadOptions,
    write: WriteOptions,
) -> Preview:
    """Run a few frames from the middle of ``source``, and write the first with its source to ``picture``.

    If there is no such file, it shows that frame painted at half the size until then. ``load`` returns the
    stylizer. ``target`` is that of the full run, of which only the format is used.

    Raises ``VidstyleError`` as a run would.
    """
    check_picture_target(picture, write.overwrite)
    info = probe(source, read)
    part = replace(read, start=evenly_spaced(info, read, 1)[0], frames=min(_TRIAL, read.frames or _TRIAL))
    originals: list[Frame] = []
    results: list[tuple[float, Frame]] = []  # wall time (s) and frame
    is_new = not (picture.exists() or picture.is_symlink())
    begun = perf_counter()

    def keep(progress: Progress) -> None:
        results.append((perf_counter(), progress.frame))
        del results[1:-1]  # two frames at most stay in memory

    def begin(frame: Frame) -> None:
        nonlocal begun
        originals.append(frame)
        if is_new:
            before = perf_counter()
            coarse = next(load().progressive(frame))
            save_image(picture, _side_by_side(frame, replace(frame, pixels=coarse)))
            begun += perf_counter() - before  # the run would not do this

    try:
        with tempfile.TemporaryDirectory(prefix="vidstyle-") as folder:
            trial = plan_painting(source, Path(folder) / target.name, load, read=part, write=write)
            begun = perf_counter()
            report = run(_with_first_seen(trial, begin), on_frame=keep)
        save_image(picture, _side_by_side(originals[0], results[0][1]))
    except BaseException:
        if is_new:
            picture.unlink(missing_ok=True)
        raise
    elapsed = results[-1][0] - results[0][0]
    rate = (report.frames - 1) / elapsed if elapsed else 0.0
    count = trial.stage.keyframes
    if count is None or not info.frames:
        return Preview(picture, rate, info.frames)
    looked = min(info.frames, _LOOKED)
    share = count(replace(read, frames=looked)) / looked
    # the first frame is a keyframe, beside which decoding and encoding take no time
    return Preview(picture, rate, info.frames, round(share * info.frames), results[0][0] - begun)


def _with_first_seen(plan: RunPlan[Frame], see: Callable[[Frame], None]) -> RunPlan[Frame]:
    """``plan`` that also calls ``see`` with its first source frame."""

    def read(frames: Iterable[Frame]) -> Iterator[Frame]:
        for number, frame in enumerate(frames):
            if number == 0:
                see(frame)
            yield frame

    def results(frames: Iterable[Frame]) -> Iterator[StylizedFrame]:
        return plan.stage.results(read(frames))

    return replace(plan, stage=replace(plan.stage, results=results))


def _side_by_side(left: Frame, right: Frame) -> Frame:
    """Two frames of equal depth beside each other, with a white gap of ``_GAP`` px."""
    height = max(left.height, right.height)
    canvas = np.full(
        (height, left.width + _GAP + right.width, 3), np.iinfo(left.pixels.dtype).max, left.pixels.dtype
    )
    canvas[: left.height, : left.width] = left.pixels
    canvas[: right.height, left.width + _GAP :] = right.pixels
    return Frame(canvas)
