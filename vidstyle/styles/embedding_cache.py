"""Style embeddings, computed once: kept in memory by content, and on request in a folder."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from torch import Tensor

from vidstyle.atomic_write import write_atomically
from vidstyle.frames import Pixels

log = logging.getLogger(__name__)

S = TypeVar("S")


class StyleEncoder(Protocol[S]):
    """Computes embeddings of pictures: an engine with its weights, on a device."""

    def encode(self, picture: Pixels, /) -> S:
        """The embedding of ``picture`` (H, W, 3)."""

    def fingerprint(self) -> str:
        """Identifies engine, options and weights."""

    def style_tensors(self, style: S, /) -> Mapping[str, Tensor] | None:
        """All that an embedding holds, by name; None: it cannot be kept."""

    def style_from_tensors(self, tensors: Mapping[str, Tensor], /) -> S:
        """The embedding of these; ``KeyError`` or ``ValueError`` if they do not fit."""


class EmbeddingCache(Generic[S]):
    """Encodes pictures with an engine; the same picture is encoded once.

    Args:
        encoder: encodes.
        folder: where embeddings are kept between runs, by the hashes of picture and engine; damaged files are
            skipped with a warning. Made if it does not exist.
    """

    def __init__(self, encoder: StyleEncoder[S], folder: Path | None = None) -> None:
        self._encoder = encoder
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
                self._from_folder(key, picture) if self._folder else self._encoder.encode(picture)
            )
        return self._known[key]

    def _from_folder(self, key: str, picture: Pixels) -> S:
        from safetensors import SafetensorError
        from safetensors.torch import load, save

        assert self._folder is not None
        self._engine_hash = self._engine_hash or self._encoder.fingerprint()
        path = self._folder / f"{hashlib.sha256((key + self._engine_hash).encode()).hexdigest()}.safetensors"
        try:
            return self._encoder.style_from_tensors(load(path.read_bytes()))
        except FileNotFoundError:
            pass
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            log.warning("passed over a style embedding that cannot be read, %s: %s", path, error)
        embedding = self._encoder.encode(picture)
        tensors = self._encoder.style_tensors(embedding)
        if tensors is None:
            log.warning("style embeddings of this engine cannot be kept in %s", self._folder)
        else:
            _write(path, save({name: part.detach().cpu().contiguous() for name, part in tensors.items()}))
        return embedding


def _write(path: Path, data: bytes) -> None:
    """Write a file that appears only once it is whole; a cache that cannot be written is no error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        log.warning("could not keep a style embedding in %s: %s", path.parent, error.strerror or error)
