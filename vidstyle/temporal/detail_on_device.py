"""``temporal.detail.restored`` on any device: the same steps in 8 bits, as whole numbers in float32 planes.

Nothing is decided on the CPU. Where nothing is lost, all weights are 0.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.temporal import detail as lengths
from vidstyle.temporal.backends.torch_raster import TorchRaster
from vidstyle.tensors import Samples, full_scale

_RED, _GREEN, _BLUE, _BITS = 9798, 19235, 3735, 15  # OpenCV's luma of 8 bits


def restored(raster: TorchRaster, clip: Samples, painting: Samples, share: float) -> Samples:
    """``painting`` with ``share`` (0 to 1) of the details of ``clip`` that it lost; (H, W, 3) samples."""
    assert isinstance(clip, Tensor) and isinstance(painting, Tensor)  # as ``raster`` uploads them
    light, painted = _grey(clip), _grey(painting)
    size = (light.shape[0], light.shape[1])
    grid = lengths.grid_of(*size)
    scale = min(grid) / lengths.LINES
    small = _half_up(_blurred(_shrunk(raster, light, grid)))
    brighter, darker, salience = _details(raster, small, scale)
    missing = _missing(raster, (brighter, darker, salience, painted), scale)
    weight = _rounded(salience * _half_up(raster.resize(missing, *grid)) * (share / 255))
    is_lost = _half_up(raster.resize(weight, *size)) > lengths.LEAST

    def there(plane: Tensor) -> Tensor:
        return raster.resize(plane, *size)

    finer = there(salience) / 255 * (light - there(small))  # above the grid's resolution
    contrast = there(brighter) - there(darker) + finer
    toned = _toned(painting, painted, there(missing) * contrast * (share / 255))
    return torch.where(is_lost[..., None], toned, painting)


def _grey(samples: Tensor) -> Tensor:
    colors = samples.to(torch.int32)
    if full_scale(samples) != 255:
        colors = (samples.to(torch.float32) / 257).round().to(torch.int32)
    red, green, blue = colors.unbind(-1)
    luma = (red * _RED + green * _GREEN + blue * _BLUE + (1 << (_BITS - 1))) >> _BITS
    return luma.to(torch.float32)


def _details(raster: TorchRaster, light: Tensor, scale: float) -> tuple[Tensor, Tensor, Tensor]:
    """Levels above and below the surroundings, and salience; see ``detail.Details``."""
    brighter, darker, salience = (torch.zeros_like(light) for _ in range(3))
    low = span = light  # those of the figures, for ropes, too
    for place, (radius, times) in enumerate((lengths.FIGURES, lengths.ROPES)):
        reach = lengths.px(radius, scale)
        opened = _dilated(-_dilated(-light, reach, times), reach, times)
        closed = -_dilated(-_dilated(light, reach, times), reach, times)
        if place == 0:
            busy = _typical(raster, closed - opened, lengths.px(lengths.NEAR, scale))
            low = _rounded(lengths.BUSY * busy + lengths.FLOOR)
            span = _rounded((lengths.CLEAR - lengths.BUSY) * busy + lengths.RAMP)
        bright, dark = light - opened, closed - light
        for hat, other in ((bright, dark), (dark, bright)):
            lead = _rounded(hat - lengths.BESIDE * _box(other, times * reach).round())
            seen = _rounded((lead - low).clamp(min=0.0) * 255 / span)
            levels = _rounded(hat * seen / 255)
            if hat is bright:
                brighter = torch.maximum(brighter, levels)
            else:
                darker = torch.maximum(darker, levels)
            salience = torch.maximum(salience, seen)
    near = _box(salience, lengths.SPECK).round()
    gain = _rounded(lengths.STEEP * near - lengths.STEEP * lengths.FEW)
    brighter, darker, salience = (_rounded(each * gain / 255) for each in (brighter, darker, salience))
    return brighter, darker, salience


def _typical(raster: TorchRaster, texture: Tensor, near: int) -> Tensor:
    roots = (texture[::2, ::2].sqrt() * 15.9).round()
    part = _shrunk(raster, roots, lengths.part_of(texture.shape, 4))
    mean = _box(part, max(1, near // 4)) / 16
    return _half_up(raster.resize(_rounded(mean * mean), *texture.shape))


def _missing(raster: TorchRaster, planes: tuple[Tensor, ...], scale: float) -> Tensor:
    """Share (of 255) of each detail that is lost; see ``detail``."""
    half = lengths.part_of(planes[2].shape, 2)
    brighter, darker, salience, paint = (_shrunk(raster, plane, half) for plane in planes)
    relief = brighter - darker
    around, window = lengths.px(lengths.AROUND, scale / 2), lengths.px(lengths.WINDOW, scale / 2)
    free = 255.5 - salience  # excludes details from their own surroundings
    share = _box(paint * free, around) / _box(free, around)
    stroke = paint - _box(share, lengths.px(around, 0.5))
    both, ours, theirs = (
        _box(_box(product, window), window) for product in (relief * stroke, relief * relief, stroke * stroke)
    )
    strong = both / (lengths.ENOUGH * ours + 1.0)
    alike = both / ((ours * theirs).clamp(min=0.0).sqrt() + 1.0)
    alike = (alike - lengths.UNLIKE) / (lengths.LIKE - lengths.UNLIKE)
    lost = (1.0 - torch.minimum(strong, alike) - lengths.SLIGHT) / (lengths.SEVERE - lengths.SLIGHT)
    return (lost.clamp(0.0, 1.0) * 255).round()


def _toned(painting: Tensor, luma: Tensor, change: Tensor) -> Tensor:
    full = full_scale(painting)
    darker = (-change / luma.clamp(min=1.0)).clamp(0.0, lengths.ROOM)[..., None]
    lighter = (change / (255.0 - luma).clamp(min=1.0)).clamp(0.0, lengths.ROOM)[..., None]
    color = painting.to(torch.float32)
    return (color * (1.0 - darker) + (full - color) * lighter).round().to(painting.dtype)


def _shrunk(raster: TorchRaster, plane: Tensor, size: tuple[int, int]) -> Tensor:
    small = raster.resize(plane, *size)
    is_half = plane.shape == (2 * size[0], 2 * size[1])
    return _half_up(small) if is_half else small.round()


def _half_up(plane: Tensor) -> Tensor:
    return (plane + 0.5).floor()  # OpenCV rounds so where it computes with whole numbers; else halves to even


def _rounded(plane: Tensor) -> Tensor:
    """As 8 bits hold it."""
    return plane.round().clamp(0.0, 255.0)


def _blurred(plane: Tensor) -> Tensor:
    """After a binomial filter of 3x3."""
    wide = _padded(plane, 1)
    lines = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
    return (lines[:-2] + 2 * lines[1:-1] + lines[2:]) / 16


def _box(plane: Tensor, reach: int) -> Tensor:
    """The mean over ``2 * reach + 1`` px each way."""
    side = 2 * reach + 1
    wide = _padded(plane, reach)[None, None]
    lines = F.avg_pool2d(wide, (1, side), stride=1)
    return F.avg_pool2d(lines, (side, 1), stride=1)[0, 0]


def _padded(plane: Tensor, reach: int) -> Tensor:
    return F.pad(plane[None, None], (reach,) * 4, mode="replicate")[0, 0]


def _dilated(plane: Tensor, radius: int, times: int) -> Tensor:
    """Dilated ``times`` by OpenCV's disc, of which each row is a run around its middle."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    runs = [int(np.count_nonzero(row)) for row in disc]
    height = plane.shape[0]
    for _ in range(times):
        wide = F.pad(plane[None, None], (0, 0, radius, radius), value=-torch.inf)
        rows = [
            F.max_pool2d(wide[:, :, down : down + height], (1, run), stride=1, padding=(0, run // 2))
            for down, run in enumerate(runs)
        ]
        plane = torch.stack(rows).amax(0)[0, 0]
    return plane
