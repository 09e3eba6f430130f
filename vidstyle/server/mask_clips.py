"""Mask clips of the page: of a whole clip, carried from what was brushed, or of a part, from known masks."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.frames import Frame
from vidstyle.options import ReadOptions, WriteOptions
from vidstyle.pipeline.brushed_masks import propagate_mask
from vidstyle.pipeline.plan import Stage, plan_run
from vidstyle.pipeline.report import Progress
from vidstyle.pipeline.runner import run
from vidstyle.temporal.base import StylizedFrame
from vidstyle.video.reading.reader import Reader
from vidstyle.video.writing.writer import Writer

Values = NDArray[np.uint8]
"""(H, W): 255 is painted, 0 keeps the clip."""

_WRITE = WriteOptions(codec="ffv1", overwrite=True)


@dataclass(frozen=True, slots=True, eq=False)
class Brushed:
    """The masks that were brushed on frames of a clip, for one layer."""

    path: Path
    elsewhere: float
    """The mask of shots in which nothing was brushed: the lowest layer is everywhere, the others nowhere."""
    masks: Mapping[Fraction, Values]
    """By the time (s) that the page asks for the frame by."""
    exact_time: Callable[[Fraction], Fraction]
    """Gives the time at which that frame begins: s, from the start of the clip."""
    kept: Path
    """Where the mask clip is kept, once it is made."""

    def write(self, target: Path, on_frame: Callable[[Progress], bool]) -> Path:
        """Write the masks of all frames to ``target``, a lossless clip; raises a ``VidstyleError``."""
        if not self.kept.exists():
            masks = {self.exact_time(time): values for time, values in self.masks.items()}
            report = propagate_mask(
                self.path, masks, target, on_frame=on_frame, elsewhere=self.elsewhere, overwrite=True
            )
            if report.stopped:
                return target
            shutil.copyfile(target, self.kept.with_suffix(".part"))
            self.kept.with_suffix(".part").replace(self.kept)
        elif target != self.kept:
            shutil.copyfile(self.kept, target)
        return target


def write_part(
    clip: Path,
    target: Path,
    begin: Fraction,
    end: Fraction,
    mask_at: Callable[[Fraction], Values],
    on_frame: Callable[[Progress], bool],
) -> None:
    """Write the masks of a part (s) of ``clip``, a lossless clip; raises a ``VidstyleError``.

    ``mask_at`` gives that of the frame at a time (s) from the beginning of the part, of any size.
    """
    read = ReadOptions(start=begin, end=end)

    def masks(frames: Iterable[Frame]) -> Iterator[StylizedFrame]:
        for frame in frames:
            size = (frame.width, frame.height)
            grey = cv2.resize(mask_at(frame.time), size, interpolation=cv2.INTER_LINEAR)
            pixels = np.dstack([np.asarray(grey, np.uint8)] * 3)
            yield StylizedFrame(replace(frame, pixels=pixels, alpha=None), False, 0.0)

    plan = plan_run(lambda: Reader(clip, read), target, lambda: Stage(masks, {}), inputs=[clip], write=_WRITE)
    run(
        plan,
        on_frame=on_frame,
        open_writer=lambda info: Writer(plan.output, like=replace(info, has_alpha=False, bits=8)),
    )
