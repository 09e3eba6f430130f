"""Pictures painted by an engine in tiles or regions: tensors in, tensors out."""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm
from typing import TypeVar

import torch
from torch import Tensor

from vidstyle.engines.base import Engine, EngineInfo, Painted, Statistics
from vidstyle.nn.resize import reduced
from vidstyle.rendering.regions import Region

S = TypeVar("S")
T = TypeVar("T", bound=Statistics)

STRIP = 2048  # px: side of the tiles that larger pictures are painted in
_COARSE_GRIDS, _LARGEST_GAIN = (128, 64, 32), 1.15  # px, and how much larger a window on them may be


def paint_image(engine: Engine[S, T], image: Tensor, style: S, statistics: T | None) -> Painted[T]:
    """Paint ``image`` (1, 3, H, W), in tiles if it is very large and the engine can paint parts.

    Without ``statistics``, those of a very large picture are computed from a reduced copy.
    """
    height, width = image.shape[-2:]
    if engine.info.receptive_field is None or height * width <= engine.info.largest:
        return engine.stylize(image, style, statistics)
    if statistics is None:
        scale = (engine.info.largest / (height * width)) ** 0.5
        small = reduced(image, round(height * scale), round(width * scale))
        statistics = engine.stylize(small, style).statistics
    tiles = [
        Region(top, left, min(top + STRIP, height), min(left + STRIP, width))
        for top in range(0, height, STRIP)
        for left in range(0, width, STRIP)
    ]
    return Painted(
        paint_regions(engine, image, tiles, style, statistics, halo=engine.info.receptive_field), statistics
    )


def paint_regions(
    engine: Engine[S, T],
    image: Tensor,
    regions: Sequence[Region],
    style: S,
    statistics: T | None,
    *,
    halo: int,
) -> Tensor:
    """Paint ``regions`` of ``image`` (1, 3, H, W), each with ``halo`` px of its surroundings; 0 elsewhere.

    The painted surroundings are kept where no other region lies.
    """
    info, frame = engine.info, (image.shape[-2], image.shape[-1])
    painted = torch.zeros_like(image)
    insides = []
    for region in regions:
        window = window_of(region, frame, info, halo)
        result = engine.stylize(image[(..., *window.slices)], style, statistics).image
        painted[(..., *window.slices)] = result
        insides.append((region, result[(..., *region.within(window).slices)]))
    for region, inside in insides:
        painted[(..., *region.slices)] = inside
    return painted


def window_of(region: Region, frame: tuple[int, int], info: EngineInfo, halo: int) -> Region:
    """What is painted for the sake of ``region`` of a ``frame`` (H, W): ``halo`` px more, where they are.

    Where it costs little, windows begin and end on a coarse grid, so that sizes come again: kernels are
    reused, and so is memory, in which blocks of ever new sizes would leave gaps.
    """
    window = region.grown(halo, frame, info.multiple, info.smallest, info.grid)
    for grid in _COARSE_GRIDS:
        coarse = region.grown(halo, frame, info.multiple, info.smallest, lcm(info.grid, grid))
        if coarse.area <= _LARGEST_GAIN * window.area:
            return coarse
    return window
