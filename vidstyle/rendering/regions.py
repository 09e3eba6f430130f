"""Rectangles of a frame that cover all that must be painted, at the least cost."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

import cv2
import numpy as np
from numpy.typing import NDArray

_CELL = 16  # px: side of the cells in which needs are collected
_MOST = 48  # rectangles, as their merging compares all pairs; with more the frame is painted whole


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle, in px: rows ``top`` to ``bottom`` and columns ``left`` to ``right``, ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    @property
    def area(self) -> int:
        """Px²."""
        return (self.bottom - self.top) * (self.right - self.left)

    def grown(
        self, halo: int, frame: tuple[int, int], multiple: int = 1, smallest: int = 1, grid: int = 1
    ) -> Region:
        """Larger by ``halo`` px within ``frame`` (H, W), starting at multiples, sides ``smallest`` up.

        It starts and ends at multiples of ``grid`` px, or at the frame's border.
        """
        top, bottom = _grown(self.top, self.bottom, halo, frame[0], multiple, smallest, grid)
        left, right = _grown(self.left, self.right, halo, frame[1], multiple, smallest, grid)
        return Region(top, left, bottom, right)

    def within(self, window: Region) -> Region:
        """The same rectangle, counted from the corner of ``window``."""
        return Region(
            self.top - window.top, self.left - window.left, self.bottom - window.top, self.right - window.left
        )

    def scaled(self, old: tuple[int, int], new: tuple[int, int], margin: int) -> Region:
        """This rectangle less ``margin`` px each side, scaled from a frame of ``old`` (H, W) to ``new``."""
        top, bottom = _scaled(self.top, self.bottom, old[0], new[0], margin)
        left, right = _scaled(self.left, self.right, old[1], new[1], margin)
        return Region(top, left, bottom, right)


def cover(
    mask: NDArray[np.bool_], frame: tuple[int, int], *, halo: int, margin: int = 0, call_cost: int = 5000
) -> list[Region] | None:
    """Rectangles of a ``frame`` (H, W) that cover all of ``mask``, or None if the whole frame costs less.

    Args:
        mask: (h, w) bool, of any size, stretched over the frame.
        frame: height and width in px.
        halo: px that are painted around each rectangle, and discarded.
        margin: px around what is needed that must be covered too.
        call_cost: px² that could be painted in the time that one more call costs by itself.
    """
    boxes = _islands(mask, frame, margin)
    if len(boxes) > _MOST:
        return None
    while len(boxes) > 1:
        joined = np.concatenate(
            [
                np.minimum(boxes[:, None, :2], boxes[None, :, :2]),
                np.maximum(boxes[:, None, 2:], boxes[None, :, 2:]),
            ],
            axis=2,
        )
        costs = _costs(boxes, frame, halo, call_cost)
        gains = costs[:, None] + costs[None] - _costs(joined, frame, halo, call_cost)
        np.fill_diagonal(gains, 0.0)
        first, second = np.unravel_index(int(gains.argmax()), gains.shape)
        if gains[first, second] <= 0:
            break
        kept = np.delete(boxes, [first, second], axis=0)
        boxes = np.concatenate([kept, joined[first, second][None]])
    if float(_costs(boxes, frame, halo, call_cost).sum()) >= frame[0] * frame[1] + call_cost:
        return None
    return [Region(*box) for box in boxes.tolist()]


def _costs(
    boxes: NDArray[np.int64], frame: tuple[int, int], halo: int, call_cost: int
) -> NDArray[np.float64]:
    """What painting each of ``boxes`` (..., 4: top, left, bottom, right) costs, in px²."""
    corners = np.maximum(boxes[..., :2] - halo, 0)
    sides = np.minimum(boxes[..., 2:] + halo, frame) - corners
    costs: NDArray[np.float64] = sides.prod(-1) + float(call_cost)
    return costs


def _islands(mask: NDArray[np.bool_], frame: tuple[int, int], margin: int) -> NDArray[np.int64]:
    """(n, 4) top, left, bottom, right, px, of each connected group of cells in which something is needed."""
    rows, columns = -(-frame[0] // _CELL), -(-frame[1] // _CELL)
    cells = np.zeros((rows, columns), np.uint8)
    y, x = np.nonzero(mask)
    vertical, horizontal = frame[0] / mask.shape[0], frame[1] / mask.shape[1]
    height, width = mask.shape
    for down in (0, 1):
        row = _cells_of(np.arange(height) + down, vertical, (2 * down - 1) * margin - down * 1e-3, rows)[y]
        for right in (0, 1):
            shift = (2 * right - 1) * margin - right * 1e-3
            cells[row, _cells_of(np.arange(width) + right, horizontal, shift, columns)[x]] = 1
    count, _, bounds, _ = cv2.connectedComponentsWithStats(cells, connectivity=8)
    corners = np.asarray(bounds[1:count, 1::-1], np.int64)  # the first is the background
    ends = corners + bounds[1:count, 3:1:-1]
    return np.concatenate([corners * _CELL, np.minimum(ends * _CELL, frame)], axis=1)


def _cells_of(places: NDArray[np.int64], scale: float, shift: float, cells: int) -> NDArray[np.int64]:
    """The cell, 0 to ``cells`` - 1, in which each of ``places`` (rows or columns of a mask) lies."""
    return ((places * scale + shift) // _CELL).clip(0, cells - 1).astype(np.int64)


def _grown(
    low: int, high: int, halo: int, size: int, multiple: int, smallest: int, grid: int
) -> tuple[int, int]:
    low, high = max(0, low - halo), min(size, high + halo)
    if high - low < smallest:
        high = min(size, low + smallest)
        low = max(0, high - smallest)
    step = lcm(multiple, grid)
    return low // step * step, min(size, -(-high // grid) * grid)


def _scaled(low: int, high: int, old: int, new: int, margin: int) -> tuple[int, int]:
    # no margin at the frame's border, beyond which there is nothing
    first = 0 if low == 0 else -(-(low + margin) * new // old)
    last = new if high == old else (high - margin) * new // old
    return first, max(first, last)
