"""Pictures of a folder as an endless, reproducible stream of training samples."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vidstyle.errors import InputError, VidstyleError
from vidstyle.file_suffixes import READABLE_PICTURES
from vidstyle.frames import Pixels
from vidstyle.tensors import to_tensor
from vidstyle.training.order import random_at, shuffled_index
from vidstyle.video.stills import load_style

CONTENT, STYLE = 1, 2  # salts: content and style have independent random numbers
_TRIES = 100  # unreadable pictures in a row after which reading fails
_ZOOM = 1.6  # pictures are downsampled to at most this many times the crop before cropping


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSample:
    """One picture, or two frames of a clip, and the unreadable files that were skipped for it."""

    images: tuple[Tensor, ...]
    """(1, 3, H, W) in [0, 1] each."""
    skipped: tuple[str, ...] = ()
    key: int | None = None
    """Identifies the crop of the picture; None if it does not recur."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A random crop: a square of ``side`` px; if ``by_area``, a part with an area of ``side``² px."""

    side: int
    by_area: bool = False
    share: float = 1.0
    """If ``by_area``: the least share of the picture's sides that is kept."""

    def __call__(self, pixels: Pixels, random: np.random.Generator) -> Tensor:
        """Crop and flip ``pixels`` (H, W, 3) uint8 at random; returns (1, 3, h, w) in [0, 1]."""
        flipped = pixels[:, ::-1] if random.random() < 0.5 else pixels
        return self._part(flipped, random) if self.by_area else self._square(flipped, random)

    def _square(self, pixels: Pixels, random: np.random.Generator) -> Tensor:
        height, width = pixels.shape[:2]
        short = min(height, width)
        largest = min(_ZOOM * self.side, max(self.side, short))
        scale = random.uniform(self.side, largest) / short
        sized = _resized(pixels, max(self.side, round(height * scale)), max(self.side, round(width * scale)))
        top = int(random.integers(0, sized.shape[0] - self.side + 1))
        left = int(random.integers(0, sized.shape[1] - self.side + 1))
        return to_tensor(sized[top : top + self.side, left : left + self.side])

    def _part(self, pixels: Pixels, random: np.random.Generator) -> Tensor:
        share = random.uniform(self.share, 1.0)
        height, width = (max(1, round(length * share)) for length in pixels.shape[:2])
        top = int(random.integers(0, pixels.shape[0] - height + 1))
        left = int(random.integers(0, pixels.shape[1] - width + 1))
        scale = self.side / (height * width) ** 0.5
        size = (max(16, round(length * scale)) for length in (height, width))
        return to_tensor(_resized(pixels[top : top + height, left : left + width], *size))


class Pictures(Dataset[TrainingSample]):
    """The pictures below a folder; item ``place`` is drawn from the endless order of ``seed`` and ``salt``.

    A file that cannot be read is replaced by the next one, and listed in the sample. Files whose names are in
    ``leave_out`` are not used. With ``cuts`` above 0 each picture has that many different crops, which are
    used in turn, one an epoch.
    """

    def __init__(
        self,
        folder: Path,
        cut: Cut,
        *,
        seed: int,
        salt: int,
        leave_out: Collection[str] = (),
        cuts: int = 0,
    ) -> None:
        # without extensions: smaller copies of a picture are often of another format
        known = {_stem(name) for name in leave_out}
        self.files = [file for file in picture_files(folder) if _stem(file) not in known]
        if not self.files:
            raise InputError(f"all pictures of {folder} are left out; shorten the list or add pictures")
        self._folder, self._cut, self._seed, self._salt = folder, cut, seed, salt
        self._cuts = cuts

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, place: int) -> TrainingSample:
        skipped: list[str] = []
        tries = min(_TRIES, len(self.files))
        first = shuffled_index(place, len(self.files), self._seed, self._salt)
        for number in range(tries):
            index = (first + number) % len(self.files)
            file = self.files[index]
            try:
                pixels = load_style(file)
            except VidstyleError:
                skipped.append(file)
                continue
            key = index * self._cuts + place // len(self.files) % self._cuts if self._cuts else None
            random = random_at(place if key is None else key, self._seed, self._salt)
            return TrainingSample((self._cut(pixels, random),), tuple(skipped), key)
        raise InputError(
            f"{tries} pictures of {self._folder} in a row cannot be read, the last {skipped[-1]}; "
            "give a folder of JPEG, PNG or WebP pictures"
        )


def picture_files(folder: Path) -> list[str]:
    """All pictures below ``folder``, sorted; raises ``InputError`` if there are none."""
    files = below(folder, READABLE_PICTURES, "pictures")
    pictures = [file for file in files if not os.path.basename(file).startswith(".")]  # noqa: PTH119
    if not pictures:
        raise InputError(f"{folder} holds no pictures; give a folder with JPEG, PNG or WebP files in it")
    return pictures


def below(folder: Path, suffixes: tuple[str, ...], kind: str) -> list[str]:
    """Sorted files below ``folder`` that end in ``suffixes``; ``InputError`` if it is no folder."""
    if not folder.is_dir():
        raise InputError(f"no folder {folder}; give a folder of {kind}")
    return sorted(
        os.path.join(where, name)  # noqa: PTH118 - a Path for each of a million files costs seconds
        for where, _, names in os.walk(folder, followlinks=True)
        for name in names
        if name.lower().endswith(suffixes)
    )


def square(file: str, side: int) -> Tensor:
    """The centre crop of a picture, (1, 3, side, side) in [0, 1], for preview sheets."""
    pixels = load_style(file)
    height, width = pixels.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    return to_tensor(_resized(pixels[top : top + short, left : left + short], side, side))


def _resized(pixels: Pixels, height: int, width: int) -> Pixels:
    interpolation = cv2.INTER_AREA if height * width < pixels.shape[0] * pixels.shape[1] else cv2.INTER_LINEAR
    return np.asarray(
        cv2.resize(np.ascontiguousarray(pixels), (width, height), interpolation=interpolation), np.uint8
    )


def joined(samples: list[TrainingSample]) -> tuple[tuple[Tensor, ...], tuple[str, ...]]:
    """Collate samples of one size: (B, 3, H, W) for each of their images, and the skipped files."""
    images = zip(*(sample.images for sample in samples), strict=True)
    return tuple(torch.cat(parts) for parts in images), _skipped(samples)


def listed(
    samples: list[TrainingSample],
) -> tuple[tuple[Tensor, ...], tuple[int | None, ...], tuple[str, ...]]:
    """Collate samples of different sizes: their first images, keys, and the skipped files."""
    keys = tuple(sample.key for sample in samples)
    return tuple(sample.images[0] for sample in samples), keys, _skipped(samples)


def _skipped(samples: list[TrainingSample]) -> tuple[str, ...]:
    return tuple(file for sample in samples for file in sample.skipped)


def _stem(file: str) -> str:
    """The name of ``file`` without folders and extension; a Path for each of a million costs seconds."""
    return os.path.splitext(os.path.basename(file))[0]  # noqa: PTH119,PTH122
