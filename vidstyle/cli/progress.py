"""The progress bar of a run, which advances by clip time, since frame counts are estimates."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Callable, Generator, Sequence
from fractions import Fraction
from time import monotonic
from typing import TYPE_CHECKING

from tqdm import tqdm

from vidstyle.cli.logs import write_line
from vidstyle.printable import printable
from vidstyle.video.writing.pipe_output import target_name

if TYPE_CHECKING:
    from vidstyle.pipeline.preview import Preview
    from vidstyle.pipeline.report import OnFrame, Progress, RunReport

PAUSE = 30.0  # s between status lines where stderr is no terminal
_RECENT = 50  # last frames from which frame rate and time left are computed


@contextlib.contextmanager
def bar(name: str, hidden: bool) -> Generator[OnFrame, None, None]:
    """A progress bar for ``name`` on stderr, as ``on_frame`` callback; plain lines without a terminal."""
    progress_bar = _Bar(name, hidden)
    try:
        yield progress_bar
    finally:
        progress_bar.close()


class _Bar:
    def __init__(self, name: str, hidden: bool) -> None:
        name = printable(name)
        self._title = name
        self._name = name.replace("{", "{{").replace("}", "}}")  # it becomes part of a format
        self._lines = StatusLines(hidden)
        self._hidden = hidden
        self._bar: tqdm[None] | None = None
        self._recent: deque[tuple[float, Fraction]] = deque(maxlen=_RECENT)

    def __call__(self, progress: Progress) -> bool:
        if self._bar is None:
            self._bar = self._open(progress)
        done = progress.frame.time + progress.frame.duration
        self._recent.append((monotonic(), done))
        self._lines.update(lambda: f"{self._title}: {state(progress, self._recent)}")
        bar = "{percentage:3.0f}% |{bar}| " if progress.info.duration else ""
        self._bar.bar_format = f"{self._name} {bar}{state(progress, self._recent)}"
        total = self._bar.total
        # the total is an estimate; if it is too short the bar stays full
        self._bar.update(max(0.0, (min(float(done), total) if total else float(done)) - self._bar.n))
        return True

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _open(self, progress: Progress) -> tqdm[None]:
        length = progress.info.duration
        return tqdm(
            total=float(length) if length else None,
            bar_format=self._name,
            disable=True if self._hidden else None,  # None: hidden where stderr is no terminal
            file=sys.stderr,
            leave=False,
            dynamic_ncols=True,
            miniters=0,
        )


class StatusLines:
    """Prints a line on stderr every ``PAUSE`` seconds if it is not a terminal; none if ``hidden``."""

    def __init__(self, hidden: bool) -> None:
        self._is_needed = not hidden and not sys.stderr.isatty()
        self._last = monotonic()

    def update(self, line: Callable[[], str]) -> None:
        """Write ``line()`` if the last one was at least ``PAUSE`` seconds ago."""
        if self._is_needed and monotonic() - self._last >= PAUSE:
            self._last = monotonic()
            write_line(f"vidstyle: {line()}")


def state(progress: Progress, recent: Sequence[tuple[float, Fraction]]) -> str:
    """``00:12/01:30, 9.8 frames/s, 01:02 left, stylize limits``.

    ``recent`` holds, for the last frames, the wall time of completion (s) and the end in the clip (s).
    """
    length, done = progress.info.duration, recent[-1][1]
    if length is not None and done > length:  # the length was an estimate, and too short
        length = None
    parts = [clock(float(done)) + (f"/{clock(float(length))}" if length else "")]
    elapsed, advanced = recent[-1][0] - recent[0][0], done - recent[0][1]
    if elapsed > 0 and advanced > 0:
        parts.append(f"{(len(recent) - 1) / elapsed:.1f} frames/s")
        if length:
            parts.append(f"{clock(max(0.0, float(length - done)) * elapsed / float(advanced))} left")
    return ", ".join([*parts, f"{progress.limit} limits"] if progress.limit else parts)


def clock(seconds: float) -> str:
    """``01:30`` or ``1:01:30``."""
    return str(tqdm.format_interval(round(seconds)))


def summary(report: RunReport) -> str:
    """``painted.mp4: 125 frames in 12.3 s (10.2 a second), 2 cuts, 21 % repainted``."""
    frames = f"{report.frames} frame{'s' if report.frames > 1 else ''}"
    parts = [f"{frames} in {report.seconds:.1f} s ({report.frames / report.seconds:.1f} a second)"]
    if report.cuts:
        parts.append(f"{len(report.cuts)} cut{'s' if len(report.cuts) > 1 else ''}")
    parts.append(f"{report.repainted:.0%} repainted")
    if report.skipped:
        parts.append(f"{report.skipped} damaged packets skipped")
    return f"{printable(target_name(report.target))}: {', '.join(parts)}"


def estimate(preview: Preview) -> str:
    """``clip_preview.png; the whole: about 1,250 frames at 9.8 a second, 02:08``."""
    picture = printable(str(preview.picture))
    if preview.seconds is None:
        return f"{picture}; how long the whole will take cannot be told (too short, or of unknown length)"
    frames = f"about {preview.frames:,} frames at {preview.rate:.1f} a second"
    if preview.keyframes:
        frames += f", and {preview.keyframes:,} of them to paint, {preview.painting:.1f} s each"
    return f"{picture}; the whole: {frames}, {clock(preview.seconds)}"
