"""Copies of results in a form that browsers play: 8 bits, 4:2:0, with the sound."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from vidstyle.errors import OptionError
from vidstyle.frames import Frame, eight_bits
from vidstyle.options import ReadOptions, WriteOptions
from vidstyle.pipeline.plan import Stage, plan_run
from vidstyle.pipeline.prefetch import side_thread
from vidstyle.pipeline.report import Progress
from vidstyle.pipeline.runner import run
from vidstyle.server.stills import reduced
from vidstyle.temporal.base import StylizedFrame
from vidstyle.video.reading.reader import Reader

_SHORT_SIDE = 720  # px
_PLAIN = WriteOptions(even=True, overwrite=True)
_FORMS = {
    "h264": (".mp4", replace(_PLAIN, codec="h264", crf=20.0, preset="veryfast")),
    "vp9": (".webm", replace(_PLAIN, codec="vp9", crf=32.0)),
}


class Proxies:
    """Makes copies in a ``folder``, in a thread of its own, until ``stopping`` is set."""

    def __init__(self, folder: Path, stopping: threading.Event) -> None:
        self._folder, self._stopping = folder, stopping
        self._thread = side_thread("proxies")
        self._made: dict[tuple[Path, str], Path] = {}

    def made(self, result: Path, codec: str) -> Path:
        """The copy of ``result`` in ``codec`` (h264 or vp9), made once; waits for it.

        Raises a ``VidstyleError`` if it cannot be made.
        """
        if codec not in _FORMS:
            raise OptionError(f"a copy is made in {' or '.join(_FORMS)}, got {codec!r}")
        return self._thread.submit(self._make, result, codec).result()

    def close(self) -> None:
        """End the work that goes on."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _make(self, result: Path, codec: str) -> Path:
        known = self._made.get((result, codec))
        if known is not None:
            return known
        suffix, write = _FORMS[codec]
        target = self._folder / f"proxy{len(self._made) + 1}{suffix}"
        plan = plan_run(
            lambda: Reader(result, ReadOptions()),
            target,
            lambda: Stage(_plain_frames, {}),
            inputs=[result],
            write=write,
        )
        run(plan, on_frame=self._goes_on)
        self._made[result, codec] = target
        return target

    def _goes_on(self, progress: Progress) -> bool:
        return not self._stopping.is_set()


def _plain_frames(frames: Iterable[Frame]) -> Iterator[StylizedFrame]:
    for frame in frames:
        small = reduced(frame, _SHORT_SIDE)
        yield StylizedFrame(replace(small, pixels=eight_bits(small.pixels)), False, 0.0)
