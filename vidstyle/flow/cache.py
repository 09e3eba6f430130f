"""Motion kept on disk between runs: keyed by content, safe for concurrent runs, bounded in size."""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vidstyle.atomic_write import write_atomically
from vidstyle.cache_folder import mark_used, trim
from vidstyle.weights import user_cache

log = logging.getLogger(__name__)

LIMIT = 2 * 1024**3  # bytes; the least recently used motion is removed first
_FILES = ("??/*.npz", "??/*.part")  # those of a killed run included
_FORMAT = "1"  # part of every key: a change of what is stored makes old files unused
_KEPT = 0.8  # share of the limit that is left after clearing, so that not every write clears


class FlowCache:
    """A folder of tensors by key. Errors of the disk cost time, but are never raised."""

    def __init__(self, folder: Path | None = None, *, limit: int = LIMIT) -> None:
        """Keep at most ``limit`` bytes in ``folder`` (by default ``flow`` in the user's cache)."""
        self.folder = folder if folder is not None else user_cache() / "flow"
        self._limit = limit
        self._size: int | None = None

    def get(self, key: str, make: Callable[[], Tensor]) -> Tensor:
        """The tensor stored under ``key`` (see ``key_of``), else that of ``make``, which is then stored."""
        path = self.folder / key[:2] / f"{key}.npz"
        stored = _read(path)
        if stored is not None:
            mark_used(path)
            return stored
        made = make()
        self._write(path, made)
        return made

    def _write(self, path: Path, value: Tensor) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = io.BytesIO()
            np.savez_compressed(file, flow=value.cpu().numpy())
            write_atomically(path, file.getbuffer())  # another run never reads half a file
            size = len(file.getbuffer())
        except OSError as error:
            log.debug("motion is not kept in %s: %s", self.folder, error)
            return
        known = 0 if self._size is None else self._size + size
        if self._size is None or known > self._limit:
            known = trim(self.folder, self._limit, left=_KEPT, patterns=_FILES)
        self._size = known


def key_of(identity: str, *pictures: Tensor) -> str:
    """The key of the motion that an estimator of this ``identity`` estimates between ``pictures``."""
    digest = hashlib.sha256(f"{_FORMAT}|{identity}".encode())
    for picture in pictures:
        digest.update(str(tuple(picture.shape)).encode())
        digest.update(np.ascontiguousarray(picture.detach().cpu().numpy()).tobytes())
    return digest.hexdigest()


def _read(path: Path) -> Tensor | None:
    """The tensor in ``path``; None if there is no such file or it is broken."""
    try:
        # opened here, as np.load leaves a file open that is no archive
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return torch.from_numpy(stored["flow"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        log.debug("motion in %s cannot be read and is estimated again: %s", path, error)
        return None
