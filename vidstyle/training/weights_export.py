"""Export of a run's averaged weights as safetensors for the engine, with metadata of their training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from vidstyle import weights
from vidstyle._version import __version__
from vidstyle.atomic_write import write_atomically, writing
from vidstyle.errors import OptionError, WeightsMismatch
from vidstyle.options.empty_paths import check_not_empty
from vidstyle.outputs import check_file_output, check_outputs
from vidstyle.registry import RECIPES, STUDENTS
from vidstyle.training import checkpoints

MIX_SHARE = 0.25


def export(
    run: str | Path,
    target: str | Path,
    *,
    licence: str | None = None,
    mix: str | Path | None = None,
    share: float | None = None,
    overwrite: bool = False,
) -> dict[str, str]:
    """Write the weights of the newest checkpoint of ``run`` to ``target``; returns the file's metadata.

    With ``mix``, a file of the weights that the run started from, each value is (1 - ``share``) times the
    run's plus ``share`` (0 to 1, or ``MIX_SHARE``) times that file's (WiSE-FT, Wortsman et al. 2022: keeps
    what training would forget). Weights of other runs cannot be mixed usefully.

    The metadata: recipe, steps, data, licence, settings, the version of vidstyle, the engine that the weights
    are for, and ``sha256`` of the tensors (``digest``), as a file cannot contain its own. Raises
    ``TrainingError``, ``OutputError``, ``OptionError``, ``WeightsMissing`` and ``WeightsMismatch``.
    """
    from safetensors.torch import save

    check_not_empty(run=run, target=target, mix=mix)
    target = Path(target)
    if target.suffix != ".safetensors":
        raise OptionError(f"weights are written as .safetensors, not as {target.name!r}")
    check_outputs([("--output", target)], [mix])
    check_file_output(("--output", target), overwrite=overwrite)
    if share is not None and mix is None:
        raise OptionError("--share says how much of --mix FILE is taken; give both")
    state = checkpoints.newest(Path(run))
    tensors: dict[str, Tensor] = state["weights"]
    mixed: dict[str, str] = {}
    if mix is not None:
        share = MIX_SHARE if share is None else share
        begun = weights.load(Path(mix))
        tensors = _mixed(tensors, begun, share, Path(mix))
        mixed = {"mixed": f"{share:g} of {Path(mix).name}, {digest(begun)}"}
    data: Mapping[str, Any] = state["data"]
    licence = licence or str(state["options"]["licence"])
    metadata = {
        "recipe": str(state["recipe"]),
        **_engine_of(str(state["recipe"])),
        "steps": str(state["step"]),
        "data": json.dumps({name: data[name] for name in ("content", "style", "clips") if name in data}),
        "skipped": str(len(data["skipped"])),
        "licence": licence,
        "settings": json.dumps(_without_folders({**state["options"], "licence": licence})),
        "vidstyle": __version__,
        "sha256": digest(tensors),
        **mixed,
    }
    with writing(target):
        write_atomically(target, save(tensors, metadata))
    return metadata


def _engine_of(recipe: str) -> dict[str, str]:
    """The entry ``engine`` of the weights of a ``recipe``; none if the recipe is no longer known."""
    if recipe not in RECIPES:
        return {}
    return {weights.ENGINE: STUDENTS.load(RECIPES.load(recipe).student).engine}


def _mixed(
    trained: Mapping[str, Tensor], other: Mapping[str, Tensor], share: float, file: Path
) -> dict[str, Tensor]:
    if not 0 <= share <= 1:
        raise OptionError(f"--share is from 0 to 1, not {share:g}")
    for name, value in trained.items():
        if name not in other or other[name].shape != value.shape:
            raise WeightsMismatch(
                f"{file} is not of the run's network: {name} is missing or of another shape"
            )
    return {name: value.lerp(other[name].float(), share) for name, value in trained.items()}


def _without_folders(options: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with names of files instead of their paths, which must not be published."""
    names = {
        key: Path(options[key]).name
        for key in ("leave_out", "clips", "start", "teacher", "teacher_weights")
        if options.get(key)
    }
    return {**options, **names}


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, shapes and little-endian bytes of float32 ``tensors``, by name."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        total.update(f"{name} {tuple(tensors[name].shape)}\n".encode())
        total.update(tensors[name].float().cpu().contiguous().numpy().astype("<f4").tobytes())
    return total.hexdigest()
