"""Patches of style features for each place of a picture: matched, used about equally often, averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

_REACH = 1  # px around a place that its patch covers: 3x3
_SHARPNESS = 1 / 0.03  # of the soft assignment: cosines differ by some hundredths
_BALANCING = 30  # iterations; by then shares are met to a few per cent
_ROUNDS = 3  # of the search around the places that a coarser level has found
_NEAR = 2  # px: reach of the random search
_GAIN = 0.01  # of the cosine by which a place from elsewhere must be better, so that patches stay whole
_COMPONENTS = 16  # of the features that are compared; with more, paintings look the same
_CHUNK = 2048  # patches compared at a time with all of a style
_FAINT = 1e-3  # deviation below which a channel is as good as constant


class Places(NamedTuple):
    """For each place of a picture one of the style pictures, and a row and column there: (h, w) int64."""

    picture: Tensor
    row: Tensor
    column: Tensor

    def finer(self) -> Places:
        """The same at twice the size: each place becomes 2x2 that lie side by side."""
        picture, row, column = (
            part.repeat_interleave(2, 0).repeat_interleave(2, 1) * factor
            for part, factor in zip(self, (1, 2, 2), strict=True)
        )
        row[1::2] += 1
        column[:, 1::2] += 1
        return Places(picture, row, column)

    def where(self, condition: Tensor, other: Places) -> Places:
        """``other`` where ``condition`` (h, w) holds, else these."""
        return Places(*(torch.where(condition, new, old) for old, new in zip(self, other, strict=True)))

    def moved(self, down: Tensor | int, right: Tensor | int) -> Places:
        return Places(self.picture, self.row + down, self.column + right)

    def rolled(self, down: int, right: int) -> Places:
        """Each place's neighbour, ``down`` and ``right`` of it in the picture, and its place less that."""
        parts = (part.roll((down, right), (0, 1)) for part in self)
        return Places(*parts).moved(down, right)


@dataclass(frozen=True, slots=True)
class _Stack:
    """Feature maps of several sizes as one table of rows, one for each place and its rim."""

    rows: Tensor
    """(N, C), with a rim of reflected places around each map."""
    heights: Tensor
    widths: Tensor
    starts: Tensor
    """Of each map: its height, width and first row; (K,) int64."""

    @classmethod
    def of(cls, maps: Sequence[Tensor]) -> _Stack:
        """Of ``maps`` (1, C, h, w)."""
        rows = [_rimmed(each)[0].flatten(1).T for each in maps]
        lengths = torch.tensor([0, *(len(each) for each in rows)])
        sizes = torch.tensor([each.shape[-2:] for each in maps], device=maps[0].device)
        starts = lengths.cumsum(0)[:-1].to(sizes.device)
        return cls(torch.cat(rows).contiguous(), sizes[:, 0], sizes[:, 1], starts)

    def inside(self, places: Places) -> Places:
        """``places`` moved to the nearest ones that there are."""
        zero = torch.zeros_like(places.row)
        row = places.row.clamp(zero, (self.heights - 1)[places.picture])
        return Places(places.picture, row, places.column.clamp(zero, (self.widths - 1)[places.picture]))

    def at(self, places: Places, down: int = 0, right: int = 0) -> Tensor:
        """Features (h·w, C) at ``places``, moved by -1 to 1; a place on the rim is a reflected one."""
        width = self.widths[places.picture] + 2 * _REACH
        row, column = places.row + _REACH + down, places.column + _REACH + right
        return self.rows[(self.starts[places.picture] + row * width + column).flatten()]


