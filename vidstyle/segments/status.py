"""How far films are, by the folders in which their work is kept."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidstyle.segments.film_plan import span_seconds
from vidstyle.segments.manifest import Manifest
from vidstyle.segments.segment_record import noted_frames
from vidstyle.segments.work_folder import is_in_use, work_folders


@dataclass(frozen=True, slots=True)
class FilmStatus:
    """How far one film is."""

    folder: Path
    """Where its work is kept."""
    target: Path
    """What it becomes."""
    is_running: bool
    """Whether a run is painting it."""
    is_whole: bool = False
    """Whether the target has been written, and is there; the work is kept on request."""
    done: int = 0
    segments: int = 0
    """Done, and all; 0: it is not planned yet."""
    time: Fraction = Fraction(0)
    duration: Fraction = Fraction(0)
    """Seconds of the film that are done, and all."""
    size: int = 0
    """Bytes of what is done."""
    lines: tuple[str, ...] = ()
    """A line for each segment: from when to when, and whether it is done."""


def films_in(folder: Path) -> list[FilmStatus]:
    """The films whose work is kept in ``folder``, or the one whose work folder it is."""
    return [_status(found) for found in work_folders(folder)]


def _status(folder: Path) -> FilmStatus:
    is_running = is_in_use(folder)
    manifest = Manifest.load(folder)
    if manifest is None:
        return FilmStatus(folder, Path(folder.stem.removeprefix(".")), is_running)
    spans, lines, time = manifest.plan.spans(), [], Fraction(0)
    for number, segment in enumerate(manifest.plan.segments):
        own = spans[segment.first : segment.end]
        result = manifest.done.get(number)
        state = "to be painted"
        if result is not None:
            time += span_seconds(own)
            state = f"done in {result.seconds:.0f} s on {result.host or 'this machine'}"
        elif (note := noted_frames(folder, number)) is not None:
            state = f"{note} of {segment.count} frames"
        lines.append(f"{number + 1}: {float(own[0][0]):.3f} to {float(sum(own[-1])):.3f} s, {state}")
    return FilmStatus(
        folder,
        manifest.target,
        is_running,
        manifest.is_whole and _target(manifest, folder).exists(),
        len(manifest.done),
        len(manifest.plan.segments),
        time,
        span_seconds(spans),
        sum(result.size for result in manifest.done.values()),
        tuple(lines),
    )


def _target(manifest: Manifest, folder: Path) -> Path:
    """Where the film is: the target's folder may have been moved since, with the work beside it."""
    moved = folder.absolute().parent / manifest.target.name
    return moved if moved.exists() else manifest.target
