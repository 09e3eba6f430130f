"""ComfyUI's VIDEO, IMAGE and MASK as files that vidstyle reads, and its results as VIDEO."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import folder_paths
import numpy as np
import torch
from comfy_api.v0_0_2 import InputImpl

from vidstyle import Pixels


@contextmanager
def work_folder() -> Generator[Path, None, None]:
    """A folder in ComfyUI's temporary folder, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="vidstyle-", dir=_temporary()) as name:
        yield Path(name)


def clip_file(video: Any, folder: Path) -> tuple[Path, dict[str, Any]]:
    """The file of ``video``, and its part that is meant as options ``start`` and ``end`` (s).

    The file is read where it lies. Only a video that is no file yet is written to ``folder``; its frames
    are never all in memory.
    """
    is_edited = getattr(video, "has_pending_frame_edits", None)
    if is_edited is not None and is_edited():  # cropped or scaled: its stream is not what is shown
        path = folder / f"{uuid.uuid4().hex}.mp4"
        video.save_to(str(path))
        return path, {}
    source = video.get_stream_source()
    if not isinstance(source, str):
        path = folder / f"{uuid.uuid4().hex}.mp4"
        path.write_bytes(source.getbuffer())
        source = path
    start, duration = video.get_active_trim_window() if hasattr(video, "get_active_trim_window") else (0, 0)
    part = {"start": _time(start)} if start else {}
    return Path(source), part | ({"end": _time(start + duration)} if duration else {})


def result_file() -> Path:
    """A new name in ComfyUI's temporary folder, where a result stays until ComfyUI empties it."""
    return _temporary() / f"vidstyle-{uuid.uuid4().hex}.mp4"


def as_video(path: Path) -> Any:
    """The VIDEO that reads ``path``."""
    return InputImpl.VideoFromFile(str(path))


def pixels_of(images: torch.Tensor) -> Iterator[Pixels]:
    """The pictures of an IMAGE (B, H, W, C) in [0, 1], one by one: (H, W, 3) uint8."""
    for image in images:
        yield (image[..., :3].clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()


def save_pictures(images: torch.Tensor, folder: Path) -> list[Path]:
    """The pictures of an IMAGE as numbered PNG files in ``folder``, which is made."""
    folder.mkdir()
    paths = [folder / f"{number:06}.png" for number in range(len(images))]
    for path, pixels in zip(paths, pixels_of(images), strict=True):
        cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return paths


def save_mask(mask: torch.Tensor, folder: Path) -> Path:
    """A MASK (1, H, W) in [0, 1] as a PNG file in ``folder``; raises ``ValueError`` for several masks."""
    if mask.ndim == 3 and len(mask) != 1:
        raise ValueError(f"Paint Video takes one mask for all frames, got {len(mask)}; give one of them")
    path = folder / "mask.png"
    values = mask.reshape(mask.shape[-2:]).clamp(0, 1).cpu().numpy()
    cv2.imwrite(str(path), np.rint(values * 255).astype(np.uint8))
    return path


def _time(seconds: float) -> Fraction:
    """``seconds`` down to whole microseconds: 0.1 + 0.2 is 0.3, which a frame may begin at."""
    return Fraction(int(seconds * 1e6 + 1e-3), 10**6)


def _temporary() -> Path:
    folder = Path(folder_paths.get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    return folder
