"""Painted frames and thumbnails for the page: one thread paints, results are kept."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar, cast

from vidstyle.frames import Frame, VideoInfo
from vidstyle.options.keywords import ImageKeywords
from vidstyle.pipeline.prefetch import Unwanted, interruptible, side_thread
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.server.settings import Settings
from vidstyle.server.stills import SHOWN_WIDTH, Recent, frame_at, jpeg, reduced, shown_size
from vidstyle.server.stretches import OnPicture, Stretch, paint_stretch
from vidstyle.styles.pictures import Style

V = TypeVar("V")

DRAFT, FULL, THUMBNAIL = "draft", "full", "thumbnail"
_SHORT_SIDES = {DRAFT: 160, FULL: None, THUMBNAIL: 96}  # px at which a frame is painted; None: its own
_WIDTHS = {DRAFT: SHOWN_WIDTH, FULL: SHOWN_WIDTH, THUMBNAIL: 192}  # px, of the pictures for the page
_KEPT_PICTURES = 200  # JPEG files, of 0.1 to 0.5 MB at most
_KEPT_FRAMES = 4
_KEPT_STYLIZERS = 3


@dataclass(frozen=True, slots=True)
class Look:
    """A frame of a clip that is to be painted."""

    clip: Path
    info: VideoInfo
    time: Fraction
    """s, from the start of the clip."""
    styles: tuple[str | Path, ...]
    settings: Settings


class Previews:
    """Paints frames in a thread of its own, until ``stopping`` is set."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._thread = side_thread("previews")
        self._pictures: Recent[bytes] = Recent(_KEPT_PICTURES)
        self._frames: Recent[Frame] = Recent(_KEPT_FRAMES)
        self._stylizers: Recent[Stylizer] = Recent(_KEPT_STYLIZERS)

    async def painted(self, look: Look, stage: str, stop: threading.Event) -> bytes | None:
        """A painted frame as a JPEG file; None if ``stop`` was set before it was done.

        ``stage`` is ``DRAFT`` (small, at once), ``FULL`` (as a run paints the first frame of a shot) or
        ``THUMBNAIL``, which is empty for engines that take long for a frame. Raises a ``VidstyleError``.
        """
        known = self._pictures.get((look, stage))  # at once, whatever the thread is painting
        return known or await self._in_thread(lambda: self._paint(look, stage), stop)

    def is_known(self, look: Look) -> bool:
        """Whether ``look`` has been painted at full size."""
        return self._pictures.get((look, FULL)) is not None

    async def stretch(
        self, stretch: Stretch, folder: Path, on_picture: OnPicture, stop: threading.Event
    ) -> None:
        """Paint a stretch until ``stop`` is set; see ``paint_stretch``."""
        await self._in_thread(lambda: paint_stretch(stretch, folder, on_picture), stop)

    async def _in_thread(self, work: Callable[[], V], stop: threading.Event) -> V | None:
        def guarded() -> V | None:
            if stop.is_set() or self._stopping.is_set():
                return None
            try:
                with interruptible(stop):
                    return work()
            except Unwanted:
                return None

        return await asyncio.get_running_loop().run_in_executor(self._thread, guarded)

    def close(self) -> None:
        """Wait for the work that goes on, and end the thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _paint(self, look: Look, stage: str) -> bytes:
        frame_key = (look.clip, look.time)
        frame = self._frames.get(frame_key) or self._frames.put(frame_key, frame_at(look.clip, look.time))
        side = _SHORT_SIDES[stage]
        small = frame if side is None else reduced(frame, side)
        stylizer = self._stylizer(look.settings, look.styles)
        if stage == THUMBNAIL and stylizer.paints_keyframes:
            return b""
        painted = stylizer.image(small, style=_styling(look.styles))
        return self._pictures.put((look, stage), jpeg(painted, shown_size(look.info, _WIDTHS[stage])))

    def _stylizer(self, settings: Settings, styles: Sequence[str | Path]) -> Stylizer:
        """An engine with these options and weights; its styles are given with each picture."""
        key = (settings.options, settings.weights)
        known = self._stylizers.get(key)
        if known is not None:
            return known
        # steadiness is of clips: a single frame is painted the same with and without
        keywords = {name: value for name, value in settings.keywords.items() if name != "stability"}
        made = Stylizer(_styling(styles), **cast(ImageKeywords, keywords))
        return self._stylizers.put(key, made)


def _styling(styles: Sequence[str | Path]) -> list[Style]:
    return [*styles]
