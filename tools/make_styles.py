"""Paints the bundled style pictures: procedural scenes from seeded random numbers, without source pictures.

    python3 tools/make_styles.py [FOLDER]

writes waves.jpg, lanterns.jpg, meadow.jpg, mosaic.jpg and ink.jpg (default: vidstyle/assets/styles).
Needs NumPy, OpenCV and Pillow, which are installed with vidstyle.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from brushes import (
    HEIGHT,
    Colors,
    branch,
    color,
    dabs,
    grid,
    mix,
    noise,
    painted,
    ramp,
    relief,
    spray,
    step,
)
from PIL import Image

_QUALITY = 80


def main() -> int:
    default = Path(__file__).resolve().parent.parent / "vidstyle" / "assets" / "styles"
    parser = argparse.ArgumentParser(prog="make_styles", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=default, help="where they go")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    scenes: dict[str, Callable[[], Colors]] = {
        "waves": waves,
        "lanterns": lanterns,
        "meadow": meadow,
        "mosaic": mosaic,
        "ink": ink,
    }
    for name, scene in scenes.items():
        pixels = np.rint(scene().clip(0, 1) * 255).astype(np.uint8)
        path = folder / f"{name}.jpg"
        Image.fromarray(pixels).save(path, quality=_QUALITY, subsampling=0, optimize=True)
        print(f"{path}: {path.stat().st_size // 1000} kB")
    return 0


def waves() -> Colors:
    """A swell of Prussian blue and foam under a pale, turning sky, in long curved strokes."""
    rng = np.random.default_rng(7)
    y, x = grid()
    turn = noise(rng, 260)
    angle = 1.9 * np.pi * turn
    scene = ramp(0.5 + 0.9 * turn + 0.25 * (y - 0.2), ["#f6dc8f", "#f0b54e", "#c9d3b0", "#4f93b3", "#f4e3b0"])
    moon = np.hypot(x - 1.02, y - 0.17)
    halo = np.exp(-((moon / 0.16) ** 2))
    scene = mix(scene, color("#fff4c2"), halo)
    scene = mix(scene, color("#e8963c"), step(0.075 - moon, 0.006))
    angle = np.where(moon < 0.3, np.arctan2(y - 0.17, x - 1.02) + np.pi / 2, angle)
    crest = np.zeros_like(x)
    for layer in range(7):
        depth = layer / 6
        base = 0.36 + 0.1 * layer
        sway = 0.05 + 0.035 * depth
        phase = rng.uniform(0, 6.28)
        swell = (
            base + sway * np.sin((5.2 - 2.2 * depth) * x + phase) + 0.35 * sway * np.sin(11 * x + 2 * phase)
        )
        swell = swell + 0.02 * noise(rng, 60)
        inside = step(y - swell, 0.004)
        below = (y - swell) / 0.17
        body = ramp(
            below + 0.35 * noise(rng, 45), ["#0d2b52", "#14487d", "#2b7fa8", "#8cc9c4", "#1c5a8c", "#0b2347"]
        )
        scene = mix(scene, body, inside)
        foam = np.exp(-(((below - 0.05) / 0.09) ** 2)) * step(
            noise(rng, 30) + 0.25 - 0.4 * depth * below, 0.2
        )
        scene = mix(scene, color("#f4efdc"), foam * inside)
        rim = np.exp(-((below / 0.025) ** 2))
        scene = mix(scene, color("#0a1c3b"), rim * 0.9)
        slope = np.arctan(np.gradient(swell, axis=1) * HEIGHT)
        curl = 1.1 * np.exp(-((below / 0.5) ** 2)) * noise(rng, 90) * 2
        angle = np.where(inside > 0.5, slope + curl, angle)
        crest = np.maximum(crest, foam * inside)
    canvas = painted(rng, scene, angle, (62, 38, 22), length=5.0, jitter=0.04, edge=0.45)
    return relief(spray(rng, canvas, crest, "#fbf6e4", 500), 0.5)


def lanterns() -> Colors:
    """Lamps of an avenue on a wet night, laid on with a palette knife: orange and gold on deep blue."""
    rng = np.random.default_rng(21)
    y, x = grid()
    scene = ramp(
        0.35 + 0.8 * noise(rng, 160) + 0.3 * y, ["#0b1033", "#152a6b", "#1b4f9c", "#3a1e63", "#0a0d26"]
    )
    glow = np.zeros_like(x)
    lamps = [(0.16, 0.30), (0.40, 0.42), (0.66, 0.46), (0.93, 0.42), (1.17, 0.28), (0.52, 0.20), (0.82, 0.22)]
    for across, down in lamps:
        distance = np.hypot(x - across, y - down)
        glow = np.maximum(glow, np.exp(-((distance / 0.085) ** 1.4)))
        mirrored = np.hypot((x - across) * 1.9, (y - (1.24 - down)) * 0.6)
        glow = np.maximum(
            glow, 0.85 * np.exp(-((mirrored / 0.1) ** 1.3)) * step(0.55 + 0.5 * noise(rng, 22), 0.3)
        )
    leaves = noise(rng, 28) + 0.6 * noise(rng, 12)
    crown = step(0.52 - y + 0.12 * noise(rng, 120), 0.05) * step(leaves - 0.05, 0.15)
    autumn = ramp(
        0.5 + leaves * 0.5 + 0.5 * noise(rng, 80),
        ["#7a1020", "#d2381c", "#f08a1d", "#f8c53a", "#2f8f6a", "#a12c5d"],
    )
    scene = mix(scene, autumn, crown * (0.35 + 0.65 * glow.clip(0, 1)))
    scene = mix(
        scene, ramp(glow, ["#5b1a1f", "#c8451b", "#f59a23", "#fde08a", "#fffbe6"]), step(glow - 0.16, 0.12)
    )
    for across in (0.08, 0.29, 1.04, 1.27):
        trunk = np.abs(x - across - 0.02 * np.sin(9 * y)) / (0.012 + 0.012 * y)
        scene = mix(scene, color("#0a0a1c"), step(1 - trunk, 0.25) * step(0.72 - y, 0.02))
    wet = step(y - 0.66, 0.02)
    angle = np.where(wet > 0.5, 0.0, np.pi / 2 + 1.3 * noise(rng, 100))
    angle = np.where(glow > 0.35, np.pi / 2 * (wet < 0.5) + 0.4 * noise(rng, 50), angle)
    canvas = painted(rng, scene, angle, (62, 40, 24), length=1.9, jitter=0.06, flat=True, edge=0.4)
    return relief(canvas, 0.6)


def meadow() -> Colors:
    """A field of poppies under summer clouds, in short dabs of broken colour."""
    rng = np.random.default_rng(3)
    y, x = grid()
    cloud = noise(rng, 190) + 0.5 * noise(rng, 80)
    scene = ramp(
        0.45 + 0.6 * cloud - 0.2 * y, ["#3f78bd", "#6fa3d8", "#a9cbe8", "#f1e6da", "#fbf0d9", "#b9c9e6"]
    )
    hills = 0.42 + 0.05 * np.sin(3.1 * x + 0.6) + 0.03 * noise(rng, 120)
    woods = ramp(0.5 + 0.7 * noise(rng, 40), ["#2d4a63", "#3c6e68", "#5c8a5a", "#7a6fa0", "#2c5a4c"])
    scene = mix(scene, woods, step(y - hills, 0.006))
    field = hills + 0.09 + 0.02 * noise(rng, 60)
    near = ((y - field) / (1 - field)).clip(0, 1)
    grass = ramp(
        0.5 + 0.6 * noise(rng, 30) + 0.35 * noise(rng, 140),
        ["#1f5a34", "#4c8a35", "#a9ad3a", "#e2c95c", "#2f7a55", "#86b04f"],
    )
    scene = mix(scene, grass, step(y - field, 0.01))
    angle = np.where(y > field, -np.pi / 2 + 0.9 * noise(rng, 60), 0.7 * noise(rng, 160))
    canvas = painted(rng, scene, angle, (46, 30, 20), length=2.4, jitter=0.06, edge=0.35)
    for flower, count, seed in (
        ("#d8352a", 260, 0),
        ("#f0694a", 120, 1),
        ("#f7f1e3", 70, 2),
        ("#6a54b0", 110, 3),
    ):
        drift = noise(np.random.default_rng(100 + seed), 110)
        canvas = dabs(rng, canvas, (near > 0.02) * step(drift + 0.05, 0.25), flower, count, near)
    return relief(canvas, 0.55)


def mosaic() -> Colors:
    """A rose of stained glass: jewel colours between dark leads, each piece alive with light."""
    rng = np.random.default_rng(12)
    y, x = grid()
    centre = (0.62, 0.46)
    radius, around = np.hypot(x - centre[0], y - centre[1]), np.arctan2(y - centre[1], x - centre[0])
    seeds = []
    for ring in range(1, 12):
        pieces = 5 + 5 * ring
        for piece in range(pieces):
            r = 0.088 * (ring + rng.uniform(-0.24, 0.24))
            a = 2 * np.pi * (piece + 0.5 * (ring % 2) + rng.uniform(-0.2, 0.2)) / pieces
            seeds.append((centre[0] + r * np.cos(a), centre[1] + r * np.sin(a)))
    places = np.array(
        [seed for seed in seeds if -0.05 < seed[0] < 1.39 and -0.05 < seed[1] < 1.05], np.float32
    )
    first = np.full_like(x, 9.0)
    second = np.full_like(x, 9.0)
    owner = np.zeros(x.shape, np.int32)
    for index, (across, down) in enumerate(places):
        distance = np.hypot(x - across, y - down)
        nearer = distance < first
        second = np.where(nearer, first, np.minimum(second, distance))
        first, owner = np.where(nearer, distance, first), np.where(nearer, index, owner)
    petals = 0.5 + 0.5 * np.cos(8 * np.arctan2(places[:, 1] - centre[1], places[:, 0] - centre[0]))
    out = np.hypot(places[:, 0] - centre[0], places[:, 1] - centre[1])
    value = (out * 1.5 + 0.28 * petals + rng.normal(0, 0.09, len(places))) % 1.0
    glass = ramp(
        value[None].astype(np.float32),
        ["#f9cf57", "#ee8a2e", "#d6402b", "#8e1538", "#2b2f8f", "#1b62b5", "#1a9fc4", "#e8f1e0", "#f9cf57"],
    )[0]
    light = (rng.normal(1.0, 0.16, (len(places), 1))).astype(np.float32)
    scene = (glass * light)[owner]
    streak = 0.16 * noise(rng, 16) + 0.14 * noise(rng, 48)
    scene = scene * (0.92 + streak[..., None]) + 0.18 * np.exp(-((radius / 0.35) ** 2))[..., None] * color(
        "#fff2c0"
    )
    gap = second - first
    scene = mix(scene, color("#0c0b10"), step(0.013 - gap, 0.003))
    shine = np.exp(-(((gap - 0.0175) / 0.0035) ** 2)) * (0.5 + 0.5 * np.cos(around - 2.2))
    return mix(scene, color("#fff8e0"), 0.45 * shine).astype(np.float32)


def ink() -> Colors:
    """Mountains in mist: black ink, wet and dry, on warm paper, and a red sun."""
    rng = np.random.default_rng(5)
    y, x = grid()
    fibre = 0.02 * noise(rng, 3) + 0.02 * noise(rng, 9) + 0.03 * noise(rng, 200)
    paper = color("#efe4cd") * (1 + fibre[..., None])
    dark = np.zeros_like(x)
    for layer in range(6):
        depth = layer / 5
        ridge = (
            0.26 + 0.12 * layer - (0.2 - 0.1 * depth) * np.abs(noise(rng, 170)) * 2 + 0.05 * noise(rng, 40)
        )
        ridge = ridge + 0.012 * noise(rng, 10)
        below = y - ridge
        wash = np.exp(-below / (0.05 + 0.08 * depth)) * step(below, 0.003) * (0.35 + 0.6 * depth)
        dry = step(noise(rng, 6) + 0.6 * noise(rng, 18) + 0.5 - 3.2 * below, 0.25)
        edge = np.exp(-((below / 0.006) ** 2)) * (0.4 + 0.6 * depth) * step(noise(rng, 35) + 0.25, 0.2)
        mist = step(below, 0.003) * 0.75
        dark = dark * (1 - mist)
        dark = np.maximum(dark, np.maximum(wash * (0.55 + 0.45 * dry), edge))
    sun = np.hypot(x - 0.98, y - 0.2)
    canvas = mix(
        paper, color("#c23b22"), 0.9 * step(0.085 - sun + 0.004 * noise(rng, 20), 0.004) * (1 - dark)
    )
    canvas = mix(canvas, color("#17161a"), (dark * (0.9 + 0.35 * noise(rng, 5))).clip(0, 0.97))
    mask = np.zeros(x.shape, np.float32)
    for _ in range(26):
        branch(
            rng,
            mask,
            rng.uniform(-0.05, 1.35) * HEIGHT,
            HEIGHT * 1.02,
            -np.pi / 2 + rng.normal(0, 0.25),
            rng.uniform(7, 15),
        )
    dry = step(noise(rng, 4) + 0.9, 0.5)
    return mix(canvas, color("#0e0d10"), cv2.GaussianBlur(mask, (0, 0), 0.8) * (0.6 + 0.4 * dry))


if __name__ == "__main__":
    sys.exit(main())
