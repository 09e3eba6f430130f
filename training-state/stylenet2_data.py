"""Pictures on the device, crops and colours of them, and the pool of finished paintings to learn from."""

from __future__ import annotations

import math
import random
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from stylenet2_losses import constant
from stylenet2_teachers import Small19, wct
from torch import Tensor

SHORTER, LONGER = 256, 384  # px: pictures are reduced to this shorter side, and cut at this longer one


class Pictures:
    """A folder of pictures as uint8 tensors (3, H, W) on a device."""

    def __init__(self, paths: list[Path], device: torch.device, workers: int = 8) -> None:
        with ThreadPoolExecutor(workers) as pool:
            read = [pixels for pixels in pool.map(_read, paths) if pixels is not None]
        if not read:
            raise SystemExit("no picture to learn from: see --data")
        self.all = [torch.from_numpy(pixels).to(device).permute(2, 0, 1).contiguous() for pixels in read]

    def crops(self, count: int, size: int, least: float, choice: random.Random) -> Tensor:
        """(count, 3, size, size) in [0, 1]: squares of random pictures, some enlarged.

        Half as they are; half from squares whose sides are a share from ``least`` to 1 of ``size``.
        """
        found = []
        for _ in range(count):
            picture = self.all[choice.randrange(len(self.all))]
            side = size if choice.random() < 0.5 else round(size * choice.uniform(least, 1.0))
            side = min(side, *picture.shape[1:])
            top, left = (choice.randint(0, length - side) for length in picture.shape[1:])
            crop = picture[None, :, top : top + side, left : left + side].float() / 255
            if side != size:
                crop = F.interpolate(crop, (size, size), mode="bicubic", align_corners=False).clamp(0, 1)
            found.append(crop)
        return torch.cat(found)

    def middles(self, count: int, size: int) -> Tensor:
        """(count, 3, size, size): the middles of pictures spread over all, the same every time."""
        found = []
        for number in range(count):
            picture = self.all[number * len(self.all) // count]
            top, left = (max(0, (length - size) // 2) for length in picture.shape[1:])
            crop = picture[None, :, top : top + size, left : left + size].float() / 255
            if crop.shape[2:] != (size, size):
                crop = F.interpolate(crop, (size, size), mode="bilinear")
            found.append(crop)
        return torch.cat(found)


class Pool:
    """Triples of content, style and WCT's painting as uint8; the oldest make room for new ones."""

    def __init__(self, places: int, size: int, device: torch.device) -> None:
        shape = (3, places, 3, size, size)
        self.all = torch.empty(shape, dtype=torch.uint8, device=device)
        self.places, self.filled, self.next = places, 0, 0

    def add(self, triples: Tensor) -> None:
        """Takes (3, B, 3, S, S) in [0, 1]."""
        count = triples.shape[1]
        if self.next + count > self.places:
            self.next = 0
        self.all[:, self.next : self.next + count] = (triples * 255).round().to(torch.uint8)
        self.next += count
        self.filled = max(self.filled, self.next)

    def draw(self, count: int) -> Tensor:
        """(3, count, 3, S, S) in [0, 1] of random triples, mirrored or not."""
        device = self.all.device
        chosen = self.all[:, torch.randint(self.filled, (count,), device=device)].float() / 255
        is_mirrored = torch.rand(1, count, 1, 1, 1, device=device) < 0.5
        return torch.where(is_mirrored, chosen.flip(4), chosen)


@torch.no_grad()
def painted_triples(
    net: Small19,
    contents: Pictures,
    styles: Pictures,
    count: int,
    size: int,
    alpha: float,
    choice: random.Random,
) -> Tensor:
    """(3, count, 3, size, size): contents, styles, paintings; in one of twenty the style is the content."""
    content = recoloured(contents.crops(count, size, 0.6, choice), 0.5)
    style = recoloured(styles.crops(count, size, 0.6, choice), 1.0)
    quarter = torch.rand(count, 1, 1, 1, device=style.device) < 0.15
    style = torch.where(quarter, style.transpose(2, 3), style)
    painting = wct(net, content, style, alpha)
    is_same = torch.rand(count, 1, 1, 1, device=style.device) < 0.05
    is_good = torch.isfinite(painting).all(3, keepdim=True).all(2, keepdim=True).all(1, keepdim=True)
    is_same = is_same | ~is_good
    style = torch.where(is_same, content, style)
    return torch.stack([content, style, torch.where(is_same, content, painting)])


def recoloured(image: Tensor, strength: float) -> Tensor:
    """``image`` (B, 3, H, W) with hue turned, colours stronger or fainter, contrast and light changed.

    Half of the hues stay; of the others a third are turned by any angle, times ``strength``.
    """
    batch, device = image.shape[0], image.device
    kind, uniform = torch.rand(batch, device=device), torch.rand(4, batch, device=device) * 2 - 1
    angle = torch.where(kind < 0.83, 0.4 * uniform[0], math.pi * uniform[0])
    angle = torch.where(kind < 0.5, 0.0, angle) * strength
    cosine, sine = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
    turn = constant((0.0, -1.0, 1.0, 1.0, 0.0, -1.0, -1.0, 1.0, 0.0), device).view(3, 3) / 3**0.5
    matrix = cosine * torch.eye(3, device=device) + sine * turn + (1 - cosine) / 3
    value = (matrix @ image.flatten(2)).view(image.shape)
    saturation, contrast, light = (uniform[number].view(-1, 1, 1, 1) * strength for number in (1, 2, 3))
    middle = value.mean(1, keepdim=True)
    value = middle + (value - middle) * (1 + 0.4 * saturation)
    middle = value.mean((1, 2, 3), keepdim=True)
    value = middle + (value - middle) * (1 + 0.25 * contrast) + 0.08 * light
    return value.clamp(0, 1)


def split(folder: Path, judged: set[str], one_in: int = 50) -> tuple[list[Path], list[Path]]:
    """The pictures of ``folder`` to learn from, and those left out: one in fifty, for sheets.

    Those ``judged`` by benchmarks are in neither.
    """
    stems = {Path(name).stem for name in judged}  # smaller copies are of another format
    paths = sorted(path for path in folder.iterdir() if path.is_file() and path.stem not in stems)
    left_out = [path for path in paths if zlib.crc32(path.name.encode()) % one_in == 0]
    return [path for path in paths if path not in set(left_out)], left_out or paths[:6]


def _read(path: Path) -> np.ndarray | None:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None or min(pixels.shape[:2]) < 32:
        return None
    height, width = pixels.shape[:2]
    scale = SHORTER / min(height, width)
    if scale != 1:
        sides = max(SHORTER, round(width * scale)), max(SHORTER, round(height * scale))
        pixels = cv2.resize(pixels, sides, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    top, left = (max(0, (length - LONGER) // 2) for length in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + LONGER, left : left + LONGER, ::-1])
