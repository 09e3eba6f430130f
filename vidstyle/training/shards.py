"""Pictures of WebDataset shards (tar files) as an endless stream that can resume at any batch."""

from __future__ import annotations

import io
import logging
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from torch.utils.data import IterableDataset, get_worker_info

from vidstyle.errors import InputError
from vidstyle.file_suffixes import READABLE_PICTURES
from vidstyle.frames import Pixels
from vidstyle.optional_imports import require
from vidstyle.options import LARGEST_STYLE
from vidstyle.training.order import random_at
from vidstyle.training.picture_folder import Cut, TrainingSample

log = logging.getLogger(__name__)

_TRIES = 100  # unreadable pictures in a row after which reading fails


class Shards(IterableDataset[TrainingSample]):
    """The pictures of all ``*.tar`` of a folder, with the shards in a new order each epoch.

    Shards are distributed over devices and workers. Unreadable pictures are skipped, and listed in the
    sample.

    Args:
        folder: holds the shards.
        cut: crops each picture.
        seed: seed of the order and the crops.
        salt: distinguishes streams with the same seed.
        batch: number of samples that a loader takes from one worker at a time.
        begun: number of batches already read, after which the stream resumes with the same number of workers.
        rank: this device's number.
        ranks: number of devices.
    """

    def __init__(
        self,
        folder: Path,
        cut: Cut,
        *,
        seed: int,
        salt: int,
        batch: int,
        begun: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.files = shard_files(folder)
        self._reader = require("webdataset", "shards (.tar)", "need")
        self._folder, self._cut, self._seed, self._salt = folder, cut, seed, salt
        self._batch, self._begun = batch, begun
        self._rank, self._ranks = rank, ranks

    def workers(self, most: int) -> int:
        """Number of workers that can read, up to ``most``: each needs a shard."""
        return min(most, len(self.files) // self._ranks)

    def __iter__(self) -> Iterator[TrainingSample]:
        info = get_worker_info()
        count, number = (info.num_workers, info.id) if info is not None else (1, 0)
        # a loader takes batches from its workers in turn, starting with the first one also after a resume
        number = (self._begun + number) % count
        taken = self._batch * len(range(number, self._begun, count))
        stream = self._rank * count + number
        raw = self._endless(stream, self._ranks * count)
        for _ in range(taken):
            next(raw)
        return self._decoded(raw, stream, taken)

    def _decoded(self, raw: Iterator[tuple[str, bytes]], stream: int, place: int) -> Iterator[TrainingSample]:
        """One sample for each raw picture; a damaged one is replaced by the next readable one."""
        waiting: deque[tuple[str, bytes]] = deque()
        while True:
            skipped: list[str] = []
            number = 0
            while True:
                if number == len(waiting):
                    waiting.append(next(raw))
                name, data = waiting[number]
                try:
                    pixels = _pixels(data)
                    break
                except (OSError, SyntaxError, ValueError, EOFError) as error:
                    skipped.append(name)
                    number += 1
                    if number == _TRIES:
                        raise InputError(
                            f"{_TRIES} pictures of {self._folder} in a row cannot be read, the last {name}"
                        ) from error
            random = random_at(place * 1_000_003 + stream, self._seed, self._salt)
            yield TrainingSample((self._cut(pixels, random),), tuple(skipped))
            waiting.popleft()
            place += 1

    def _endless(self, stream: int, streams: int) -> Iterator[tuple[str, bytes]]:
        """Name and bytes of this stream's pictures, epoch after epoch."""
        files = self.files[stream::streams] or self.files
        epoch = 0
        while True:
            order = np.random.default_rng((self._seed, self._salt, epoch, 2)).permutation(len(files))
            has_pictures = False
            for sample in (sample for number in order for sample in self._shard_samples(files[number])):
                for extension, data in sample.items():
                    if f".{extension.rpartition('.')[2].lower()}" in READABLE_PICTURES:
                        has_pictures = True
                        yield f"{sample['__url__']}:{sample['__key__']}.{extension}", data
            if not has_pictures:
                raise InputError(f"the shards of {self._folder} hold no pictures (.jpg, .png, .webp)")
            epoch += 1

    def _shard_samples(self, file: str) -> Iterator[dict[str, Any]]:
        """The samples of a tar file: ``__key__``, ``__url__``, and extension to bytes."""
        iterators = self._reader.tariterators
        try:
            # opened here, as webdataset's own opener leaves files open
            with Path(file).open("rb") as stream:
                entries = iterators.tar_file_expander([{"url": file, "stream": stream}], handler=_skip)
                yield from iterators.group_by_keys(entries, handler=_skip)
        except OSError as error:
            _skip(error)


def shard_files(folder: Path) -> list[str]:
    """The ``*.tar`` of a folder, in order; may be none."""
    return sorted(str(path) for path in folder.glob("*.tar")) if folder.is_dir() else []


def _skip(error: Exception) -> bool:
    log.warning("skipped a damaged shard: %s", " ".join(str(error).split()))
    return True


def _pixels(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as image:
        image.draft(None, (LARGEST_STYLE, LARGEST_STYLE))
        upright = ImageOps.exif_transpose(image).convert("RGB")
        upright.thumbnail((LARGEST_STYLE, LARGEST_STYLE), Image.Resampling.LANCZOS)
        return np.asarray(upright)
