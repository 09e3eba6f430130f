"""Converts weights that the authors of a method published to files that an engine of vidstyle takes.

    python tools/convert_weights.py --encoder vgg_normalised.pth --decoder decoder.pth -o own.safetensors
    vidstyle run clip.mp4 --style painting.jpg --weights own.safetensors

Of AdaIN: the two files of github.com/naoto0804/pytorch-AdaIN (a VGG-19 and a decoder). Those of SANet and
AdaAttN are of networks that no engine of vidstyle has. The licence of the files is their authors'.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.atomic_write import write_atomically
from vidstyle.errors import OutputError, VidstyleError, WeightsMismatch, WeightsMissing
from vidstyle.nn.adain_vgg19 import layers
from vidstyle.outputs import check_file_output, check_outputs
from vidstyle.weights import ENGINE

_COLORS = "0"  # a 1x1 convolution of the picture, before the first layer
# the places of the convolutions in the two nn.Sequential, among paddings, ReLUs, pooling and upsampling
_ENCODER = (2, 5, 9, 12, 16, 19, 22, 25, 29)
_DECODER = (1, 5, 8, 11, 14, 18, 21, 25, 28)
_WIDTHS = (64, 64, 128, 128, 256, 256, 256, 256, 512, 256, 256, 256, 256, 128, 128, 64, 64, 3)


def converted(encoder: Mapping[str, Tensor], decoder: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of ``nn/adain_vgg19.py``; raises ``WeightsMismatch`` for files that are not those."""
    places = [("encoder", place) for place in _ENCODER] + [("decoder", place) for place in _DECODER]
    made: dict[str, Tensor] = {}
    inputs = 3
    for layer, (part, place), width in zip(layers(), places, _WIDTHS, strict=True):
        source = encoder if part == "encoder" else decoder
        made[f"{layer}.weight"] = _tensor(source, f"{place}.weight", (width, inputs, 3, 3), part)
        made[f"{layer}.bias"] = _tensor(source, f"{place}.bias", (width,), part)
        inputs = width
    matrix = _tensor(encoder, f"{_COLORS}.weight", (3, 3, 1, 1), "encoder")[:, :, 0, 0]
    offset = _tensor(encoder, f"{_COLORS}.bias", (3,), "encoder")
    kernel = made["encoder.conv1_1.weight"]  # a reflection of a linear map is the map of the reflection
    made["encoder.conv1_1.weight"] = torch.einsum("oiyx,ij->ojyx", kernel, matrix).contiguous()
    made["encoder.conv1_1.bias"] = made["encoder.conv1_1.bias"] + torch.einsum("oiyx,i->o", kernel, offset)
    return made


def main(arguments: list[str] | None = None) -> int:
    """Convert; returns the exit code."""
    parser = argparse.ArgumentParser(description="AdaIN's published weights, for the engine adain.")
    parser.add_argument("--encoder", type=Path, required=True, help="vgg_normalised.pth")
    parser.add_argument("--decoder", type=Path, required=True, help="decoder.pth")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .safetensors file")
    parser.add_argument("--overwrite", action="store_true", help="replace the output if it exists")
    options = parser.parse_args(arguments)
    try:
        check_outputs([("--output", options.output)], [options.encoder, options.decoder])
        check_file_output(("--output", options.output), overwrite=options.overwrite)
        _write(options.output, converted(_read(options.encoder), _read(options.decoder)))
    except VidstyleError as error:
        print(f"convert_weights: {error}", file=sys.stderr)
        return 1
    return 0


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise WeightsMissing(f"no file {path}; give one of the files that the authors published")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of torch, pickle and zip, which are many
        reason = str(error).splitlines()[0]
        raise WeightsMismatch(f"{path} is not a file of tensors by torch.save: {reason}") from error
    if not isinstance(state, dict):
        raise WeightsMismatch(f"{path} holds no dictionary of tensors, but {type(state).__name__}")
    return state


def _tensor(source: Mapping[str, object], key: str, shape: tuple[int, ...], part: str) -> Tensor:
    value = source.get(key)
    if not isinstance(value, Tensor) or tuple(value.shape) != shape:
        got = tuple(value.shape) if isinstance(value, Tensor) else "nothing"
        raise WeightsMismatch(
            f"--{part} is not AdaIN's: {key} must be of the shape {shape}, got {got}; give "
            "vgg_normalised.pth as --encoder and decoder.pth as --decoder"
        )
    return value.float()


def _write(target: Path, tensors: dict[str, Tensor]) -> None:
    from safetensors.torch import save

    try:
        write_atomically(target, save(tensors, {ENGINE: "adain", "origin": "pytorch-AdaIN, converted"}))
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error


if __name__ == "__main__":
    sys.exit(main())
