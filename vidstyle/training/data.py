"""Batches of contents, styles and frame pairs, decoded in worker processes, from any step on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vidstyle.errors import InputError, OptionError, VidstyleError
from vidstyle.training.clips import Clips
from vidstyle.training.config import TrainOptions
from vidstyle.training.order import Places
from vidstyle.training.picture_folder import CONTENT, STYLE, Cut, Pictures, joined, listed, square
from vidstyle.training.shards import Shards, shard_files

# s from SIGTERM to the end of a worker: enough to finish a step, a preview sheet and a checkpoint
_GRACE = 60


@dataclass(frozen=True, slots=True, eq=False)
class TrainingBatch:
    """The data of one step on one device."""

    content: Tensor
    """(B, 3, H, W) in [0, 1]."""
    styles: tuple[Tensor, ...]
    """B pictures (1, 3, h, w) in [0, 1]."""
    frames: tuple[Tensor, Tensor] | None
    """Earlier and later frames of clips, (P, 3, H, W) in [0, 1] each."""
    skipped: tuple[str, ...] = ()
    """Files that could not be read."""
    keys: tuple[int | None, ...] = ()
    """Keys of the style pictures' cuts, or None; see ``TrainingSample.key``."""

    def to(self, device: torch.device) -> TrainingBatch:
        frames = None if self.frames is None else (self.frames[0].to(device), self.frames[1].to(device))
        styles = tuple(style.to(device) for style in self.styles)
        return TrainingBatch(self.content.to(device), styles, frames, self.skipped, self.keys)


