"""Pictures that the small VGG is trained with and judged by."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

ROOT = Path(__file__).resolve().parents[1]
FINEST = 0.7  # a resident picture is made smaller to this at most


@dataclass(frozen=True)
class Split:
    """Pictures to train with, those that give the figures, and the named ones of benchmarks/held_out.txt."""

    training: list[Path]
    held_out: list[Path]
    contents: list[Path]
    styles: list[Path]

    @classmethod
    def of(cls, data: Path) -> Split:
        """The pictures in ``data``/content and /style; their endings do not matter."""
        paths = sorted(path for kind in ("content", "style") for path in (data / kind).iterdir())
        # benchmarks judge by these
        judged = {Path(line).stem for line in (ROOT / "benchmarks" / "held_out.txt").read_text().splitlines()}
        held_out = [path for path in paths if checksum(path) % 20 == 0]
        named = [path for path in paths if path.stem in judged]
        kinds = {kind: [path for path in named if path.parent.name == kind] for kind in ("content", "style")}
        left_out = {*held_out, *named}
        training = [path for path in paths if path not in left_out]
        return cls(training, held_out, kinds["content"], kinds["style"])


def checksum(path: Path) -> int:
    """The same for a picture and its smaller copy with another ending."""
    return zlib.crc32(f"{path.stem}.jpg".encode())


class Crops(Dataset[Tensor]):
    """Batches (B, 3, crop, crop) RGB in [0, 1]; batch n is the same whenever it is asked for."""

    def __init__(self, paths: list[Path], total: int, batch: int, crop: int) -> None:
        self.paths, self.total, self.batch, self.crop = paths, total, batch, crop

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, step: int) -> Tensor:
        random = np.random.default_rng(step)
        chosen = [self.paths[index] for index in random.integers(len(self.paths), size=self.batch)]
        return torch.stack([self._random_crop(read(path), random) for path in chosen])

    def _random_crop(self, pixels: np.ndarray, random: np.random.Generator) -> Tensor:
        least = 1.1 * self.crop
        shorter = random.uniform(least, max(least + 1, min(2.5 * self.crop, *pixels.shape[:2])))
        crop = cut(pixels, shorter, self.crop, random.random(), random.random())
        return crop.flip(2) if random.random() < 0.5 else crop

    def batches(self, step: int, workers: int) -> Iterator[Tensor]:
        """Batches from ``step`` on, read by ``workers`` processes (0: by this one)."""
        return iter(DataLoader(self, sampler=range(step, self.total), batch_size=None, num_workers=workers))


class Resident:
    """All pictures (small ones) on the device in eight bits; crops are made there, without waiting for it."""

    def __init__(self, paths: list[Path], batch: int, crop: int, device: torch.device) -> None:
        self.batch, self.crop, self.device = batch, crop, device
        pictures = [read(path) for path in paths]
        shorter = min(min(picture.shape[:2]) for picture in pictures)
        if shorter < crop:
            raise SystemExit(f"a picture of {shorter} px is smaller than the crops of {crop} px")
        self.most = min(shorter, round(crop / FINEST))
        sizes = np.array([picture.shape[:2] for picture in pictures])
        starts = np.cumsum([0, *(picture.size for picture in pictures)])
        self.pixels = torch.empty(int(starts[-1]), dtype=torch.uint8, device=device)
        for start, picture in zip(starts, pictures, strict=False):
            part = torch.from_numpy(picture.reshape(-1))
            self.pixels[int(start) : int(start) + len(part)] = part.to(device)
        self.starts = torch.from_numpy(starts[:-1]).to(device)
        self.sizes = torch.from_numpy(sizes).to(device)
        self.random = torch.Generator(device)

    def __call__(self, step: int) -> Tensor:
        """Batch ``step``: (B, 3, crop, crop) RGB in [0, 1]; one scale, half in other colours."""
        self.random.manual_seed(step)
        side = int(np.random.default_rng(step).integers(self.crop, self.most + 1))
        index = (self._uniform(self.batch, 1) * len(self.starts)).long().squeeze(1)
        sizes = self.sizes[index]
        corners = ((sizes - side + 1) * self._uniform(self.batch, 2)).long().minimum(sizes - side)
        along = torch.arange(side, device=self.device)
        across = torch.where(self._uniform(self.batch, 1) < 0.5, along, side - 1 - along) + corners[:, 1:]
        pixels = (corners[:, :1] + along)[:, :, None] * sizes[:, 1].view(-1, 1, 1) + across[:, None]
        places = 3 * pixels + self.starts[index].view(-1, 1, 1)
        colours = torch.arange(3, device=self.device).view(1, 3, 1, 1)
        image = self.pixels[places[:, None] + colours].float() / 255
        if side > self.crop:
            image = F.interpolate(image, (self.crop, self.crop), mode="bilinear", antialias=True)
        return self._coloured(image).contiguous(memory_format=torch.channels_last)

    def _coloured(self, image: Tensor) -> Tensor:
        """Other contrast, brightness and balance for half of the pictures; all in [0, 1]."""
        changed = (self._uniform(self.batch, 1, 1, 1) < 0.5).float()
        contrast = 1 + changed * (self._uniform(self.batch, 1, 1, 1) - 0.6) * 0.8  # 0.52 to 1.32
        balance = 1 + changed * (self._uniform(self.batch, 3, 1, 1) - 0.5) * 0.4
        offset = changed * (self._uniform(self.batch, 1, 1, 1) - 0.5) * 0.2
        return (((image - 0.5) * contrast + 0.5 + offset) * balance).clamp(0, 1)

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.random, device=self.device)


def held_out_crops(paths: list[Path]) -> Tensor:
    """(32, 3, 128, 128): the middles of 32 pictures whose shorter side is 256 px."""
    chosen = sorted(paths, key=checksum)[:32]
    return torch.stack([cut(read(path), 256, 128, 0.5, 0.5) for path in chosen])


def cut(pixels: np.ndarray, shorter: float, size: int, down: float, across: float) -> Tensor:
    """(3, size, size) of ``pixels`` as if resized to a ``shorter`` side; at these shares of the rest."""
    side = min(round(size * min(pixels.shape[:2]) / shorter), *pixels.shape[:2])
    top, left = int(down * (pixels.shape[0] - side)), int(across * (pixels.shape[1] - side))
    kind = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    crop = cv2.resize(pixels[top : top + side, left : left + side], (size, size), interpolation=kind)
    return torch.from_numpy(crop).permute(2, 0, 1).float() / 255


def read(path: Path) -> np.ndarray:
    """(H, W, 3) RGB in eight bits."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise SystemExit(f"{path} is no picture that OpenCV reads")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
