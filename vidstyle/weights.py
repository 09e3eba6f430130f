"""Files of weights: their origin, where they are searched for, and the check of their SHA-256."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from vidstyle.errors import WeightsMismatch, WeightsMissing

if TYPE_CHECKING:
    from torch import Tensor

ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True, slots=True)
class Weights:
    """A file of weights that is known by its checksum."""

    file: str
    sha256: str
    licence: str
    where_to_get: str
    """A URL, or the command that trained or gets them."""


_PACKAGE = "bundled with vidstyle; reinstall it (pip install --force-reinstall vidstyle)"
STYLENET = Weights(
    "stylenet-v1.safetensors",
    "5d73237a486602a65199450d20459ad039b184490d88cb830b85814985a531f5",
    "Apache-2.0",
    _PACKAGE,
)
VGG16 = Weights(
    "vgg16-edges.safetensors",
    "91b948a004994109a005a21e4f8b5297c8ff602d2d9f4660cf8fddff33f3b73c",
    "MIT",
    _PACKAGE,
)
SMALL_VGG = Weights(
    "small-vgg.safetensors",
    "f6d33915969bd494b7a75ab7100539840d149825d265ae6e3e25464287a4be9c",
    "Apache-2.0",
    _PACKAGE,
)
WCT_SINGLE_PASS = Weights(
    "wct-single-pass.safetensors",
    "aa1c733eccbda9b46d358fe066706de655159ba4d5cb15c354bff4502467fef3",
    "Apache-2.0",
    _PACKAGE,
)
WCT_SLIM = Weights(
    "wct-slim.safetensors",
    "a04860bc538e48722fca7b49584632f467766aac127ef5308de24b456267b848",
    "Apache-2.0",
    _PACKAGE,
)
PHOTOREAL = Weights(
    "photoreal.safetensors",
    "a4f83aef4f57424ef647dfe17e26a9770a6428167b28fb727b721bfae1a87123",
    "Apache-2.0",
    _PACKAGE,
)
RAFT_SMALL = Weights(
    "raft-small.safetensors",
    "3919f127f5802378fc3740f803676c728a4e15dbcfed36b03d48af2c075a2956",
    "BSD-3-Clause",
    _PACKAGE,
)
BUNDLED = (STYLENET, VGG16, SMALL_VGG, WCT_SINGLE_PASS, WCT_SLIM, PHOTOREAL, RAFT_SMALL)
ENGINE = "engine"
"""The key of the metadata of weights that names their engine."""


def find(weights: Weights) -> Path:
    """The file of ``weights``: in a folder of ``$VIDSTYLE_WEIGHTS``, else bundled, else in the user's cache.

    Raises ``WeightsMissing`` (with the folders searched and how to get them), and ``WeightsMismatch`` if the
    checksum differs.
    """
    looked = []
    for folder in _folders():
        path = folder / weights.file
        if path.is_file():
            _check(path, weights)
            return path
        looked.append(str(folder))
    raise WeightsMissing(f"no {weights.file} in {', '.join(looked)}; to get it: {weights.where_to_get}")


def load(source: Weights | Path) -> dict[str, Tensor]:
    """The tensors of ``source`` by name; raises ``WeightsMissing`` and ``WeightsMismatch``."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = _path(source)
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise WeightsMismatch(f"{path} is not a safetensors file: {error}") from error


def metadata(source: Weights | Path) -> dict[str, str]:
    """The metadata of a safetensors file: text by key."""
    from safetensors import SafetensorError, safe_open

    path = _path(source)
    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise WeightsMismatch(f"{path} is not a safetensors file: {error}") from error


def engine_of(path: Path) -> str | None:
    """The engine that the weights in a file say that they are for; None if they do not.

    Raises ``WeightsMissing`` and ``WeightsMismatch``.
    """
    return metadata(path).get(ENGINE)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal; remembered while the file does not change."""
    state = path.stat()
    return _sha256(path, state.st_size, state.st_mtime_ns)


def user_cache() -> Path:
    """vidstyle's cache folder, for downloaded weights and stored motion."""
    return platformdirs.user_cache_path("vidstyle", appauthor=False)


def _path(source: Weights | Path) -> Path:
    if isinstance(source, Weights):
        return find(source)
    if not source.is_file():
        raise WeightsMissing(f"no weights file {source}; give a safetensors file, or leave --weights out")
    return source


def _folders() -> Iterator[Path]:
    for folder in os.environ.get("VIDSTYLE_WEIGHTS", "").split(os.pathsep):
        if folder:
            yield Path(folder)
    yield ASSETS
    yield user_cache()


def _check(path: Path, weights: Weights) -> None:
    actual = sha256(path)
    if actual != weights.sha256:
        raise WeightsMismatch(
            f"{path} is not the {weights.file} expected: SHA-256 {actual[:12]}…, not {weights.sha256[:12]}…; "
            f"to get it: {weights.where_to_get}"
        )


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
