"""Clips and styles for the benchmarks: the samples of the project, or the user's folders."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from vidstyle.frames import Pixels
from vidstyle.options import ReadOptions
from vidstyle.video.reading.reader import open_reader

ROOT = Path(__file__).resolve().parent.parent

STEADY_CLIPS = {
    "cotracker_bear.mp4": 0,
    "bigbuckbunny.mp4": 50,  # the arms swing
    "vtest.avi": 0,
    "running_car.mp4": 0,
    "tree.avi": 40,  # gusts
    "carphone_pristine.mp4": 0,
}
"""What the published table was measured on, and from which frame on; taken from ``--clips``."""
STEADY_STYLES = (
    "wa-Cubo-Futurism_aleksandra-ekster-city-at-night-1919.jpg",  # bold planes of colour
    "wa-Ukiyo-e_hiroshige-crane-and-wave-1830.jpg",  # a woodcut: flat grounds, fine lines
)
"""The styles of the published table; taken from ``--styles`` where they are there."""
SAMPLE_CLIP = ROOT / "samples" / "bunny.mp4"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a benchmark runs on."""

    clips: list[Path]
    styles: list[str]
    """Paths, or names of bundled styles."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clip", nargs="*", type=Path, help="clips to measure on (default: those of --clips)")
    parser.add_argument("--clips", type=Path, metavar="DIR", help="folder with the published table's clips")
    parser.add_argument("--styles", type=Path, metavar="DIR", help="folder with the published table's styles")
    parser.add_argument(
        "--style", action="append", default=[], help="a style picture or name; may be repeated"
    )


def chosen(arguments: argparse.Namespace, bundled: list[str]) -> Inputs:
    """The clips and styles asked for; without any, the sample clip and three ``bundled`` styles."""
    clips = list(arguments.clip)
    if not clips and arguments.clips is not None:
        clips = [path for name in STEADY_CLIPS if (path := arguments.clips / name).is_file()]
        if not clips:
            raise SystemExit(f"bench: none of {', '.join(STEADY_CLIPS)} is in {arguments.clips}")
    styles = list(arguments.style)
    if not styles and arguments.styles is not None:
        styles = [str(path) for name in STEADY_STYLES if (path := arguments.styles / name).is_file()]
        if not styles:
            raise SystemExit(f"bench: none of the published styles is in {arguments.styles}")
    return Inputs(clips or [SAMPLE_CLIP], styles or bundled[:3])


def frames(clip: Path, *, width: int = 640, count: int = 60) -> list[Pixels]:
    """``count`` frames of ``clip`` (of ``STEADY_CLIPS`` from the frame named there on).

    They are reduced to a width of ``width`` px; smaller clips keep their size.
    """
    first = STEADY_CLIPS.get(clip.name, 0)
    return list(islice(_frames(clip, width, first + count), first, None))


def _frames(clip: Path, width: int, count: int) -> Iterator[Pixels]:
    with open_reader(clip, ReadOptions(frames=count)) as reader:
        for frame in reader:
            columns = min(width, frame.width)
            lines = round(frame.height * columns / frame.width)
            small = cv2.resize(frame.pixels, (columns, lines), interpolation=cv2.INTER_AREA)
            yield np.asarray(small, frame.pixels.dtype)  # type: ignore[misc]
