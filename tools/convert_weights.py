"""Converts weights that the authors of a method published to files that an engine of vidstyle takes.

    python tools/convert_weights.py --encoder vgg_normalised.pth --decoder decoder.pth -o own.safetensors
    python tools/convert_weights.py --encoder vgg_normalised.pth --decoder decoder_iter_500000.pth
        --transformer transformer_iter_500000.pth -o own.safetensors
    python tools/convert_weights.py --encoder vgg_normalised.pth --decoder latest_net_decoder.pth
        --transformer latest_net_transformer.pth --attention latest_net_adaattn_3.pth -o own.safetensors
    vidstyle run clip.mp4 --style painting.jpg --weights own.safetensors

The first are of AdaIN (github.com/naoto0804/pytorch-AdaIN), for the engine ``adain``; the others of SANet
(github.com/GlebSBrykin/SANET) and of AdaAttN (github.com/Huage001/AdaAttN, with its options
``--skip_connection_3 --shallow_layer``), for the engine ``attention``. The encoder, a VGG-19, is the same
file for all three. The licence of the files is their authors'.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.atomic_write import write_atomically
from vidstyle.errors import OptionError, OutputError, VidstyleError, WeightsMismatch, WeightsMissing
from vidstyle.nn.adain_vgg19 import DECODER, ENCODER
from vidstyle.nn.attention_vgg19 import DEEP_ENCODER
from vidstyle.outputs import check_file_output, check_outputs
from vidstyle.weights import ENGINE

Tensors = Mapping[str, Tensor]

_COLORS = "0"  # a 1x1 convolution of the picture, before the first layer
# the places of the convolutions in nn.Sequential, among paddings, ReLUs, pooling and upsampling
_ENCODER = (2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42)
_DECODER = tuple(str(place) for place in (1, 5, 8, 11, 14, 18, 21, 25, 28))
_SPLIT_DECODER = (
    "decoder_layer_1.1",
    *(f"decoder_layer_2.{place}" for place in (1, 4, 7, 10, 14, 17, 21, 24)),
)
_ENCODER_WIDTHS = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}
_DECODER_WIDTHS = (256, 256, 256, 256, 128, 128, 64, 64, 3)
_FILES = {
    "encoder": "vgg_normalised.pth",
    "decoder": "decoder*.pth or latest_net_decoder.pth",
    "transformer": "transformer*.pth or latest_net_transformer.pth",
    "attention": "latest_net_adaattn_3.pth",
}


@dataclass(frozen=True)
class Method:
    """What the files of a method hold."""

    name: str
    engine: str
    origin: str
    encoder: Mapping[int, Sequence[str]]
    decoder: Sequence[str] = _DECODER
    joined: int = 0
    """Features that join those that are decoded at level 3."""


ADAIN = Method("AdaIN", "adain", "pytorch-AdaIN", ENCODER)
SANET = Method("SANet", "attention", "SANet", DEEP_ENCODER)
ADAATTN = Method("AdaAttN", "attention", "AdaAttN", DEEP_ENCODER, _SPLIT_DECODER, 256)


def method_of(transformer: Tensors | None) -> Method:
    """The method whose ``transformer`` this is, or that has none; raises ``WeightsMismatch``."""
    if transformer is None:
        return ADAIN
    for name, method in (("sanet4_1", SANET), ("attn_adain_4_1", ADAATTN)):
        if f"{name}.f.weight" in transformer:
            return method
    raise WeightsMismatch(f"--transformer is neither SANet's nor AdaAttN's; give {_FILES['transformer']}")


def converted(
    encoder: Tensors, decoder: Tensors, transformer: Tensors | None = None, attention: Tensors | None = None
) -> dict[str, Tensor]:
    """The tensors of ``nn/adain_vgg19.py`` or ``nn/attention_vgg19.py``.

    Raises ``WeightsMismatch`` for files that are not those, ``OptionError`` for one too many or too few.
    """
    method = method_of(transformer)
    if (attention is not None) != (method is ADAATTN):
        needs = f"needs --attention {_FILES['attention']}" if method is ADAATTN else "takes no --attention"
        raise OptionError(f"{method.name} {needs}")
    sources = {"encoder": encoder, "decoder": decoder}
    sources |= {"transformer": transformer or {}, "attention": attention or {}}
    files = _Files(method.name, sources)
    made = _encoded(files, method) | _decoded(files, method)
    if method is SANET:
        for level in (5, 4):
            made |= _attended(files, "transformer", f"sanet{level}_1.", level, 512, 512)
            made |= _folded(files, f"sanet{level}_1.out_conv", made, f"attention{level}.value")
    elif method is ADAATTN:
        keys = 64 + 128 + 256
        made |= _attended(files, "attention", "", 3, keys, 256)
        for level in (4, 5):
            keys += 512
            made |= _attended(files, "transformer", f"attn_adain_{level}_1.", level, keys, 512)
    if method is not ADAIN:
        made |= files.convolution("transformer", "merge_conv", "merge", (512, 512, 3, 3))
    return made


class _Files:
    """The tensors of the files of a method, checked when they are taken."""

    def __init__(self, method: str, sources: Mapping[str, Tensors]) -> None:
        self._method, self._sources = method, sources

    def convolution(self, part: str, key: str, name: str, shape: tuple[int, ...]) -> dict[str, Tensor]:
        """Weight and bias of ``key`` in the file ``part``, as those of ``name``."""
        return {
            f"{name}.weight": self.tensor(part, f"{key}.weight", shape),
            f"{name}.bias": self.tensor(part, f"{key}.bias", shape[:1]),
        }

    def tensor(self, part: str, key: str, shape: tuple[int, ...]) -> Tensor:
        value: object = self._sources[part].get(key)
        if not isinstance(value, Tensor) or tuple(value.shape) != shape:
            got = tuple(value.shape) if isinstance(value, Tensor) else "nothing"
            raise WeightsMismatch(
                f"--{part} is not {self._method}'s: {key} must be of the shape {shape}, got {got}; "
                f"give {_FILES[part]} as --{part}"
            )
        return value.float()


def _encoded(files: _Files, method: Method) -> dict[str, Tensor]:
    """The convolutions of the encoder, the map of colours before them folded into the first."""
    made: dict[str, Tensor] = {}
    inputs, places = 3, iter(_ENCODER)
    for level, names in method.encoder.items():
        width = _ENCODER_WIDTHS[level]
        for name, place in zip(names, places, strict=False):
            made |= files.convolution("encoder", str(place), f"encoder.{name}", (width, inputs, 3, 3))
            inputs = width
    matrix = files.tensor("encoder", f"{_COLORS}.weight", (3, 3, 1, 1))[:, :, 0, 0]
    offset = files.tensor("encoder", f"{_COLORS}.bias", (3,))
    kernel = made["encoder.conv1_1.weight"]  # a reflection of a linear map is the map of the reflection
    made["encoder.conv1_1.weight"] = torch.einsum("oiyx,ij->ojyx", kernel, matrix).contiguous()
    made["encoder.conv1_1.bias"] = made["encoder.conv1_1.bias"] + torch.einsum("oiyx,i->o", kernel, offset)
    return made


def _decoded(files: _Files, method: Method) -> dict[str, Tensor]:
    made: dict[str, Tensor] = {}
    inputs = 512
    names = [f"decoder{level}.{place}" for level in DECODER for place in range(DECODER[level])]
    for name, key, width in zip(names, method.decoder, _DECODER_WIDTHS, strict=True):
        inputs += method.joined if name == "decoder3.0" else 0
        made |= files.convolution("decoder", key, name, (width, inputs, 3, 3))
        inputs = width
    return made


def _attended(files: _Files, part: str, prefix: str, level: int, keys: int, values: int) -> dict[str, Tensor]:
    """Queries, keys and values of ``level``: 1x1 convolutions, as matrices."""
    made: dict[str, Tensor] = {}
    for key, name, width in (("f", "query", keys), ("g", "key", keys), ("h", "value", values)):
        made |= files.convolution(part, prefix + key, f"attention{level}.{name}", (width, width, 1, 1))
    return {key: value.reshape(len(value), -1) if value.ndim == 4 else value for key, value in made.items()}


def _folded(files: _Files, key: str, made: Tensors, name: str) -> dict[str, Tensor]:
    """The linear map ``name`` of ``made``, followed by the 1x1 convolution ``key``.

    What is attended to is a weighted mean, so that a map of it may be applied to the values before.
    """
    weight, bias = made[f"{name}.weight"], made[f"{name}.bias"]
    after = files.convolution("transformer", key, "after", (len(weight), len(weight), 1, 1))
    matrix = after["after.weight"][:, :, 0, 0]
    return {f"{name}.weight": matrix @ weight, f"{name}.bias": matrix @ bias + after["after.bias"]}


def main(arguments: list[str] | None = None) -> int:
    """Convert; returns the exit code."""
    parser = argparse.ArgumentParser(
        description="Published weights of AdaIN, SANet or AdaAttN, for the engines adain and attention."
    )
    parser.add_argument("--encoder", type=Path, required=True, help=_FILES["encoder"])
    parser.add_argument("--decoder", type=Path, required=True, help=_FILES["decoder"])
    parser.add_argument("--transformer", type=Path, help=f"of SANet or AdaAttN: {_FILES['transformer']}")
    parser.add_argument("--attention", type=Path, help=f"of AdaAttN: {_FILES['attention']}")
    parser.add_argument("-o", "--output", type=Path, required=True, help="a .safetensors file")
    parser.add_argument("--overwrite", action="store_true", help="replace the output if it exists")
    options = parser.parse_args(arguments)
    paths = [options.encoder, options.decoder, options.transformer, options.attention]
    try:
        check_outputs([("--output", options.output)], paths)
        check_file_output(("--output", options.output), overwrite=options.overwrite)
        encoder, decoder = _read(options.encoder), _read(options.decoder)
        transformer, attention = (None if path is None else _read(path) for path in paths[2:])
        tensors = converted(encoder, decoder, transformer, attention)
        _write(options.output, tensors, method_of(transformer))
    except VidstyleError as error:
        print(f"convert_weights: {error}", file=sys.stderr)
        return 1
    return 0


def _read(path: Path) -> Tensors:
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


def _write(target: Path, tensors: dict[str, Tensor], method: Method) -> None:
    from safetensors.torch import save

    try:
        metadata = {ENGINE: method.engine, "origin": f"{method.origin}, converted"}
        write_atomically(target, save(tensors, metadata))
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error


if __name__ == "__main__":
    sys.exit(main())
