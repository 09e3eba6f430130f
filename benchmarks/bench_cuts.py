"""Precision and recall of the cut detection, on clips with known cuts and on shots made of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from bench_shots import Shot, made
from tqdm import tqdm

from vidstyle.frames import Pixels
from vidstyle.temporal.cuts import Cuts
from vidstyle.video.reading.reader import open_reader

KNOWN: dict[str, tuple[int, ...]] = {
    "bigbuckbunny.mp4": (),
    "bikes.mp4": (30, 76, 137, 187, 242),
    "carphone_pristine.mp4": (),
    "cotracker_bear.mp4": (),
    "opencv_cup.mp4": (),
    "running_car.mp4": (),
    "trailer_bbb.mp4": (593, 864, 900, 988, 1049),  # in MoviePy's documentation
    "tree.avi": (),
    "vtest.avi": (),
}
"""File name to the frames that are the first of a shot, seen by eye."""
EITHER: dict[str, tuple[range, ...]] = {
    "running_car.mp4": (range(271, 274),),  # snow hides the whole picture
    "trailer_bbb.mp4": tuple(
        range(frame, frame + 12) for frame in (234, 330, 762, 1128)
    ),  # fades through black
}
"""Frames of which one may be called a cut."""
SIZES = ((432, 240), (360, 640))
_LARGEST = 1280  # px, long side of a picture that shots are made of


@dataclass(frozen=True, slots=True)
class Score:
    """What was found in some frames."""

    name: str
    frames: int
    cuts: int
    missed: int
    false: int
    """Cuts that are none."""

    def row(self) -> list[str]:
        detected = self.cuts - self.missed
        precision = f"{detected / (detected + self.false):.3f}" if detected + self.false else ""
        recall = f"{detected / self.cuts:.3f}" if self.cuts else ""
        counts = (self.frames, self.cuts, self.missed, self.false)
        return [self.name, *map(str, counts), precision, recall]


def score(name: str, frames: Iterable[Pixels], cuts: Sequence[int], either: Sequence[range] = ()) -> Score:
    """Look at ``frames`` in order and compare."""
    detector, detected, count = Cuts(), set(), 0
    for number, pixels in enumerate(frames):
        if detector.look(pixels).is_cut and number:
            detected.add(number)
        count = number + 1
    false = detected - set(cuts)
    for span in either:
        false -= set(sorted(false & set(span))[:1])
    return Score(name, count, len(cuts), len(set(cuts) - detected), len(false))


def total(name: str, scores: Sequence[Score]) -> Score:
    """The sum of ``scores``."""
    sums = (sum(getattr(each, field) for each in scores) for field in ("frames", "cuts", "missed", "false"))
    return Score(name, *sums)


def table(scores: Iterable[Score]) -> str:
    """A Markdown table."""
    head = ["shots", "frames", "cuts", "missed", "false", "precision", "recall"]
    rows = [head, ["---"] * len(head), *(each.row() for each in scores)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def run(clips: Path | None, pictures: Path | None, folder: Path, *, count: int) -> bool:
    """Print the table and write it to ``folder``; true if nothing is missed and nothing false."""
    scores = []
    if clips is not None:
        paths = [clips / name for name in KNOWN if (clips / name).is_file()]
        if not paths:
            raise SystemExit(f"bench: none of {', '.join(KNOWN)} is in {clips}")
        real = [
            score(path.name, _frames(path), KNOWN[path.name], EITHER.get(path.name, ())) for path in paths
        ]
        scores += [*real, total("**all clips**", real)]
    if pictures is not None:
        shots = list(_made(pictures, count))
        kinds = dict.fromkeys(each.name for each in shots)
        scores += [total(kind, [each for each in shots if each.name == kind]) for kind in kinds]
        scores.append(total("**all made shots**", shots))
    if not scores:
        raise SystemExit("bench: give --clips, --pictures or both")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cuts.md").write_text(table(scores) + "\n", encoding="utf-8")
    print(table(scores))
    return not any(each.missed or each.false for each in scores)


def _made(folder: Path, count: int) -> Iterator[Score]:
    """Scores of shots at both sizes, out of ``count`` pictures spread over ``folder``."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    chosen = paths[:: max(1, len(paths) // count)][:count]
    pictures = [_read(path) for path in chosen]
    for width, height in SIZES:
        shots: Iterable[Shot] = made(pictures, width, height)
        for shot in tqdm(shots, desc=f"{width}x{height}", unit="shot", leave=False):
            yield score(shot.kind, shot.frames, shot.cuts, shot.either)


def _read(path: Path) -> Pixels:
    read = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if read is None:
        raise SystemExit(f"bench: {path} is no picture that OpenCV reads")
    scale = min(1.0, _LARGEST / max(read.shape[:2]))
    small = cv2.resize(read, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8)


def _frames(path: Path) -> Iterator[Pixels]:
    with open_reader(path) as reader:
        for frame in reader:
            yield frame.pixels
