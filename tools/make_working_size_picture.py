"""Makes docs/images/working-size.jpg: a crop of a large frame painted at full size, enlarged, and repainted.

python tools/make_working_size_picture.py big-buck-bunny.mp4
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from vidstyle import Stylizer
from vidstyle.frames import Pixels, eight_bits
from vidstyle.options import ReadOptions
from vidstyle.video.reading.reader import open_reader

TARGET = Path(__file__).resolve().parents[1] / "docs" / "images" / "working-size.jpg"
STYLES = ("waves", "mosaic")
LARGE = (1920, 1080)  # px, to which the frame is enlarged
SHORT = 480  # px, the working size
LEFT, TOP, WIDTH, HEIGHT = 520, 70, 400, 300  # px, the crop
QUALITY = 88  # of the JPEG


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clip", type=Path, help="of 1280x720")
    parser.add_argument("--frame", type=int, default=60, help="its number, from 0")
    given = parser.parse_args()
    frame = _enlarged(_frame(given.clip, given.frame), LARGE)
    rows = [_row(frame, style) for style in STYLES]
    Image.fromarray(np.concatenate(rows)).save(TARGET, quality=QUALITY)


def _frame(clip: Path, number: int) -> Pixels:
    with open_reader(clip, replace(ReadOptions(), frames=number + 1)) as reader:
        frames = list(reader)
    return eight_bits(frames[number].pixels)


def _row(frame: Pixels, style: str) -> Pixels:
    """Crops of ``frame``: painted at its own size; at the working size, enlarged; and as by default."""
    small = cv2.resize(frame, (round(SHORT * LARGE[0] / LARGE[1]), SHORT), interpolation=cv2.INTER_AREA)
    default = Stylizer(style, temporal="none", working_size=SHORT)
    paintings = (
        Stylizer(style, temporal="none", working_size=LARGE[1]).image(frame),
        _enlarged(default.image(np.asarray(small, np.uint8)), LARGE),
        default.image(frame),
    )
    crops = [eight_bits(painted[TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH]) for painted in paintings]
    return np.concatenate(crops, axis=1)


def _enlarged(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), np.uint8)


if __name__ == "__main__":
    main()
