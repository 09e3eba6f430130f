"""Style embeddings, computed once: kept in memory and in a folder, by content."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from torch import Tensor

from vidstyle.atomic_write import write_atomically
from vidstyle.cache_folder import mark_used, trim
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
            skipped. Made if it does not exist. None: they are kept in memory only.
        limit: the folder is one of vidstyle's cache, of at most so many bytes: the least recently used files
            are removed. None: it is the user's, nothing is removed, and what goes wrong there is a warning.
    """

    def __init__(
        self, encoder: StyleEncoder[S], folder: Path | None = None, *, limit: int | None = None
    ) -> None:
        self._encoder = encoder
        self._folder, self._limit = folder, limit
        self._level = logging.WARNING if limit is None else logging.DEBUG  # of messages on the folder
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
            style = self._encoder.style_from_tensors(load(path.read_bytes()))
        except FileNotFoundError:
            pass
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            log.log(self._level, "passed over a style embedding that cannot be read, %s: %s", path, error)
        else:
            if self._limit is not None:
                mark_used(path)
            return style
        embedding = self._encoder.encode(picture)
        tensors = self._encoder.style_tensors(embedding)
        if tensors is None:
            log.log(self._level, "style embeddings of this engine cannot be kept in %s", self._folder)
        else:
            self._write(
                path, save({name: part.detach().cpu().contiguous() for name, part in tensors.items()})
            )
        return embedding

    def _write(self, path: Path, data: bytes) -> None:
        """Write a file that appears only once it is whole; a cache that cannot be written is no error."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data)
        except OSError as error:
            reason = error.strerror or error
            log.log(self._level, "could not keep a style embedding in %s: %s", path.parent, reason)
            return
        if self._limit is not None:
            trim(path.parent, self._limit)
