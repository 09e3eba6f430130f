"""What a worker is told of a segment, and what it answers: paths and numbers, never frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Self, TypedDict

from vidstyle.frames import Frame, VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.segments.film_plan import Segment, blank_frame
from vidstyle.segments.hashes import text_hash
from vidstyle.segments.starts import Span
from vidstyle.styles.pictures import Style
from vidstyle.video.writing.target import OutputPlan


@dataclass(frozen=True, slots=True, eq=False)
class Painting:
    """The styles and the keyword arguments of a ``Stylizer``."""

    styles: tuple[Style, ...]
    options: Mapping[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """What all segments of a film have in common."""

    painting: Painting
    source: Path
    source_hash: str
    read: ReadOptions
    info: VideoInfo
    """The source."""
    output: OutputPlan
    depth: int
    """Bits of a frame's samples, 8 or 16."""
    has_alpha: bool
    """Whether the first frame has alpha."""
    first_duration: Fraction
    """Seconds of the first frame."""
    tick: Fraction
    """Seconds."""
    folder: Path
    """Where segments are written."""
    facts: Mapping[str, str]
    """What the painting depends on, by name; see ``worker.describe``."""
    version: str
    """Of vidstyle."""
    run: str = ""
    """``WorkFolder.run``."""
    threads: int | None = None
    """Threads of torch and OpenCV; None: the worker's own choice."""

    @property
    def first(self) -> Frame:
        """A black frame like the first one."""
        return blank_frame(self.info, self.depth, self.has_alpha, self.first_duration)


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One segment to paint."""

    film: Film
    number: int
    segment: Segment
    spans: tuple[Span, ...]
    """Times of its frames, after those of the ``segment.before`` frames before it."""
    resume: str | None
    """The hash of the state after the segment before, from which it goes on; None: a shot begins."""
    saves_state: bool
    """Whether the state after its last frame is needed."""
    is_last_key: bool
    """Whether its last picture must be a key picture."""

    @property
    def path(self) -> Path:
        """The file, or the folder of pictures, that is written."""
        return segment_path(self.film.folder, self.number)

    @property
    def state_path(self) -> Path:
        """The state after the last frame."""
        return state_path(self.film.folder, self.number)

    @property
    def resume_path(self) -> Path | None:
        """The state from which the segment goes on."""
        return None if self.resume is None else state_path(self.film.folder, self.number - 1)

    @property
    def result_path(self) -> Path:
        """What ``paint_segment`` answered, kept so that it answers the same again."""
        return self.film.folder / f"{self.number:05d}.json"

    @property
    def progress_path(self) -> Path:
        """The number of frames so far, as text, while it is painted."""
        return progress_path(self.film.folder, self.number)

    @property
    def key(self) -> str:
        """A hash of all that the result depends on."""
        film = self.film
        options = replace(film.output.options, overwrite=False)  # which a run that goes on may need
        return text_hash(
            [
                *(film.version, film.source_hash, dict(film.facts), film.output.encoder, film.output.threads),
                *(repr(film.read), repr(options), str(film.tick), film.output.container.format),
                *(asdict(self.segment), [[str(time), str(length)] for time, length in self.spans]),
                *(self.resume, self.saves_state, self.is_last_key),
            ]
        )


def segment_path(folder: Path, number: int) -> Path:
    """The file, or folder of pictures, of the segment ``number`` in a work folder."""
    return folder / f"{number:05d}"


def state_path(folder: Path, number: int) -> Path:
    """The state after its last frame."""
    return folder / f"{number:05d}.safetensors"


def progress_path(folder: Path, number: int) -> Path:
    """The number of frames that are painted so far, as text."""
    return folder / f"{number:05d}.progress"


class ResultRecord(TypedDict):
    """A ``SegmentResult`` in JSON's types."""

    key: str
    frames: int
    sha256: str
    size: int
    order: list[int] | None
    """None: that of the frames."""
    delay: int
    state_sha256: str | None
    cuts: list[str]
    repainted: float
    seconds: float
    stages: dict[str, float]
    limit: str
    host: str


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """A segment that has been painted."""

    key: str
    """``Job.key``."""
    frames: int
    sha256: str
    """Of the file, or of the pictures of the folder."""
    size: int
    """Bytes."""
    order: tuple[int, ...]
    """``SegmentFile.order``."""
    delay: int
    """``SegmentFile.delay``."""
    state_sha256: str | None
    """Of the state after the last frame; None: it is not needed."""
    cuts: tuple[Fraction, ...] = ()
    """Times (s) at which shots begin within it."""
    repainted: float = 1.0
    """Mean share of a frame that is fresh paint."""
    seconds: float = 0.0
    """Wall time."""
    stages: Mapping[str, float] = field(default_factory=dict)
    """As in a ``RunReport``."""
    limit: str = ""
    """As in a ``RunReport``."""
    host: str = ""
    """The machine that painted it."""

    def to_json(self) -> ResultRecord:
        """All of it in JSON's types."""
        order = list(self.order)
        return {
            "key": self.key,
            "frames": self.frames,
            "sha256": self.sha256,
            "size": self.size,
            "order": None if order == list(range(self.frames)) else order,
            "delay": self.delay,
            "state_sha256": self.state_sha256,
            "cuts": [str(time) for time in self.cuts],
            "repainted": self.repainted,
            "seconds": self.seconds,
            "stages": dict(self.stages),
            "limit": self.limit,
            "host": self.host,
        }

    @classmethod
    def from_json(cls, data: ResultRecord) -> Self:
        """The result whose ``to_json()`` this is; raises ``KeyError``, ``TypeError`` or ``ValueError``."""
        order = range(data["frames"]) if data["order"] is None else data["order"]
        return cls(
            data["key"],
            data["frames"],
            data["sha256"],
            data["size"],
            tuple(order),
            data["delay"],
            data["state_sha256"],
            tuple(map(Fraction, data["cuts"])),
            data["repainted"],
            data["seconds"],
            data["stages"],
            data["limit"],
            data["host"],
        )
