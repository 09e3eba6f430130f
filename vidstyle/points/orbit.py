"""A film of a flight around a scene."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import torch

from vidstyle.frames import Frame, VideoInfo
from vidstyle.options import WriteOptions
from vidstyle.points.cameras import path, shape_of
from vidstyle.points.cloud import Cloud, Floats
from vidstyle.points.rendering import on_device, render
from vidstyle.video.writing.target import check_target
from vidstyle.video.writing.writer import Writer

RATE = 24  # frames a second


def write_orbit(
    cloud: Cloud,
    colors: Floats,
    target: Path,
    *,
    seconds: float,
    size: int,
    up: str,
    is_inside: bool,
    device: torch.device,
    overwrite: bool,
    on_step: Callable[[str, int, int], None],
) -> None:
    """Write a flight around ``cloud``, which is complete, in ``colors`` (N, 3); it ends where it began."""
    plan = check_target(target, WriteOptions(overwrite=overwrite))
    count = max(2, round(seconds * RATE))
    shape = (size // 2 * 2, round(size * 16 / 9) // 2 * 2)
    cameras = path(
        shape_of(cloud.positions), count, shape, up=up, is_inside=is_inside, turns=1, is_closed=True
    )
    points = on_device(cloud, device)
    shown = torch.from_numpy(colors).to(device)
    background = torch.full((3,), 0.93, device=device)
    info = VideoInfo(target, shape[1], shape[0], rate=Fraction(RATE), time_base=Fraction(1, RATE))
    with Writer(plan, like=info) as writer:
        for number, camera in enumerate(cameras):
            image = render(points, shown, camera, background).image
            pixels = (image * 255).round().to("cpu", torch.uint8).numpy()
            writer.write(Frame(pixels, Fraction(number, RATE), Fraction(1, RATE)))
            on_step("orbit", number + 1, count)
