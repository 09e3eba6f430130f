"""Small whole files of many kinds, and what can happen to their bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from clips import Sound, ramp_alpha, shapes, write_clip
from pictures import wide_profile, write_tiff
from PIL import Image

_SIZE = (64, 48)  # px, width and height


def write_seeds(folder: Path) -> list[Path]:
    """One whole file of each kind: clips with sound, animations, pictures."""
    pictures = shapes(8, *_SIZE)
    still = Image.fromarray(pictures[0])
    others = [Image.fromarray(picture) for picture in pictures[1:]]
    clips: dict[str, dict[str, Any]] = {
        "a.mp4": {"sounds": [Sound()], "subtitles": [("eng", "one")], "chapters": [(0.0, 0.2, "first")]},
        "a.mkv": {"sounds": [Sound()], "subtitles": [("eng", "one")], "metadata": {"title": "shapes"}},
        "a.webm": {"codec": "libvpx-vp9", "sounds": [Sound(codec="libopus")]},
        "a.avi": {"codec": "mpeg4", "sounds": [Sound(codec="mp2")]},
        "a.ts": {"gop": 4, "sounds": [Sound(codec="mp2")]},
        "a.mpg": {"codec": "mpeg2video", "b_frames": 1, "sounds": [Sound(codec="mp2")]},
        "a.flv": {"codec": "flv1", "sounds": [Sound(codec="aac")]},
        "a.wmv": {"codec": "wmv2", "sounds": [Sound(codec="mp2")]},
    }
    made = [_clip(folder / name, pictures, options) for name, options in clips.items()]
    for name in ("a.gif", "a.png", "a.webp"):
        still.save(folder / name, save_all=True, append_images=others[:3], duration=40)
        made.append(folder / name)
    still.save(folder / "still.jpg", exif=_turned(), icc_profile=wide_profile())
    rgba = Image.fromarray(np.dstack([pictures[0], ramp_alpha(1, *_SIZE)[0]]))
    rgba.save(folder / "still.png", icc_profile=wide_profile())
    still.save(folder / "packed.tif", compression="tiff_lzw")
    write_tiff(folder / "float.tif", pictures[0] / np.float32(255))
    write_tiff(folder / "deep.tif", pictures[0].astype(np.uint16) * 257, profile=wide_profile())
    return made + [
        folder / name for name in ("still.jpg", "still.png", "packed.tif", "float.tif", "deep.tif")
    ]


def damaged(data: bytes, noise: np.random.Generator) -> bytes:
    """``data`` as a bad disk, cable or program leaves it."""
    kinds: tuple[Callable[[bytearray, np.random.Generator], None], ...] = (
        _cut_off, _lost, _doubled, _zeroed, _overwritten, _flipped, _flipped, _flipped_head,
    )  # fmt: skip
    changed = bytearray(data)
    for _ in range(int(noise.integers(1, 3))):
        kinds[int(noise.integers(len(kinds)))](changed, noise)
    return bytes(changed)


def _clip(path: Path, pictures: Any, options: dict[str, Any]) -> Path:
    return write_clip(path, pictures, **options)


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def _span(data: bytearray, noise: np.random.Generator) -> slice:
    length = int(2 ** noise.uniform(0, np.log2(max(2, len(data) / 3))))
    begin = int(noise.integers(max(1, len(data) - length)))
    return slice(begin, begin + length)


def _cut_off(data: bytearray, noise: np.random.Generator) -> None:
    del data[int(noise.integers(1, max(2, len(data)))) :]


def _lost(data: bytearray, noise: np.random.Generator) -> None:
    del data[_span(data, noise)]


def _doubled(data: bytearray, noise: np.random.Generator) -> None:
    span = _span(data, noise)
    data[span.start : span.start] = data[span]


def _zeroed(data: bytearray, noise: np.random.Generator) -> None:
    span = _span(data, noise)
    data[span] = bytes(len(data[span]))


def _overwritten(data: bytearray, noise: np.random.Generator) -> None:
    span = _span(data, noise)
    data[span] = noise.bytes(len(data[span]))


def _flipped(data: bytearray, noise: np.random.Generator) -> None:
    for place in noise.integers(max(1, len(data)), size=int(noise.integers(1, 40))):
        if place < len(data):
            data[place] ^= 1 << int(noise.integers(8))


def _flipped_head(data: bytearray, noise: np.random.Generator) -> None:
    for place in noise.integers(min(400, max(1, len(data))), size=int(noise.integers(1, 8))):
        if place < len(data):
            data[place] = int(noise.integers(256))
