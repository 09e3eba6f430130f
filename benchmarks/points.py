"""Times and consistency of painting a scene captured in 3D, with a sheet of it before and after.

The scene is a corner of a room: a floor and two walls with pictures on them, a ball and a box. Consistency is
the change along the true motion of a flight (% of the range): short-range one view apart, long-range twelve.

python3 benchmarks/points.py [--points N] [--style PICTURE] [--sheet FILE]
"""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter, process_time

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vidstyle.frames import Frame, Pixels
from vidstyle.options import PaintOptions
from vidstyle.points.cameras import path, shape_of
from vidstyle.points.cloud import Cloud, completed
from vidstyle.points.consistency import warping_error
from vidstyle.points.files import read_scene
from vidstyle.points.painting import paint_scene
from vidstyle.points.rendering import View, on_device, render
from vidstyle.points.settings import SceneOptions
from vidstyle.video.stills import load_style, save_image

_CONTENTS = Path(__file__).resolve().parent.parent / "vidstyle" / "assets" / "contents"
_WAYS = {
    "views, stylenet": (SceneOptions(), PaintOptions(engine="stylenet")),
    "views, wct-single-pass": (SceneOptions(), PaintOptions()),
    "points, wct": (SceneOptions(way="points"), PaintOptions()),
}
_MILLION, _WANTED = 1_000_000, {"views": 300, "points": 60}
"""Seconds of processors that a scene of so many points may take at most, by way, through 64 views."""
_SHOWN = (0.16, 0.4, 0.65, 0.88)  # of the flight

Floats = NDArray[np.float64]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=int, default=300_000, metavar="N", help="points of the scene")
    parser.add_argument("--style", default="waves", metavar="PICTURE", help="a picture, or a bundled name")
    parser.add_argument("--ways", default=";".join(_WAYS), metavar="A;B", help="which to measure")
    parser.add_argument("--views", type=int, default=64, metavar="N", help="views of the flight")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="write a picture: a row for each way")
    arguments = parser.parse_args()
    rows, verdicts = [], []
    print(
        "| way | s | CPU, s | peak memory, GB | short-range, % | long-range, % |\n|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "scene.npz"
        positions, colors = room(arguments.points)
        np.savez(source, positions=positions, colors=colors)
        views = flight(read_scene(source).cloud, arguments.views)
        print(f"| (unpainted) | - | - | - | {changes(views)} |", flush=True)
        rows.append(views)
        for way in _WAYS:
            if way in arguments.ways.split(";"):
                target = source.with_name("painted.npz")
                target.unlink(missing_ok=True)
                # a process of its own, so that the peak is that of this way
                with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                    seconds, used, memory = process.submit(
                        paint, way, source, target, arguments.style, arguments.views
                    ).result()
                views = flight(read_scene(target).cloud, arguments.views)
                print(f"| {way} | {seconds:.0f} | {used:.0f} | {memory:.1f} | {changes(views)} |", flush=True)
                verdicts.append((way, used, _WANTED[_WAYS[way][0].way]))
                rows.append(views)
    if arguments.sheet is not None:
        save_image(arguments.sheet, Frame(sheet(rows)))
    if arguments.points < _MILLION or arguments.views < SceneOptions().views:
        return 0
    for way, used, wanted in verdicts:
        verdict = "kept" if used <= wanted else "MISSED"
        print(f"{way}: {used:.0f} s of processors, at most {wanted} wanted: {verdict}")
    return int(any(used > wanted for _, used, wanted in verdicts))


def paint(way: str, source: Path, target: Path, style: str, views: int) -> tuple[float, float, float]:
    """Paint a scene; returns seconds, seconds of processors, and the peak of this process's memory (GB)."""
    import resource  # which Windows lacks

    scene, options = _WAYS[way]
    begun, used = perf_counter(), process_time()
    paint_scene(source, target, style=style, scene=replace(scene, views=views), paint=options)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return perf_counter() - begun, process_time() - used, memory


def room(count: int) -> tuple[NDArray[np.float32], Pixels]:
    """Positions (N, 3) and colours (N, 3) uint8 of about ``count`` points."""
    chance = np.random.default_rng(1)
    pictures = [load_style(file) for file in sorted(_CONTENTS.glob("*.jpg"))]
    parts: list[tuple[Floats, Pixels]] = []

    def wall(corner: Floats, across: Floats, up: Floats, share: float, number: int) -> None:
        right, rise = chance.random((2, round(count * share)))
        picture = pictures[number % len(pictures)]
        height, width = picture.shape[:2]
        place = corner + right[:, None] * across + rise[:, None] * up
        parts.append(
            (place, picture[((1 - rise) * (height - 1)).astype(int), (right * (width - 1)).astype(int)])
        )

    x, y, z = np.eye(3)
    corner = np.array([-2.0, 0.0, -2.0])
    wall(corner, 4 * x, 4 * z, 0.26, 0)
    wall(corner, 4 * x, 2.4 * y, 0.2, 1)
    wall(corner, 4 * z, 2.4 * y, 0.2, 2)
    box = np.array([-1.3, 0.01, -0.6])
    for across, up, out in ((x, y, z), (z, y, x), (x, z, y)):
        for side in (0.0, 1.0):
            wall(box + 0.9 * side * out, 0.9 * across, 0.9 * up, 0.028, 3)
    outward = chance.normal(size=(round(count * 0.17), 3))
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    picture = pictures[4 % len(pictures)]
    rows = ((1 - outward[:, 1]) / 2 * (picture.shape[0] - 1)).astype(int)
    columns = (
        (np.arctan2(outward[:, 0], outward[:, 2]) / (2 * np.pi) + 0.5) * (picture.shape[1] - 1)
    ).astype(int)
    parts.append((np.array([0.7, 0.72, 0.6]) + 0.7 * outward, picture[rows, columns]))
    positions = np.concatenate([part[0] for part in parts]).astype(np.float32)
    return positions, np.concatenate([part[1] for part in parts])


def flight(cloud: Cloud, count: int) -> list[View]:
    """Views of ``cloud`` on the path on which it is painted."""
    whole = completed(cloud)
    assert whole.colors is not None
    points, colors = on_device(whole, torch.device("cpu")), torch.from_numpy(whole.colors)
    cameras = path(shape_of(whole.positions), count, (432, 576))
    return [render(points, colors, camera, torch.full((3,), 0.93)) for camera in cameras]


def changes(views: list[View]) -> str:
    """Short- and long-range consistency, as two cells."""
    cameras = [view.camera for view in views]
    pictures, depths = [view.image for view in views], [view.depth for view in views]
    return " | ".join(f"{warping_error(pictures, cameras, depths, step=step):.2f}" for step in (1, 12))


def sheet(rows: list[list[View]]) -> Pixels:
    """A row of some views for each list."""
    shown = [
        np.concatenate([row[int(share * len(row))].image.numpy() for share in _SHOWN], axis=1) for row in rows
    ]
    whole = (np.concatenate(shown) * 255).round().astype(np.uint8)
    height, width = whole.shape[:2]
    size = (1600, round(1600 * height / width))
    return cv2.resize(whole, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


if __name__ == "__main__":
    raise SystemExit(main())
