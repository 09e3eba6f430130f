"""A film of a flight around a scene."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import torch

from vidstyle.frames import Frame, VideoInfo
from vidstyle.points.cameras import path, shape_of
from vidstyle.points.cloud import Cloud, Floats
from vidstyle.points.rendering import on_device, render
from vidstyle.video.writing.target import OutputPlan
from vidstyle.video.writing.writer import Writer

RATE = 24  # frames a second


def write_orbit(
    cloud: Cloud,
    colors: Floats,
    plan: OutputPlan,
    *,
    seconds: float,
    size: int,
    up: str,
    is_inside: bool,
    device: torch.device,
    on_step: Callable[[str, int, int], None],
    on_complete: Callable[[], None],
) -> None:
    """Write a flight around ``cloud``, which is complete, in ``colors`` (N, 3); it ends where it began.

    ``on_complete`` is called before the film appears, which it does not if that raises.
    """
    count = max(2, round(seconds * RATE))
    shape = (size // 2 * 2, round(size * 16 / 9) // 2 * 2)
    cameras = path(
        shape_of(cloud.positions), count, shape, up=up, is_inside=is_inside, turns=1, is_closed=True
    )
    points = on_device(cloud, device)
    shown = torch.from_numpy(colors).to(device)
    background = torch.full((3,), 0.93, device=device)
    info = VideoInfo(plan.target, shape[1], shape[0], rate=Fraction(RATE), time_base=Fraction(1, RATE))
    with Writer(plan, like=info, on_complete=lambda _: on_complete()) as writer:
        for number, camera in enumerate(cameras):
            image = render(points, shown, camera, background).image
            pixels = (image * 255).round().to("cpu", torch.uint8).numpy()
            writer.write(Frame(pixels, Fraction(number, RATE), Fraction(1, RATE)))
            on_step("orbit", number + 1, count)
