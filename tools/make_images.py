"""Makes the pictures of the README from the sample clip, with vidstyle, in docs/images.

python tools/make_images.py        (in an environment with vidstyle)
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from vidstyle import Stylizer, stylize_video
from vidstyle.frames import Pixels
from vidstyle.pipeline.contact_sheet import make_sheet
from vidstyle.styles.pictures import bundled_styles
from vidstyle.video.reading.reader import Reader
from vidstyle.video.stills import load_image

ROOT = Path(__file__).resolve().parent.parent
CLIP = ROOT / "samples" / "bunny.mp4"
IMAGES = ROOT / "docs" / "images"
STRIP = ("mosaic", "lanterns", "ink")
"""Styles of the rows below the clip's, in the default quality."""
MOMENTS = (8, 40, 72, 104)  # frames of the clip
CELL = (400, 225)  # px, width and height of each picture of the strip
GAP = 6  # px
SMALL = (240, 135)  # px, of each picture of the engines
ENGINES: dict[str, dict[str, object]] = {
    "stylenet": {},
    "wct-slim": {},
    "wct-single-pass": {},
    "wct": {},
    "photoreal": {},
    "reshuffle": {},
    "gatys": {"features": "small"},
}
"""Engine to its options."""
ENGINE_STYLES = ("waves", "mosaic", "ink", "lanterns")


def main() -> int:
    argparse.ArgumentParser(prog="make_images", description=(__doc__ or "").splitlines()[0]).parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    rows = [moments(CLIP)]
    with tempfile.TemporaryDirectory() as folder:
        for style in STRIP:
            report = stylize_video(CLIP, Path(folder) / f"{style}.mp4", style=style)
            print(f"{style}: {report.frames} frames in {report.seconds:.0f} s")
            rows.append(moments(report.target))
        sheet = Path(folder) / "styles.png"
        make_sheet(CLIP, sheet, style=sorted(bundled_styles()), moments=3, cell=288)
        save(load_image(sheet).pixels, "styles.jpg")
    save(grid(rows), "strip.jpg")
    save(grid(engines()), "engines.jpg")
    return 0


def save(pixels: Pixels, name: str) -> None:
    """Write a picture for a web page."""
    Image.fromarray(pixels).save(IMAGES / name, quality=82, optimize=True, progressive=True)


def moments(clip: Path) -> list[Pixels]:
    """The frames ``MOMENTS`` of a clip, at the size of a cell."""
    with Reader(clip) as reader:
        wanted = [frame.pixels for index, frame in enumerate(reader) if index in MOMENTS]
    return [reduced(pixels, CELL) for pixels in wanted]


def engines() -> list[list[Pixels]]:
    """A row for each of ``ENGINES``: the first three of ``MOMENTS`` in each of ``ENGINE_STYLES``."""
    with Reader(CLIP) as reader:
        frames = [frame for index, frame in enumerate(reader) if index in MOMENTS[:3]]
    rows = []
    for engine, options in ENGINES.items():
        stylizers = [Stylizer(style, engine=engine, engine_option=options) for style in ENGINE_STYLES]
        rows.append([reduced(each.image(frame), SMALL) for each in stylizers for frame in frames])
    return rows


def reduced(pixels: Pixels, cell: tuple[int, int]) -> Pixels:
    return np.asarray(cv2.resize(pixels, cell, interpolation=cv2.INTER_AREA), np.uint8)


def grid(rows: list[list[Pixels]]) -> Pixels:
    """Pictures in rows, with gaps between."""
    height, width = rows[0][0].shape[:2]
    size = (len(rows) * (height + GAP) - GAP, len(rows[0]) * (width + GAP) - GAP, 3)
    paper = np.full(size, 255, np.uint8)
    for row, pictures in enumerate(rows):
        for column, pixels in enumerate(pictures):
            top, left = row * (height + GAP), column * (width + GAP)
            paper[top : top + height, left : left + width] = pixels
    return paper


if __name__ == "__main__":
    sys.exit(main())
