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
    from vidstyle.pipeline.report import Progress, RunReport
    from vidstyle.segments.film_progress import FilmProgress

PAUSE = 30.0  # s between status lines where stderr is no terminal
_RECENT = 50  # last frames from which frame rate and time left are computed


@contextlib.contextmanager
def bar(name: str, hidden: bool) -> Generator[Bar, None, None]:
    """A progress bar for ``name`` on stderr, as ``on_frame`` callback; plain lines without a terminal."""
    progress_bar = Bar(name, hidden)
    try:
        yield progress_bar
    finally:
        progress_bar.close()


class Bar:
    """A progress bar that frames of a run advance, or the state of a film that is painted in segments."""

    def __init__(self, name: str, hidden: bool) -> None:
        name = printable(name)
        self._title = name
        self._name = name.replace("{", "{{").replace("}", "}}")  # it becomes part of a format
        self._lines = StatusLines(hidden)
        self._hidden = hidden
        self._bar: tqdm[None] | None = None
        self._recent: deque[tuple[float, Fraction]] = deque(maxlen=_RECENT)
        self._counts_frames = False
        self._step = ""  # of a film
        self._begun = (0.0, Fraction(0))  # when that step began, and the film's time then

    def __call__(self, progress: Progress) -> bool:
        """Show that a frame was written."""
        done = progress.frame.time + progress.frame.duration
        self._recent.append((monotonic(), done))
        self._draw(state(progress, self._recent), done, progress.info.duration)
        self._counts_frames = True
        return True

    def film(self, progress: FilmProgress) -> None:
        """Show how far a film is; while frames are counted, they show it."""
        if progress.step != self._step:
            self._step, self._begun, self._counts_frames = progress.step, (monotonic(), progress.time), False
        if not self._counts_frames:
            self._draw(film_state(progress, *self._begun), progress.time, progress.duration)

    def _draw(self, text: str, done: Fraction, length: Fraction | None) -> None:
        if self._bar is None:
            self._bar = self._open(length)
        self._lines.update(lambda: f"{self._title}: {text}")
        bar = "{percentage:3.0f}% |{bar}| " if length else ""
        self._bar.bar_format = f"{self._name} {bar}{text}"
        total = self._bar.total
        # the total is an estimate; if it is too short the bar stays full
        self._bar.n = min(float(done), total) if total else float(done)
        self._bar.update(0)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _open(self, length: Fraction | None) -> tqdm[None]:
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


def film_state(progress: FilmProgress, begun: float, first: Fraction) -> str:
    """``00:12/01:30, 3 of 10 segments, 2 at a time, 05:02 left``, or what else is done to the film.

    The step began at ``begun`` (s, monotonic), with ``first`` seconds of the film done.
    """
    length, elapsed, advanced = progress.duration, monotonic() - begun, progress.time - first
    parts = [clock(float(progress.time)) + (f"/{clock(float(length))}" if length else "")]
    if progress.step == "join":
        return f"{parts[0]}, joining {progress.of_segments} segments"
    if progress.step == "plan":
        return f"{parts[0]}, looking for cuts"
    parts.append(f"{progress.segments} of {progress.of_segments} segments")
    if progress.running > 1:
        parts.append(f"{progress.running} at a time")
    if length and advanced > 0 and elapsed > 0:
        parts.append(f"{clock(float(length - progress.time) * elapsed / float(advanced))} left")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """``01:30`` or ``1:01:30``."""
    return str(tqdm.format_interval(round(seconds)))


def summary(report: RunReport) -> str:
    """``painted.mp4: 125 frames in 12.3 s (10.2 a second), 2 cuts, 21 % repainted``."""
    frames = f"{report.frames} frame{'s' if report.frames > 1 else ''}"
    parts = [f"{frames} in {report.seconds:.1f} s ({report.frames / report.seconds:.1f} a second)"]
    if report.cuts:
        parts.append(f"{len(report.cuts)} cut{'s' if len(report.cuts) > 1 else ''}")
    if report.repainted:  # masks are not painted
        parts.append(f"{report.repainted:.0%} repainted")
    if report.reused:
        count = "all" if report.reused == report.frames else report.reused
        parts[0] += f", {count} of them by an earlier run"
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
