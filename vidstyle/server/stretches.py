"""A stretch of a clip painted and steadied, as a run would: first with strokes of half the size, then all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import cast

from vidstyle.api import stylize_video
from vidstyle.frames import VideoInfo
from vidstyle.options import PaintOptions, select_keywords
from vidstyle.options.keywords import VideoKeywords
from vidstyle.pipeline.prefetch import check_wanted
from vidstyle.pipeline.report import Progress
from vidstyle.server.stills import SHOWN_WIDTH, jpeg, shown_size

STRETCH = Fraction(3)
"""s that are painted to be played."""
_WIDTHS = {"half": SHOWN_WIDTH // 2, "full": SHOWN_WIDTH}  # px, of the pictures for the page
_SMALLEST = 96  # px, short side at which half of the size is painted at least


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a clip that is to be painted."""

    clip: Path
    info: VideoInfo
    begin: Fraction
    """s, from the start of the clip."""
    length: Fraction
    """s."""
    styles: tuple[str | Path, ...]
    keywords: Mapping[str, object]
    """Options of the library."""
    prepare: Callable[[], Mapping[str, object]] = dict
    """Makes files that are needed, such as a mask clip, and returns the options that name them."""


@dataclass(frozen=True, slots=True)
class StretchPicture:
    """A painted frame of a stretch."""

    stage: str
    """``half`` or ``full``."""
    index: int
    time: float
    """s, from the beginning of the stretch."""
    duration: float
    """s."""
    data: bytes
    """A JPEG file."""


OnPicture = Callable[[StretchPicture], bool]
"""Called with each painted frame; returns whether to go on."""


def paint_stretch(stretch: Stretch, folder: Path, on_picture: OnPicture) -> None:
    """Call ``on_picture`` with each frame of ``stretch``, of half size and then of full; false ends it.

    A temporary file is written to ``folder``. Raises a ``VidstyleError`` if the part cannot be painted.
    """
    place = Path(tempfile.mkdtemp(dir=folder))
    try:
        stretch = replace(stretch, keywords={**stretch.keywords, **stretch.prepare()})
        for stage in _WIDTHS:
            if not _painted(stretch, stage, place / "stretch.mkv", on_picture):
                return
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _painted(
    stretch: Stretch, stage: str, target: Path, on_picture: Callable[[StretchPicture], bool]
) -> bool:
    """Paint one ``stage``; returns whether to go on."""
    keywords = dict(stretch.keywords)
    if stage == "half":
        paint = PaintOptions(**select_keywords(keywords, PaintOptions))
        short_side = min(stretch.info.width, stretch.info.height, paint.chosen_working_size)
        keywords |= {"working_size": max(_SMALLEST, short_side // 2)}
        keywords.pop("fps_target", None)
    size = shown_size(stretch.info, _WIDTHS[stage])

    def show(progress: Progress) -> bool:
        check_wanted()
        frame = progress.frame
        times = float(frame.time), float(frame.duration)
        return on_picture(StretchPicture(stage, progress.index, *times, jpeg(frame.pixels, size)))

    keywords |= {"start": stretch.begin, "end": stretch.begin + stretch.length, "segments": "off"}
    keywords |= {"preset": "ultrafast", "codec": "h264", "even": True, "overwrite": True}
    report = stylize_video(
        stretch.clip,
        target,
        style=[*stretch.styles],
        on_frame=show,
        **cast(VideoKeywords, keywords),
    )
    return not report.stopped
