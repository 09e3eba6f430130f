"""Codes of style pictures, encoded once: kept by content within a run, and on request in a folder."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Generic, TypeVar

import torch

from vidstyle.engines.painter import Painter
from vidstyle.frames import Pixels
from vidstyle.whole import write_whole

log = logging.getLogger(__name__)

S = TypeVar("S")


class Codes(Generic[S]):
    """Encodes pictures with a painter's engine; the same picture is encoded once.

    Args:
        painter: encodes.
        folder: codes are also kept here between runs, by the picture's and the engine's content; files that
            are damaged or from another engine are passed over. Made if it is not there.
    """

    def __init__(self, painter: Painter[S], folder: Path | None = None) -> None:
        self._painter = painter
        self._folder = folder
        self._known: dict[str, S] = {}
        self._engine_hash = ""

    def encode(self, picture: Pixels) -> S:
        """The style of ``picture`` (H, W, 3)."""
        content = hashlib.sha256(repr((picture.shape, str(picture.dtype))).encode())
        content.update(picture.tobytes())
        key = content.hexdigest()
        if key not in self._known:
            self._known[key] = (
                self._from_folder(key, picture) if self._folder else self._painter.encode(picture)
            )
        return self._known[key]

    def _from_folder(self, key: str, picture: Pixels) -> S:
        from safetensors import SafetensorError
        from safetensors.torch import load, save

        assert self._folder is not None
        self._engine_hash = self._engine_hash or self._painter.fingerprint()
        path = self._folder / f"{hashlib.sha256((key + self._engine_hash).encode()).hexdigest()}.safetensors"
        try:
            kept = load(path.read_bytes())["code"]
            return kept.to(self._painter.device)  # type: ignore[return-value]  # only tensors are kept
        except FileNotFoundError:
            pass
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            log.warning("passed over a style code that cannot be read, %s: %s", path, error)
        code = self._painter.encode(picture)
        if isinstance(code, torch.Tensor):
            _write(path, save({"code": code.detach().cpu().contiguous()}))
        return code


def _write(path: Path, data: bytes) -> None:
    """Write a file that appears only once it is whole; a cache that cannot be written is no error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        log.warning("could not keep a style code in %s: %s", path.parent, error.strerror or error)
