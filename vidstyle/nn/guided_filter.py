"""The guided filter (He et al. 2010): a picture as a local linear function of another, its guide."""

from __future__ import annotations

from itertools import combinations_with_replacement

import torch
import torch.nn.functional as F
from torch import Tensor

_PAIRS = tuple(combinations_with_replacement(range(3), 2))  # 00 01 02 11 12 22


def guided(picture: Tensor, guide: Tensor, *, radius: int, slack: float, cell: int = 1) -> Tensor:
    """``picture`` (B, C, H, W) as a·guide + b, a and b fitted around each place; in float32.

    Least squares in windows, with a penalty on a (He, Sun and Tang 2010, eq. 19 to 21). The coefficients are
    found on means over cells and enlarged (He and Sun 2015). A result depends on ``reach(radius, cell)`` px
    around it. Raises ``RuntimeError`` for sides that are no multiples of ``cell``.

    Args:
        picture: of any range.
        guide: (B, 3, H, W) in [0, 1]; both sides multiples of ``cell``.
        radius: of the windows, in cells.
        slack: variance of the guide (of intensity in [0, 1], squared) that counts as flat: there a is small.
        cell: px.
    """
    guide = guide.float()
    small, values = (
        F.avg_pool2d(part.float(), cell) if cell > 1 else part.float() for part in (guide, picture)
    )
    channels = values.shape[1]
    # about the middle of the range: squares of small numbers are exact
    small = small - 0.5
    products = torch.cat([small[:, [one]] * small[:, [other]] for one, other in _PAIRS], 1)
    crossed = (values[:, :, None] * small[:, None]).flatten(1, 2)  # (B, C·3, h, w)
    means = _boxed(torch.cat([small, values, products, crossed], 1), radius)
    mean, value, squares, cross = torch.split(means, [3, channels, len(_PAIRS), 3 * channels], 1)
    covariance = torch.unflatten(cross, 1, (channels, 3)) - value[:, :, None] * mean[:, None]
    variance = {
        pair: squares[:, place] - mean[:, pair[0]] * mean[:, pair[1]] + (slack if pair[0] == pair[1] else 0.0)
        for place, pair in enumerate(_PAIRS)
    }
    slope = _solved(variance, covariance)
    offset = value - (slope * mean[:, None]).sum(2)
    coefficients = _boxed(torch.cat([slope.flatten(1, 2), offset], 1), radius)
    if cell > 1:
        coefficients = F.interpolate(coefficients, scale_factor=float(cell), mode="bilinear")
    slope, offset = torch.split(coefficients, [3 * channels, channels], 1)
    result: Tensor = (torch.unflatten(slope, 1, (channels, 3)) * (guide - 0.5)[:, None]).sum(2)
    return result.add_(offset)


def smoothed(picture: Tensor, *, radius: int, slack: float, cell: int) -> Tensor:
    """``picture`` (B, C, H, W) without its faint detail: what varies by less than ``slack`` around a place.

    Each channel is filtered with itself as the guide, as in ``guided``: noise of compression and steps of
    gradients go, outlines and textures stay. In float32, returned in the dtype of ``picture``. Raises
    ``RuntimeError`` for sides that are no multiples of ``cell``.

    Args:
        picture: in [0, 1].
        radius: of the windows, in cells.
        slack: variance (of values in [0, 1], squared) that is halved.
        cell: px, 2 or more.
    """
    # about the middle of the range: squares of small numbers are exact
    values = picture.float().contiguous() - 0.5  # channels last takes twice the time
    means = _boxed(F.avg_pool2d(torch.cat([values, values.square()], 1), cell), radius)
    mean, square = means.chunk(2, 1)
    variance = (square - mean.square()).clamp_min(0.0)
    slope = variance / (variance + slack)
    coefficients = _boxed(torch.cat([slope, mean - slope * mean], 1), radius)
    slope, offset = F.interpolate(coefficients, scale_factor=float(cell), mode="bilinear").chunk(2, 1)
    return torch.addcmul(offset, slope, values).add_(0.5).to(picture.dtype)


def reach(radius: int, cell: int) -> int:
    """Px around a place that its result depends on."""
    return (2 * radius + (2 if cell > 1 else 0)) * cell


def _boxed(value: Tensor, radius: int) -> Tensor:
    """Means of ``value`` over squares of 2·radius + 1, of what lies in the picture."""
    # not by sums from the border: parts of a picture would differ from the whole by rounding
    for reach in ((radius, 0), (0, radius)):
        side = tuple(2 * each + 1 for each in reach)
        value = F.avg_pool2d(value, side, 1, reach, count_include_pad=False)
    return value


def _solved(matrix: dict[tuple[int, int], Tensor], right: Tensor) -> Tensor:
    """x of matrix·x = right for symmetric 3x3 matrices of positive eigenvalues, entries (B, h, w) by place.

    ``right`` and the result are (B, C, 3, h, w).
    """
    a, b, c, d, e, f = (matrix[pair] for pair in _PAIRS)
    adjoint = (d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b)
    determinant = a * adjoint[0] + b * adjoint[1] + c * adjoint[2]
    inverse = {pair: entry / determinant for pair, entry in zip(_PAIRS, adjoint, strict=True)}
    rows = []
    for row in range(3):
        entries = [inverse[min(row, column), max(row, column)] for column in range(3)]
        rows.append((torch.stack(entries, 1)[:, None] * right).sum(2))
    return torch.stack(rows, 2)
