"""The settings of a training run: one frozen record, from recipe, preset, file and command line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from vidstyle.errors import OptionError, UnknownName
from vidstyle.options import Checked, option, value_of
from vidstyle.options.converters import as_integer, as_number, as_pairs, as_path, as_text
from vidstyle.registry import FEATURES, LOSSES, RECIPES

PARTS = ("painter", "film", "encoder", "decoder")

PRESETS: dict[str, dict[str, Any]] = {
    # the classic hyper-parameters of feed-forward style transfer
    "seed": {
        "batch": 8,
        "learning_rate": 1e-4,
        "epochs": 50.0,
        "losses": {"content": 1.0, "gram": 1e6, "variation": 1e-5},
    },
    # checks the data within minutes on any machine
    "quick": {"batch": 2, "crop": 96, "style_sides": (96,), "steps": 100, "preview_every": 25},
    # temporal consistency first: all its losses that need no clips
    "steady": {
        "losses": {
            "style": 1.0, "content": 0.15, "shift": 12.0, "compound": 2.0, "warped": 60.0, "grid": 1.5,
            "ripple": 4.0, "tones": 1.0,
        }
    },
}  # fmt: skip


def _names(value: str | Iterable[object]) -> tuple[str, ...]:
    return tuple(as_text(part) for part in (value.split(",") if isinstance(value, str) else value))


def _sides(value: str | int | Iterable[object]) -> tuple[int, ...]:
    parts = value.split(",") if isinstance(value, str) else [value] if isinstance(value, int) else value
    sides = tuple(as_integer(part) for part in parts)
    if not sides or min(sides) < 16:
        raise ValueError("sides in px, each 16 or more, like 256,181")
    return sides


def _parts(value: str | Iterable[object]) -> tuple[str, ...]:
    names = _names(value)
    if not names or not set(names) <= set(PARTS):
        raise ValueError(f"some of {', '.join(PARTS)}")
    return tuple(name for name in PARTS if name in names)


def _weights(value: Any) -> tuple[tuple[str, float], ...]:
    if isinstance(value, str):
        value = as_pairs(value.split(","))
    pairs = value.items() if isinstance(value, Mapping) else value
    weights = tuple((name, as_number(weight)) for name, weight in pairs)
    for name, weight in weights:
        LOSSES[name]  # raises UnknownName with the nearest name
        if weight < 0:
            raise ValueError("weights of 0 or more")
    if not any(weight for _, weight in weights):
        raise ValueError("losses with weights, like content=1,style=0.5")
    return tuple((name, weight) for name, weight in weights if weight)


@dataclass(frozen=True, slots=True)
class TrainOptions(Checked):
    """Every setting of a run; ``--set key=value`` and files of settings use these names."""

    steps: int | None = option(None, "steps in all (from epochs if not given)", low=1, parse=as_integer)
    epochs: float = option(1.0, "how often each content picture is seen", low=0.0001, parse=as_number)
    batch: int = option(8, "pictures a step, on each device", low=1, parse=as_integer)
    learning_rate: float = option(8e-4, "Adam's, at its highest", low=0, parse=as_number)
    encoder_rate: float = option(
        0.02, "the style encoder's learning rate, as a share of the others'", low=0, parse=as_number
    )
    warmup: int = option(0, "steps over which the learning rate rises", low=0, parse=as_integer)
    final_rate: float = option(
        0.0, "share of the learning rate that the cosine ends at", low=0, high=1, parse=as_number
    )
    clip: float = option(2.0, "largest norm of a step's gradient; 0 for any", low=0, parse=as_number)
    ema: float = option(
        0.996, "share of the averaged weights kept at each step", low=0, high=1, parse=as_number
    )
    losses: tuple[tuple[str, float], ...] = option(
        (("content", 1.0), ("style", 1.0)), "losses and their weights", parse=_weights
    )
    content_layers: tuple[str, ...] = option(("conv4_1",), "VGG layers of the loss content", parse=_names)
    content_kind: str = option(
        "plain", "what the loss content compares", choices=("plain", "normalised", "grey")
    )
    style_layers: tuple[str, ...] = option(
        ("conv1_1", "conv2_1", "conv3_1", "conv4_1"), "VGG layers of the style losses", parse=_names
    )
    features: str = option(
        "vgg16", "perceptual encoder of the losses; small takes a fifth of the time", choices=FEATURES.bundled
    )
    style_sides: tuple[int, ...] = option(
        (256, 181), "scales of the style losses: the style's area is side² px", parse=_sides
    )
    grid_period: int = option(
        4, "product of the network's strides, px, for the loss grid", low=2, parse=as_integer
    )
    crop: int = option(176, "side of content crops, px", low=32, parse=as_integer)
    style_crop: float = option(
        1.0, "smallest share of a style picture's sides that is cut out", low=0.1, high=1, parse=as_number
    )
    style_cuts: int = option(
        0, "ways in which each style picture is cut, encoded once and remembered; 0 for a new one each time",
        low=0, parse=as_integer,
    )  # fmt: skip
    mixtures: float = option(
        0.0, "share of pictures painted in a mixture of two styles", low=0, high=1, parse=as_number
    )
    leave_out: Path | None = option(
        None,
        "a text file of picture names, one a line, with any extension, that are kept out to measure with",
        parse=as_path,
    )
    learns: tuple[str, ...] = option(
        PARTS[:3], "parts that learn: painter, film, encoder, decoder, if the recipe has them", parse=_parts
    )
    width: float = option(
        1.0, "share of the channels of the weights it begins with, for narrower students", low=0.1, high=1,
        parse=as_number,
    )  # fmt: skip
    start: str = option("bundled", "where it begins: bundled, random, or a file of weights", parse=as_text)
    teacher: str = option(
        "stylenet", "the frozen engine, or ONNX file, to learn from where a loss needs one", parse=as_text
    )
    teacher_weights: Path | None = option(
        None, "the teacher's weights, if not its own; for an ONNX teacher that takes embeddings: its encoder",
        parse=as_path,
    )  # fmt: skip
    clips: Path | None = option(
        None, "a folder of videos, for losses of pairs (warped pictures without)", parse=as_path
    )
    interval: int = option(1, "frames between the two of a pair", low=1, high=25, parse=as_integer)
    flow: str = option("raft-small", "estimates motion of pairs", parse=as_text)
    device: str = option("auto", "where to compute: auto, cpu, cuda or mps", parse=as_text)
    devices: int = option(1, "how many devices work together", low=1, parse=as_integer)
    precision: str = option("fp32", "number format", choices=("fp32", "bf16", "fp16"))
    workers: int = option(2, "processes that decode content pictures", low=0, parse=as_integer)
    seed: int = option(0, "of everything random", low=0, parse=as_integer)
    log_every: int = option(10, "steps between two lines of the log", low=1, parse=as_integer)
    preview_every: int = option(500, "steps between two sheets", low=1, parse=as_integer)
    preview_size: int = option(192, "side of a sheet's pictures, px", low=16, parse=as_integer)
    checkpoint_every: int = option(500, "steps between two checkpoints", low=1, parse=as_integer)
    keep: int = option(3, "checkpoints that are kept", low=1, parse=as_integer)
    licence: str = option("not stated", "licence of the weights, for the exported file", parse=as_text)

    def __post_init__(self) -> None:
        for item in fields(self):
            try:
                value = value_of(item, getattr(self, item.name))
            except UnknownName:
                raise
            except OptionError as error:
                flag = "--" + item.name.replace("_", "-")
                raise OptionError(str(error).replace(flag, item.name, 1)) from None
            object.__setattr__(self, item.name, value)

    def plain(self) -> dict[str, Any]:
        """Plain values, as in files of settings; ``settings`` accepts them."""
        values = asdict(self)
        for name, value in values.items():
            if isinstance(value, Path):
                values[name] = str(value)
            elif isinstance(value, tuple):
                values[name] = list(value)
        return {**values, "losses": dict(self.losses)}


def settings(
    recipe: str,
    *,
    before: Mapping[str, Any] | None = None,
    file: Path | None = None,
    pairs: Sequence[str] = (),
    steps: int | None = None,
) -> TrainOptions:
    """The settings of a run: those of the recipe, overridden by the preset, the file and ``pairs``.

    Raises ``OptionError`` for unknown settings and invalid values.

    Args:
        recipe: name of the recipe.
        before: the settings of the run that is resumed, in place of the recipe's.
        file: TOML or JSON; ``preset = "seed"`` chooses a preset.
        pairs: ``key=value``, also ``preset=seed``, and ``losses.style=0.5`` for the weight of one loss.
        steps: overrides the steps and epochs of all others.
    """
    values = dict(before) if before is not None else dict(RECIPES.load(recipe).defaults)
    from_file = _read(file) if file is not None else {}
    from_pairs = dict(_pair(pair) for pair in pairs)
    from_file.pop("recipe", None)  # a run's settings.json names it
    preset = from_pairs.pop("preset", None) or from_file.pop("preset", None)
    if preset is not None:
        if preset not in PRESETS:
            raise UnknownName("preset", str(preset), PRESETS)
        _update(values, PRESETS[preset])
    _update(values, from_file)
    _update(values, from_pairs)
    if steps is not None:
        values["steps"] = steps
    return TrainOptions(**values)


def _update(values: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Replace ``values`` by those in ``more``; ``losses.NAME`` replaces only that weight."""
    names = [item.name for item in fields(TrainOptions)]
    for key, value in more.items():
        name, _, loss = key.partition(".")
        if name not in names or (loss and name != "losses"):
            raise UnknownName("setting", key, names)
        values[name] = {**dict(_weights(values[name])), loss: value} if loss else value
        if key == "epochs":
            values["steps"] = None


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise OptionError(f"--set takes KEY=VALUE, got {text!r}; for example --set batch=4")
    return key.strip().replace("-", "_") if not key.startswith("losses.") else key.strip(), value.strip()


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
        table = json.loads(text) if file.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:  # both parsers raise ValueErrors
        raise OptionError(
            f"--config {file} cannot be read as TOML or JSON: {' '.join(str(error).split())}"
        ) from None
    if not isinstance(table, dict):
        raise OptionError(f"--config {file} must hold a table of settings, like batch = 4")
    return table
