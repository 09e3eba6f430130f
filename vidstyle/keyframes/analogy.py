"""Places in a keyframe that look like the uncovered parts of a frame, found by PatchMatch."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.keyframes.coordinates import Coordinates, Mask, pixel_grid
from vidstyle.keyframes.descriptors import Describer, Descriptors
from vidstyle.nn.small_vgg import SmallVGG

Places = NDArray[np.int32]
"""x and y in the keyframe (2, N)."""

_SCALES = (8, 4, 2, 1)  # coarse to fine; all places are compared at the first
_CHUNK = 512  # pixels compared at a time with all places of the keyframe
_POSITION = 0.6  # weight of the distance over the picture's long side: of similar places the near one
_STEPS = (4, 1)  # px from which neighbours' places are taken over
_RADII = (8, 3, 1)  # px of the random search around the best place
_PATCH = ((0, 0), (-2, -2), (-2, 2), (2, -2), (2, 2))  # px: where a patch is compared, y first
_GAIN = 0.97  # of the distance: a place from elsewhere must be closer by this, so that patches stay whole
_FINEST_AGREED = 2  # the finest scale at which neighbours agree
_ROUNDS = 3  # of agreeing
_APART = 0.4  # of a pixel's usual distance: what a neighbour costs whose offset differs
_SAME = 2.0  # px: offsets that differ by less are of one piece
_VOTERS = 3  # px: pixels this near vote on a pixel's place


class Analogy:
    """Fills coordinates into one keyframe by analogy: what looks like this there was painted like that."""

    def __init__(self, network: SmallVGG, source: NDArray[np.uint8]) -> None:
        """``source`` (h, w, 3) uint8 is the keyframe before it was painted."""
        self._describer = Describer(network, source)
        self._source = self._describer(source, _SCALES)

    def filled(self, picture: NDArray[np.uint8], known: Coordinates, unknown: Mask) -> Coordinates:
        """``known`` with the places of ``unknown`` pixels of the frame ``picture`` chosen by analogy.

        The keyframe's size; the same arguments give the same result.
        """
        described = self._describer(picture, _SCALES)
        random = np.random.default_rng(0)
        x, y = known.x, known.y
        search: _Search | None = None
        for scale, source, target in zip(_SCALES, self._source, described, strict=True):
            rows, columns = target.shape[:2]
            mask = unknown
            if scale > 1:
                # a coarse pixel is searched for if any part of it is unknown
                whole = cv2.copyMakeBorder(unknown.astype(np.uint8), 0, scale, 0, scale, cv2.BORDER_CONSTANT)
                whole = cv2.dilate(whole, np.ones((scale, scale), np.uint8), anchor=(0, 0))
                mask = whole[: rows * scale : scale, : columns * scale : scale] > 0
            if search is None:
                start = [_reduced(offset, columns, rows) / np.float32(scale) for offset in (x, y)]
                search = _Search(source, target, mask, *start)
                search.compare_all()
                search.agree()
            else:
                before = search.offsets()
                start = [_enlarged(each, columns, rows) for each in before]
                own = [_reduced(offset, columns, rows) / np.float32(scale) for offset in (x, y)]
                start = [np.where(mask, found, kept) for found, kept in zip(start, own, strict=True)]
                search = _Search(source, target, mask, *start)
                search.refine(random)
                if scale >= _FINEST_AGREED:
                    search.agree()
        assert search is not None  # there are scales
        found_x, found_y = search.voted()
        return Coordinates(
            np.where(unknown, found_x, x).astype(np.float32),
            np.where(unknown, found_y, y).astype(np.float32),
            known.is_filled | unknown,
        )


@dataclass(slots=True)
class _Best:
    places: Places
    distance: NDArray[np.float32]


class _Search:
    """The search at one scale, for the pixels of a mask."""

    def __init__(
        self,
        source: Descriptors,
        target: Descriptors,
        mask: Mask,
        offset_x: NDArray[np.float32],
        offset_y: NDArray[np.float32],
    ) -> None:
        self._source, self._target, self._mask = source, target, mask
        height, width = mask.shape
        self._rows, self._columns = np.nonzero(mask)
        self._last = np.array([[width - 1], [height - 1]], np.int32)
        self._position = np.float32(_POSITION / max(height, width))
        grid = pixel_grid(height, width)
        self._known_x, self._known_y = offset_x, offset_y
        places = np.stack([(grid[0] + offset_x)[mask], (grid[1] + offset_y)[mask]])
        self._best = _Best(self._inside(places), np.zeros(0, np.float32))
        self._best.distance = self._distance(self._best.places)

    def compare_all(self) -> None:
        """Compare every pixel with every place of the keyframe."""
        height, width = self._mask.shape
        x, y = (each.ravel() * self._position for each in pixel_grid(height, width))
        there = np.column_stack([self._source.reshape(height * width, -1), x, y])
        squares = (there**2).sum(1)
        for begin in range(0, len(self._rows), _CHUNK):
            rows, columns = self._rows[begin : begin + _CHUNK], self._columns[begin : begin + _CHUNK]
            here = np.column_stack(
                [self._target[rows, columns], columns * self._position, rows * self._position]
            )
            nearest = (squares - 2 * here @ there.T).argmin(1)
            self._best.places[:, begin : begin + _CHUNK] = np.stack([nearest % width, nearest // width])
        self._best.distance = self._distance(self._best.places)

    def refine(self, random: np.random.Generator) -> None:
        """Take over neighbours' places where they fit better, then search around each."""
        for step in _STEPS:
            for down, right in ((0, step), (0, -step), (step, 0), (-step, 0)):
                self._propagate(down, right)
        for radius in _RADII:
            moves = random.integers(-radius, radius + 1, self._best.places.shape, np.int32)
            self._offer(self._inside(self._best.places + moves), _GAIN)

    def agree(self) -> None:
        """Choose among the places of neighbours, at a cost for each neighbour of another piece.

        Iterated conditional modes (Besag 1986) of a Potts model: of places that look much alike those are
        taken that make large pieces with smooth borders, with what was carried, too.
        """
        cost = np.float32(_APART * float(np.median(self._best.distance))) if len(self._rows) else 0.0
        for _ in range(_ROUNDS):
            x, y = (np.pad(each, 1, mode="edge") for each in self.offsets())
            near = [
                (x[self._rows + down, self._columns + right], y[self._rows + down, self._columns + right])
                for down in range(3)
                for right in range(3)
            ]
            lowest = np.full(len(self._rows), np.inf, np.float32)
            places, distances = self._best.places.copy(), self._best.distance.copy()
            for own_x, own_y in near:
                chosen = self._inside(np.stack([self._columns + own_x, self._rows + own_y]))
                distance = self._distance(chosen)
                differ = sum(
                    (np.maximum(np.abs(other_x - own_x), np.abs(other_y - own_y)) > _SAME).astype(np.float32)
                    for other_x, other_y in near
                )
                energy = distance + cost * differ
                is_better = energy < lowest
                lowest = np.where(is_better, energy, lowest)
                places = np.where(is_better, chosen, places)
                distances = np.where(is_better, distance, distances)
            self._best = _Best(places, distances)

    def offsets(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The places found, and elsewhere the known ones, relative to each pixel; x and y (h, w)."""
        x, y = self._known_x.copy(), self._known_y.copy()
        x[self._mask] = self._best.places[0] - self._columns
        y[self._mask] = self._best.places[1] - self._rows
        return x, y

    def voted(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """``offsets``, each that of the best patch which covers the pixel: whole pieces of strokes."""
        x, y = self.offsets()
        distance = np.full(self._mask.shape, np.inf, np.float32)
        distance[self._mask] = self._best.distance
        height, width = self._mask.shape
        around = _VOTERS
        lowest = distance.copy()
        best_x, best_y = x.copy(), y.copy()
        padded = [np.pad(each, around, mode="edge") for each in (distance, x, y)]
        for down in range(2 * around + 1):
            for right in range(2 * around + 1):
                near = [each[down : down + height, right : right + width] for each in padded]
                is_better = near[0] < lowest
                lowest = np.where(is_better, near[0], lowest)
                best_x, best_y = np.where(is_better, near[1], best_x), np.where(is_better, near[2], best_y)
        grid = pixel_grid(height, width)
        # a voter's place may lead this pixel outside of the keyframe
        best_x = np.clip(grid[0] + best_x, 0, width - 1) - grid[0]
        best_y = np.clip(grid[1] + best_y, 0, height - 1) - grid[1]
        return best_x, best_y

    def _propagate(self, down: int, right: int) -> None:
        height, width = self._mask.shape
        rows = np.clip(self._rows + down, 0, height - 1)
        columns = np.clip(self._columns + right, 0, width - 1)
        x, y = self.offsets()
        places = np.stack([self._columns + x[rows, columns], self._rows + y[rows, columns]])
        self._offer(self._inside(places), 1.0)

    def _offer(self, places: Places, gain: float) -> None:
        distance = self._distance(places)
        is_better = distance < gain * self._best.distance
        self._best.places = np.where(is_better, places, self._best.places)
        self._best.distance = np.where(is_better, distance, self._best.distance)

    def _distance(self, places: Places) -> NDArray[np.float32]:
        """Of each pixel's patch to that at its place; nearness counts a little."""
        height, width = self._mask.shape
        total = np.zeros(len(self._rows), np.float32)
        for down, right in _PATCH:
            here = (
                np.clip(self._rows + down, 0, height - 1),
                np.clip(self._columns + right, 0, width - 1),
            )
            there = np.clip(places[1] + down, 0, height - 1), np.clip(places[0] + right, 0, width - 1)
            apart = self._target[here] - self._source[there]
            total += np.einsum("nc,nc->n", apart, apart)
        away = (places[0] - self._columns) ** 2 + (places[1] - self._rows) ** 2
        total = total / np.float32(len(_PATCH)) + away.astype(np.float32) * self._position**2
        return np.asarray(total, np.float32)

    def _inside(self, places: NDArray[np.float32] | Places) -> Places:
        return np.clip(np.rint(places).astype(np.int32), 0, self._last)


def _reduced(offset: NDArray[np.float32], columns: int, rows: int) -> NDArray[np.float32]:
    if offset.shape == (rows, columns):
        return offset
    return np.asarray(cv2.resize(offset, (columns, rows), interpolation=cv2.INTER_NEAREST), np.float32)


def _enlarged(offset: NDArray[np.float32], columns: int, rows: int) -> NDArray[np.float32]:
    """Offsets of the next coarser scale, for a picture of (rows, columns), about twice as large."""
    return 2 * np.asarray(cv2.resize(offset, (columns, rows), interpolation=cv2.INTER_NEAREST), np.float32)
