"""A run's averaged weights as a safetensors file that the engine takes, with a record of their making."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from vidstyle import __version__
from vidstyle.errors import OptionError, OutputError
from vidstyle.training import checkpoints
from vidstyle.whole import write_whole


def export(
    run: str | Path, target: str | Path, *, licence: str | None = None, overwrite: bool = False
) -> dict[str, str]:
    """Write the weights of the newest checkpoint of ``run`` to ``target``; returns the file's metadata.

    The metadata: recipe, steps, data, licence, settings, the version that trained, and ``sha256`` of the
    tensors (``digest``): a file cannot hold its own. Raises ``TrainingError`` and ``OutputError``.
    """
    from safetensors.torch import save

    target = Path(target)
    if target.suffix != ".safetensors":
        raise OptionError(f"weights are written as .safetensors, not as {target.name!r}")
    if not target.parent.is_dir():
        raise OutputError(f"no folder {target.parent}; make it first, or write elsewhere")
    if target.exists() and not overwrite:
        raise OutputError(f"{target} exists; --overwrite replaces it")
    state = checkpoints.newest(Path(run))
    tensors: dict[str, Tensor] = state["weights"]
    data: Mapping[str, Any] = state["data"]
    licence = licence or str(state["options"]["licence"])
    metadata = {
        "recipe": str(state["recipe"]),
        "steps": str(state["step"]),
        "data": json.dumps({name: data[name] for name in ("content", "style", "clips") if name in data}),
        "skipped": str(len(data["skipped"])),
        "licence": licence,
        "settings": json.dumps(_without_folders({**state["options"], "licence": licence})),
        "vidstyle": __version__,
        "sha256": digest(tensors),
    }
    try:
        write_whole(target, save(tensors, metadata))
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    return metadata


def _without_folders(options: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with files' names instead of paths: weights are given away, and say nothing of a machine."""
    known = {
        key: Path(options[key]).name
        for key in ("leave_out", "clips", "start", "teacher", "teacher_weights")
        if options.get(key)
    }
    return {**options, **known}


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, shapes and little-endian bytes of float32 ``tensors``, by name."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(f"{name} {tuple(tensors[name].shape)}\n".encode())
        found.update(tensors[name].float().cpu().contiguous().numpy().astype("<f4").tobytes())
    return found.hexdigest()
