"""One frame beside its source, and how long the whole run would take, before a long run."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Unpack

import numpy as np

from vidstyle.frames import Frame
from vidstyle.options import ReadOptions, WriteOptions, check_keywords, take
from vidstyle.options.keywords import FileKeywords
from vidstyle.pipeline.contact_sheet import moments
from vidstyle.pipeline.report import Progress
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.video.reading.probe import probe
from vidstyle.video.stills import check_picture_target, save_image

_TRIAL = 8  # frames that are run for the estimate; the first warms up and does not count
_GAP = 8  # px between source and result


@dataclass(frozen=True, slots=True)
class Preview:
    """What a short trial says of a whole run."""

    picture: Path
    """The file: the source on the left, the result on the right."""
    rate: float
    """Frames a second, decoding, painting and encoding together; 0 if the clip is too short to tell."""
    frames: int | None
    """Estimated frames of the whole run."""

    @property
    def seconds(self) -> float | None:
        """Estimated wall time of the whole run, once it is under way."""
        return self.frames / self.rate if self.frames and self.rate else None


def preview(
    stylizer: Stylizer, source: str | Path, picture: str | Path, target: Path, **options: Unpack[FileKeywords]
) -> Preview:
    """Run a few frames from the middle of ``source`` and show the first of them in ``picture``.

    ``target`` is what the whole run would write; nothing is written there, but its format is tried.
    """
    check_keywords(options, ReadOptions, WriteOptions)
    picture = Path(picture)
    check_picture_target(picture, take(WriteOptions, options).overwrite)
    read = take(ReadOptions, options)
    original = moments(Path(source), read, 1)[0]
    shown: list[tuple[float, Frame]] = []

    def keep(progress: Progress) -> None:
        shown.append((perf_counter(), progress.frame))
        del shown[1:-1]  # two frames at most stay in memory

    with tempfile.TemporaryDirectory(prefix="vidstyle-") as folder:
        trial: FileKeywords = {
            **options,
            "start": original.time,
            "frames": min(_TRIAL, read.frames or _TRIAL),
        }
        report = stylizer.video(source, Path(folder) / target.name, on_frame=keep, **trial)
    save_image(picture, _side_by_side(original, shown[0][1]))
    elapsed = shown[-1][0] - shown[0][0]
    return Preview(
        picture, (report.frames - 1) / elapsed if elapsed else 0.0, probe(Path(source), read).frames
    )


def _side_by_side(left: Frame, right: Frame) -> Frame:
    height = max(left.height, right.height)
    paper = np.full(
        (height, left.width + _GAP + right.width, 3), np.iinfo(left.pixels.dtype).max, left.pixels.dtype
    )
    paper[: left.height, : left.width] = left.pixels
    paper[: right.height, left.width + _GAP :] = right.pixels
    return Frame(paper)