class Matcher:
    """Compares the patches of a picture's features with those of style pictures, by cosine.

    Both are standardised by channel first, so that colours and contrast do not decide, and then projected on
    the principal components of the style.
    """

    def __init__(self, features: Tensor, styles: Sequence[Tensor]) -> None:
        """``features`` (1, C, h, w) of the picture, and of K style pictures (1, C, h', w')."""
        self._shape = features.shape[-2:]
        mean, deviation = _moments(styles)
        theirs = [_standardised(each, mean, deviation) for each in styles]
        components = _components(theirs)
        own = _projected(_standardised(features, *_moments([features])), components)
        theirs = [_projected(each, components) for each in theirs]
        self._own, self._theirs = own, theirs
        self._rimmed = _rimmed(own)[0].permute(1, 2, 0).contiguous()
        self._stack, self._raw = _Stack.of(theirs), _Stack.of(styles)
        self._scale = _patch_norm(own)[0, 0].reciprocal()
        self._scales = _Stack.of([_patch_norm(each).reciprocal() for each in theirs])

    def assigned(self, shares: Sequence[float]) -> Places:
        """The place of each patch, with each of a style used about equally often.

        ``shares`` are those of the style pictures, sum 1. The assignment is that of optimal transport with
        entropy (Sinkhorn's iterations, Cuturi 2013); of its plan each place takes its likeliest partner.
        """
        own, theirs = _patches(self._own), [_patches(each) for each in self._theirs]
        # a cosine of 1 becomes 1, all others less: nothing overflows
        plan = torch.cat([own @ each.T for each in theirs], 1).sub_(1).mul_(_SHARPNESS).exp_()
        parts = zip(theirs, shares, strict=True)
        wanted = torch.cat([each.new_full((len(each),), len(own) * part / len(each)) for each, part in parts])
        there = torch.ones_like(wanted)
        for _ in range(_BALANCING):
            here = (plan @ there).clamp_min_(1e-30).reciprocal_()
            there = wanted / (here @ plan).clamp_min_(1e-30)
        return self._places(plan.mul_(there).argmax(1))

    def nearest(self) -> Places:
        """The most similar patch for each place, however often it is used."""
        theirs = torch.cat([_patches(each) for each in self._theirs])
        chunks = torch.split(_patches(self._own), _CHUNK)
        return self._places(torch.cat([(chunk @ theirs.T).argmax(1) for chunk in chunks]))

    def refined(self, places: Places) -> Places:
        """The best of ``places``, those near and those of neighbours (PatchMatch, Barnes et al. 2009)."""
        random = torch.Generator().manual_seed(0)
        places = self._stack.inside(places)
        best = self._cosine(places)
        for _ in range(_ROUNDS):
            for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                places, best = self._better(places, best, places.rolled(down, right), 0.0)
            steps = torch.randint(-_NEAR, _NEAR + 1, (2, *best.shape), generator=random).to(best.device)
            places, best = self._better(places, best, places.moved(steps[0], steps[1]), _GAIN)
        return places

    def averaged(self, places: Places) -> Tensor:
        """Features (1, C, h, w) of the style: the mean of all patches that cover a place."""
        height, width = self._shape
        total = self._raw.rows.new_zeros(height * width, self._raw.rows.shape[1])
        around = [F.pad(part[None, None].double(), (1, 1, 1, 1), mode="replicate")[0, 0] for part in places]
        for down in range(3):
            for right in range(3):
                near = (part[down : down + height, right : right + width].long() for part in around)
                total += self._raw.at(self._raw.inside(Places(*near).moved(1 - down, 1 - right)))
        return (total / 9).T.reshape(1, -1, height, width)

    def _places(self, numbers: Tensor) -> Places:
        """The places of patches numbered by style picture, row and column."""
        counts = self._stack.heights * self._stack.widths
        ends = counts.cumsum(0)
        numbers = numbers.view(self._shape)
        picture = torch.bucketize(numbers, ends, right=True)
        place = numbers - (ends - counts)[picture]
        width = self._stack.widths[picture]
        return Places(picture, place // width, place % width)

    def _better(self, places: Places, best: Tensor, other: Places, gain: float) -> tuple[Places, Tensor]:
        other = self._stack.inside(other)
        found = self._cosine(other)
        is_better = found > best + gain
        return places.where(is_better, other), torch.where(is_better, found, best)

    def _cosine(self, places: Places) -> Tensor:
        """Of each patch of the picture and that at its place: (h, w)."""
        height, width = self._shape
        total = torch.zeros_like(self._scale)
        for down in range(3):
            for right in range(3):
                own = self._rimmed[down : down + height, right : right + width].flatten(0, 1)
                products = own * self._stack.at(places, down - 1, right - 1)
                total += products.sum(1).view(height, width)
        return total * self._scale * self._scales.at(places).view(height, width)


def _patches(features: Tensor) -> Tensor:
    """The 3x3 patches of ``features`` (1, C, h, w), each of length 1: (h·w, 9·C)."""
    return F.normalize(F.unfold(_rimmed(features), 3)[0].T, dim=1)


def _patch_norm(features: Tensor) -> Tensor:
    """Lengths (1, 1, h, w) of the 3x3 patches of ``features`` (1, C, h, w)."""
    squares = _rimmed(features).square().sum(1, keepdim=True)
    return (9 * F.avg_pool2d(squares, 3, 1)).sqrt().clamp_min(1e-6)


def _rimmed(features: Tensor) -> Tensor:
    return F.pad(features, (_REACH,) * 4, mode="reflect")


def _components(maps: Sequence[Tensor]) -> Tensor:
    """The first principal components (k, C) of standardised ``maps`` (1, C, h, w) together."""
    flat = torch.cat([each[0].flatten(1) for each in maps], 1)
    vectors: Tensor = torch.linalg.eigh(flat @ flat.T / flat.shape[1]).eigenvectors
    return vectors[:, -_COMPONENTS:].T


def _projected(features: Tensor, components: Tensor) -> Tensor:
    return torch.einsum("kc,bchw->bkhw", components, features)


def _moments(maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Means and deviations (1, C, 1) of the channels of ``maps`` (1, C, h, w) together."""
    flat = torch.cat([each.flatten(2) for each in maps], 2)
    return flat.mean(2, keepdim=True), flat.std(2, unbiased=False, keepdim=True)


def _standardised(features: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    return (features - mean[..., None]) / (deviation[..., None] + _FAINT)
