"""Whether the cost of painting follows what changes: parts of frames, still frames, one thing that moves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from bench_inputs import frames
from numpy.typing import NDArray

from vidstyle.device import own_process
from vidstyle.frames import Pixels
from vidstyle.pipeline.stylizer import Stylizer

SIZES = ((360, 640), (720, 1280), (1080, 1920))
"""Height and width, px."""
_SHARE = 0.05  # of a frame, in the first table
_COUNT = 24  # frames of each clip that is made
_WALKER, _STEP = 0.03, 3  # its share of the frame, and px a frame at 640x360
_WANTED_PART, _WANTED_STILL, _WANTED_WALKER = 0.25, 2.0, 1 / 3


def run(clip: Path, style: str, engines: list[str], folder: Path, *, rounds: int = 5) -> bool:
    """Print the tables of each of ``engines``; true if every limit is kept."""
    own_process()
    folder.mkdir(parents=True, exist_ok=True)
    picture = frames(clip, count=1)[0]
    lines = [
        f"CPU milliseconds, best of {rounds} rounds. A part is {_SHARE:.0%} of a frame, as one disc or four. "
        f"A frame of the clip stands still, or {_WALKER:.0%} of it moves {_STEP} px a frame (at 640x360) "
        f"over the rest: the mean of {_COUNT} frames, all that is computed between decoder and encoder.",
        "",
        "| engine | size | whole painting | one disc | four discs "
        "| a still frame | one thing moves | each frame whole |",
        "|---|---|---|---|---|---|---|---|",
    ]
    is_kept = True
    for engine in engines:
        stylizer = Stylizer(style, engine=engine)
        alone = Stylizer(style, engine=engine, temporal="none")
        for height, width in SIZES:
            ground = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
            paint = _painting(stylizer, ground)
            whole = _best(paint, rounds, np.ones((height // 2, width // 2), np.bool_))
            one, four = (_best(paint, rounds, _discs(height // 2, width // 2, side)) for side in (1, 2))
            still = _streamed(stylizer, [ground] * _COUNT)
            moving = list(_moving(ground))
            walker, each = (_streamed(each, moving) for each in (stylizer, alone))
            lines.append(
                f"| {engine} | {width}x{height} | {whole:.1f} | {_ratio(one, whole, _WANTED_PART)} "
                f"| {_ratio(four, whole, _WANTED_PART)} | {still:.1f} {_word(still < _WANTED_STILL)} "
                f"| {_ratio(walker, each, _WANTED_WALKER)} | {each:.1f} |"
            )
            print(lines[-1], flush=True)
            is_kept = is_kept and max(one, four) <= _WANTED_PART * whole
            is_kept = is_kept and still < _WANTED_STILL and walker <= _WANTED_WALKER * each
    lines += [
        "",
        f"Wanted: parts at most {_WANTED_PART} of a painting, a still frame under {_WANTED_STILL:g} ms, "
        f"one thing that moves at most {_WANTED_WALKER:.2f} of frames painted whole.",
        "",
    ]
    (folder / "change.md").write_text("\n".join(lines))
    return is_kept


def _painting(stylizer: Stylizer, picture: Pixels) -> Callable[[NDArray[np.bool_]], object]:
    """What paints ``picture`` where a mask is true, with the statistics of its whole painting."""
    painter: Any = stylizer._painter
    style = stylizer._styles.at()
    statistics = painter.paint(picture, style).statistics
    return lambda mask: painter.paint_where(picture, style, statistics, mask)


def _best(paint: Callable[[NDArray[np.bool_]], object], rounds: int, mask: NDArray[np.bool_]) -> float:
    paint(mask)  # compiles kernels
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        paint(mask)
        taken.append(time.process_time() - begun)
    return 1000 * min(taken)


def _streamed(stylizer: Stylizer, pictures: list[Pixels]) -> float:
    """CPU ms a frame, but for the first, of which all is painted anyway."""
    results = stylizer.frames(pictures)
    next(results)
    begun = time.process_time()
    count = sum(1 for _ in results)
    return 1000 * (time.process_time() - begun) / count


def _discs(height: int, width: int, side: int) -> NDArray[np.bool_]:
    """``side`` x ``side`` discs, evenly spread, that cover the share of a picture in all."""
    y, x = np.mgrid[:height, :width] / height
    step_y, step_x = 1 / side, width / height / side
    squared = _SHARE * step_y * step_x / np.pi
    distance = ((y % step_y) - step_y / 2) ** 2 + ((x % step_x) - step_x / 2) ** 2
    return np.asarray(distance < squared, np.bool_)


def _moving(ground: Pixels) -> Iterator[Pixels]:
    """``ground`` with an upright ellipse of its own upper left half moving over it, to the right."""
    height, width = ground.shape[:2]
    tall = round((2 * _WALKER * height * width) ** 0.5)
    mask = np.zeros((tall, tall // 2), np.uint8)
    cv2.ellipse(mask, (tall // 4, tall // 2), (tall // 4 - 1, tall // 2 - 1), 0, 0, 360, 1, -1)
    texture = ground[-tall:, : tall // 2][:, ::-1]
    top, step = (height - tall) // 2, _STEP * height / 360
    for number in range(_COUNT):
        left = width // 3 + round(number * step)
        frame = ground.copy()
        place = frame[top : top + tall, left : left + tall // 2]
        place[mask > 0] = texture[mask > 0]
        yield frame


def _ratio(value: float, whole: float, wanted: float) -> str:
    return f"{value:.1f}, {value / whole:.2f} {_word(value <= wanted * whole)}"


def _word(is_kept: bool) -> str:
    return "kept" if is_kept else "MISSED"
