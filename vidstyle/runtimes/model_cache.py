"""Exported networks kept on disk between runs, by content; bounded in size."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import torch

from vidstyle._version import __version__
from vidstyle.atomic_write import write_atomically
from vidstyle.cache_folder import LIMIT, mark_used, trim
from vidstyle.engines.base import AnyEngine
from vidstyle.engines.identity import engine_hash
from vidstyle.runtimes.onnx_export import onnx_model
from vidstyle.weights import user_cache

log = logging.getLogger(__name__)

_DIGEST = 32  # bytes of SHA-256 before a model, by which a damaged file is known


def kept_model(engine: AnyEngine, folder: Path | None = None, *, precision: str = "fp32") -> bytes:
    """The ONNX model of ``engine`` in ``precision``, from ``folder`` or made and kept there.

    The folder is one of the user's cache if none is given.

    Raises ``OptionError`` as ``onnx_model`` does. A folder that cannot be used costs time, but is no error.
    """
    path = (folder or user_cache() / "networks") / f"{_key(engine, precision)}.onnx"
    known = _read(path)
    if known is not None:
        return known
    log.info("exporting the network of %s, once", engine.info.title)
    model = onnx_model(engine, precision=precision)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, hashlib.sha256(model).digest() + model)
        trim(path.parent, LIMIT)
    except OSError as error:
        log.debug("the network is not kept in %s: %s", path.parent, error)
    return model


def _key(engine: AnyEngine, precision: str) -> str:
    """Identifies the engine's code, options and weights, the precision, and what exports it."""
    digest = hashlib.sha256(
        engine_hash(engine, __version__, torch.__version__, engine.made_with, precision).encode()
    )
    package = Path(__file__).parent.parent
    for folder in ("engines", "nn", "runtimes"):
        for file in sorted((package / folder).glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> bytes | None:
    """The model in ``path``; None if there is no such file or it is damaged."""
    try:
        data = path.read_bytes()
        mark_used(path)
    except OSError:
        return None
    model = data[_DIGEST:]
    return model if hashlib.sha256(model).digest() == data[:_DIGEST] else None