# torchdata's StatefulDataLoader resumes only with the same number of workers, and reads a stream again from
# its start. Here the step determines the position.
class Data:
    """The data folders of a run; folders with ``*.tar`` files are read as shards."""

    def __init__(
        self, content: Path, style: Path, options: TrainOptions, *, rank: int = 0, ranks: int = 1
    ) -> None:
        """List the files. Raises ``InputError`` for folders without pictures, and ``OptionError``."""
        self._options = options
        self._rank, self._ranks = rank, ranks
        self._cuts = {
            CONTENT: Cut(options.crop),
            STYLE: Cut(max(options.style_sides), by_area=True, share=options.style_crop),
        }
        left_out = left_out_names(options.leave_out)
        self._folders = {CONTENT: content, STYLE: style}
        self._pictures = {
            salt: None
            if shard_files(folder)
            else Pictures(
                folder,
                self._cuts[salt],
                seed=options.seed,
                salt=salt,
                leave_out=left_out,
                cuts=options.style_cuts if salt == STYLE else 0,
            )
            for salt, folder in self._folders.items()
        }
        if left_out and None in self._pictures.values():
            raise OptionError("leave_out names files of folders; shards are written without what is kept out")
        if options.style_cuts and self._pictures[STYLE] is None:
            raise OptionError("style_cuts remembers pictures of folders; with shards of styles leave it at 0")
        self._clips = (
            None
            if options.clips is None
            else Clips(options.clips, self._cuts[CONTENT], interval=options.interval, seed=options.seed)
        )
        for salt in self._folders:
            if self._pictures[salt] is None:
                self._shards(salt, begun=0)  # raises before the first step if webdataset is missing

    def steps(self) -> int:
        """The number of steps of the run. Raises ``OptionError`` if it cannot be computed from epochs."""
        if self._options.steps is not None:
            return self._options.steps
        pictures = self._pictures[CONTENT]
        if pictures is None:
            raise OptionError("how many pictures shards hold is not known; give --steps instead of epochs")
        seen = self._options.epochs * len(pictures)
        return max(1, -(-round(seen) // (self._options.batch * self._ranks)))

    def summary(self) -> dict[str, object]:
        """Names and sizes of the folders, for checkpoints and exported weights."""
        record: dict[str, object] = {}
        for name, salt in (("content", CONTENT), ("style", STYLE)):
            pictures = self._pictures[salt]
            size = (
                {"shards": len(shard_files(self._folders[salt]))}
                if pictures is None
                else {"pictures": len(pictures)}
            )
            record[name] = {"folder": self._folders[salt].resolve().name, **size}
        if self._clips is not None and self._options.clips is not None:
            record["clips"] = {"folder": self._options.clips.resolve().name, "videos": len(self._clips.files)}
        return record

    def examples(self, salt: int, count: int, side: int) -> list[Tensor]:
        """The same ``count`` pictures (1, 3, side, side) in [0, 1] each time, evenly spaced in the folder."""
        pictures = self._pictures[salt]
        if pictures is None:
            cut = Cut(side)
            stream = iter(self._shards(salt, begun=0, cut=cut))
            return [next(stream).images[0] for _ in range(count)]
        examples: list[Tensor] = []
        total = len(pictures)
        count = min(count, total)
        for number in range(count):
            for file in pictures.files[number * total // count : (number + 1) * total // count]:
                try:
                    examples.append(square(file, side))
                    break
                except InputError:
                    continue  # unreadable files are counted during the run
        return examples

    def batches(self, begun: int) -> Iterator[TrainingBatch]:
        """An endless stream of batches from number ``begun`` on."""
        try:
            yield from self._loaded(begun)
        except Exception as error:
            # the traceback of a worker's error keeps the loaders alive: Python would wait for their workers
            raise _plain(error.with_traceback(None)) from None

    def _loaded(self, begun: int) -> Iterator[TrainingBatch]:
        options = self._options
        half = max(1, options.workers // 2) if options.workers else 0
        contents = iter(self._loader(CONTENT, begun, options.workers, joined))
        styles = iter(self._loader(STYLE, begun, half, listed))
        frames = None if self._clips is None else iter(self._clip_loader(begun, half))
        for (content, bad_contents), (pictures, keys, bad_styles) in zip(contents, styles, strict=True):
            pair, bad_clips = (None, ()) if frames is None else next(frames)
            skipped = bad_contents + bad_styles + bad_clips
            yield TrainingBatch(content[0], pictures, pair, skipped, keys)

    def _loader(
        self, salt: int, begun: int, workers: int, collate: Callable[[list[Any]], Any]
    ) -> DataLoader[Any]:
        pictures = self._pictures[salt]
        if pictures is not None:
            return self._dataset_loader(pictures, begun, self._options.batch, workers, collate)
        shards = self._shards(salt, begun=begun)
        count = shards.workers(workers)
        return DataLoader(
            shards,
            self._options.batch,
            num_workers=count,
            collate_fn=collate,
            worker_init_fn=_ignore_signals if count else None,
        )

    def _clip_loader(self, begun: int, workers: int) -> DataLoader[Any]:
        assert self._clips is not None
        return self._dataset_loader(self._clips, begun, self.pairs, workers, joined)

    @property
    def pairs(self) -> int:
        """Number of frame pairs in a step: half the batch, as both frames are painted."""
        return max(1, self._options.batch // 2)

    def _dataset_loader(
        self,
        samples: Dataset[Any],
        begun: int,
        batch: int,
        workers: int,
        collate: Callable[[list[Any]], Any],
    ) -> DataLoader[Any]:
        start = begun * batch * self._ranks + self._rank
        return DataLoader(
            samples,
            batch,
            sampler=Places(start, self._ranks),
            num_workers=workers,
            collate_fn=collate,
            worker_init_fn=_ignore_signals if workers else None,
        )

    def _shards(self, salt: int, *, begun: int, cut: Cut | None = None) -> Shards:
        return Shards(
            self._folders[salt],
            cut or self._cuts[salt],
            seed=self._options.seed,
            salt=salt,
            batch=self._options.batch,
            begun=begun,
            rank=self._rank,
            ranks=self._ranks,
        )


def left_out_names(file: Path | None) -> frozenset[str]:
    """The names that a ``leave_out`` file lists; raises ``OptionError`` if it cannot be read."""
    if file is None:
        return frozenset()
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise OptionError(f"leave_out: {file} cannot be read as a list of names: {error}") from None
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _plain(error: Exception) -> Exception:
    """``error``; a ``VidstyleError`` of a worker loses the traceback that torch adds to its message."""
    text = str(error)
    if isinstance(error, VidstyleError) and text.startswith("Caught "):
        return type(error)(text.rstrip().splitlines()[-1].partition(": ")[2])
    return error


def _ignore_signals(number: int) -> None:
    """Ignore signals in a worker: terminals signal every process of a run, and the main process stops it."""
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    # if a worker ended at once, the main process would fail before it has saved a checkpoint; if it never
    # ended, Python would wait forever at exit while loaders are alive
    delayed = hasattr(signal, "alarm")
    signal.signal(signal.SIGTERM, _end_after_grace if delayed else signal.SIG_DFL)
    torch.set_num_threads(1)


def _end_after_grace(number: int, frame: FrameType | None) -> None:
    """End this worker after ``_GRACE`` s."""
    signal.alarm(_GRACE)
