"""Pairs of frames of clips, with the same crop, as an endless, reproducible stream of training samples."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from vidstyle.errors import InputError, VidstyleError
from vidstyle.file_suffixes import CLIPS
from vidstyle.frames import Pixels, eight_bits
from vidstyle.options import ReadOptions
from vidstyle.training.order import random_at, shuffled_index
from vidstyle.training.picture_folder import Cut, TrainingSample, below
from vidstyle.video.reading.probe import probe
from vidstyle.video.reading.reader import open_reader

_SALT = 3
_TRIES = 20  # unreadable clips in a row after which reading fails


class Clips(Dataset[TrainingSample]):
    """Pairs (earlier, later) of frames, ``interval`` frames apart, of the videos below a folder.

    A clip that cannot be read or is too short is replaced by the next one, and listed in the sample.
    """

    def __init__(self, folder: Path, cut: Cut, *, interval: int, seed: int) -> None:
        self.files = clip_files(folder)
        self._folder, self._cut, self._interval, self._seed = folder, cut, interval, seed

    def __getitem__(self, place: int) -> TrainingSample:
        skipped: list[str] = []
        first = shuffled_index(place, len(self.files), self._seed, _SALT)
        for number in range(min(_TRIES, len(self.files))):
            file = self.files[(first + number) % len(self.files)]
            try:
                earlier, later = self._frames(Path(file), random_at(place, self._seed, _SALT))
            except VidstyleError:
                skipped.append(file)
                continue
            # the same random numbers for both: the same crop and flip
            cuts = (self._cut(frame, random_at(place, self._seed, _SALT + 1)) for frame in (earlier, later))
            return TrainingSample(tuple(cuts), tuple(skipped))
        raise InputError(
            f"{len(skipped)} clips of {self._folder} in a row cannot be read, the last {skipped[-1]}"
        )

    def _frames(self, file: Path, random: np.random.Generator) -> tuple[Pixels, Pixels]:
        info = probe(file)
        step = 1 / info.rate if info.rate else Fraction(1, 25)
        room = max(Fraction(0), (info.duration or Fraction(0)) - (self._interval + 2) * step)
        start = room * Fraction(int(random.integers(0, 1_000_001)), 1_000_000)
        options = ReadOptions(start=start, frames=self._interval + 1)
        with open_reader(file, options) as reader:
            frames = [frame.pixels for frame in reader]
        if len(frames) <= self._interval:
            raise InputError(f"{file} has fewer than {self._interval + 1} frames")
        return eight_bits(frames[0]), eight_bits(frames[-1])


def clip_files(folder: Path) -> list[str]:
    """All videos below ``folder``, in order; ``InputError`` if there are none."""
    files = below(folder, CLIPS, "videos")
    if not files:
        raise InputError(f"{folder} holds no videos; give a folder with MP4, MOV, MKV or WebM files in it")
    return files
