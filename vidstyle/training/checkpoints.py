"""Checkpoints: the full state of a run in a file, written atomically and checked when read."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vidstyle.atomic_write import write_atomically
from vidstyle.errors import OutputError, TrainingError, WeightsMismatch

log = logging.getLogger(__name__)

_FORMAT = 1
_NAME = re.compile(r"step-(\d+)\.pt")
_PARTS = (
    *("recipe", "options", "step", "architecture", "model", "average", "optimizer", "schedule"),
    *("precision", "random", "data", "weights"),
)


def save(run: Path, state: Mapping[str, Any], keep: int) -> Path:
    """Write ``state`` as the checkpoint of its step and delete all but the newest ``keep``.

    Raises ``OutputError`` if it cannot be written; older checkpoints are then kept.
    """
    folder = run / "checkpoints"
    path = folder / f"step-{state['step']:08}.pt"
    # through memory, as torch's own writer does not report a full disk as such
    buffer = io.BytesIO()
    torch.save({"format": _FORMAT, **state}, buffer)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, buffer.getbuffer(), is_synced=True)
    except OSError as error:
        kept = files_of(run)
        what = f"that of step {kept[-1][0]:,} is kept" if kept else "there is none yet"
        raise OutputError(f"cannot write the checkpoint {path}: {error.strerror or error}; {what}") from error
    for _, old in files_of(run)[:-keep]:
        with suppress(OSError):
            old.unlink()
    return path


def files_of(run: Path) -> list[tuple[int, Path]]:
    """The checkpoints of ``run`` as (step, file), the oldest first."""
    folder = run / "checkpoints"
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted((int(match[1]), path) for path in files if (match := _NAME.fullmatch(path.name)))


def newest(run: Path) -> dict[str, Any]:
    """The newest checkpoint of ``run`` that can be read; damaged ones are skipped with a warning.

    Raises ``TrainingError`` if there is none.
    """
    for _, path in reversed(files_of(run)):
        try:
            return load(path)
        except TrainingError as error:
            log.warning("skipped a damaged checkpoint: %s", error)
    raise TrainingError(f"no checkpoint in {run}; `vidstyle train RECIPE --output {run}` begins a run there")


def load(path: Path) -> dict[str, Any]:
    """The state in a checkpoint, on the CPU; only tensors and plain values are unpickled.

    Raises ``TrainingError`` for other files.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle and zip raise many kinds of errors for other files
        raise TrainingError(f"{path} cannot be read as a checkpoint ({type(error).__name__})") from error
    if (
        not isinstance(state, dict)
        or state.get("format") != _FORMAT
        or not all(key in state for key in _PARTS)
    ):
        raise TrainingError(f"{path} is no checkpoint of vidstyle's training")
    return state


def architecture(model: Mapping[str, Tensor]) -> dict[str, list[int]]:
    """Names and shapes of a model's tensors."""
    return {name: list(value.shape) for name, value in model.items()}


def check_recipe(state: Mapping[str, Any], recipe: str, run: Path) -> None:
    """Raise ``WeightsMismatch`` if ``state`` is of another recipe."""
    if state["recipe"] != recipe:
        raise WeightsMismatch(
            f"{run} holds a run of the recipe {state['recipe']}, not {recipe}; "
            "resume that, or give another --output"
        )


def check_architecture(state: Mapping[str, Any], model: Mapping[str, Tensor], run: Path) -> None:
    """Raise ``WeightsMismatch`` if the tensors of ``state`` and ``model`` differ in name or shape."""
    expected, saved = architecture(model), state["architecture"]
    for name in [*expected, *saved]:
        if expected.get(name) != saved.get(name):
            pair = (saved.get(name), expected.get(name))
            shapes = [tuple(shape) if shape else "not there" for shape in pair]
            raise WeightsMismatch(
                f"the checkpoint in {run} is of another architecture: {name} is {shapes[0]}, "
                f"expected {shapes[1]}; resume with the settings it was made with, or give another --output"
            )
