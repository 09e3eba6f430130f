"""Any style network in an ONNX file as a frozen teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.engines.base import Engine, EngineInfo, Painted, Statistics
from vidstyle.errors import InputError, OptionError, WeightsMismatch
from vidstyle.optional_imports import require

_DEFAULT_SIDE = 256  # px: side of style pictures for a network without a fixed size


@dataclass(frozen=True, slots=True)
class _Input:
    """An input of a network: a picture, or a vector."""

    name: str
    shape: tuple[object, ...]

    @property
    def is_picture(self) -> bool:
        return len(self.shape) == 4 and 3 in (self.shape[1], self.shape[3]) and self.shape[2] != 1

    @property
    def is_channels_last(self) -> bool:
        return bool(self.shape[3] == 3 and self.shape[1] != 3)

    @property
    def sides(self) -> tuple[int, int] | None:
        """The height and width that the network requires; None if it takes any."""
        sides = self.shape[1:3] if self.is_channels_last else self.shape[2:4]
        fixed = [side for side in sides if isinstance(side, int) and side > 0]
        return (fixed[0], fixed[1]) if len(fixed) == 2 else None


class OnnxTeacher(Engine[Tensor, Statistics]):
    """Networks that take pictures in [0, 1], (1, 3, H, W) or (1, H, W, 3), and return one.

    Args:
        file: its inputs are the content and the style picture, or the content and a style embedding.
        encoder: for an embedding: its input is the style picture, its output the embedding.

    Raises ``InputError`` for files that cannot be read, ``WeightsMismatch`` for networks with other inputs,
    ``OptionError`` without the encoder that is needed.
    """

    info = EngineInfo(title="ONNX teacher")

    def __init__(self, file: Path, encoder: Path | None = None) -> None:
        super().__init__()
        self._file = file
        self._painter, inputs = _open(file)
        pictures = [item for item in inputs if item.is_picture]
        embeddings = [item for item in inputs if not item.is_picture]
        if len(inputs) != 2 or not pictures:
            listed = ", ".join(f"{item.name} {item.shape}" for item in inputs)
            raise WeightsMismatch(
                f"{file} cannot teach: it takes {listed}; "
                "expected a content picture and a style picture or embedding"
            )
        self._encoder: Any = None  # an onnxruntime session, which has no types
        if embeddings:
            if encoder is None:
                raise OptionError(
                    f"{file} takes an embedding ({embeddings[0].name}); "
                    "give the network that encodes style pictures as teacher_weights"
                )
            self._encoder, encoder_inputs = _open(encoder)
            if len(encoder_inputs) != 1 or not encoder_inputs[0].is_picture:
                raise WeightsMismatch(f"{encoder} makes no embeddings: expected one input, a picture")
            self._style, self._embedding = encoder_inputs[0], embeddings[0]
            self._content = pictures[0]
        else:
            by_name = [item for item in pictures if "style" in item.name.lower()]
            self._style = by_name[0] if len(by_name) == 1 else pictures[1]
            self._content = next(item for item in pictures if item is not self._style)

    def encode_style(self, image: Tensor) -> Tensor:
        """The embedding, (N,); or the picture itself, (1, 3, h, w), if the network takes pictures."""
        sides = self._style.sides or (_DEFAULT_SIDE, _DEFAULT_SIDE)
        if self._encoder is None:
            return _sized(image, sides)
        embedding = self._encoder.run(None, {self._style.name: _array(image, self._style, sides)})[0]
        return torch.from_numpy(embedding).flatten().to(image.device)

    def mix(self, styles: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        """The weighted mean of embeddings."""
        if self._encoder is None:
            raise OptionError(f"{self._file} takes style pictures, which cannot be mixed; set mixtures=0")
        return torch.stack([style * weight for style, weight in zip(styles, weights, strict=True)]).sum(0)

    def stylize(
        self, image: Tensor, style: Tensor, statistics: Statistics | None = None
    ) -> Painted[Statistics]:
        """Paint ``image`` (1, 3, H, W) in [0, 1]; it is resized if the network has a fixed size."""
        sides = tuple(image.shape[-2:])
        inputs = {self._content.name: _array(image, self._content, self._content.sides or sides)}
        if self._encoder is None:
            inputs[self._style.name] = _array(style, self._style, tuple(style.shape[-2:]))
        else:
            shape = [size if isinstance(size, int) and size > 0 else 1 for size in self._embedding.shape]
            if all(size == 1 for size in shape):
                shape[-1] = style.numel()  # the file does not fix the length
            inputs[self._embedding.name] = style.detach().float().cpu().numpy().reshape(shape)
        painted = torch.from_numpy(self._painter.run(None, inputs)[0]).to(image.device)
        if painted.shape[1] != 3:
            painted = painted.permute(0, 3, 1, 2)
        return Painted(_sized(painted, sides).clamp(0, 1))


def _open(file: Path) -> tuple[Any, list[_Input]]:
    library = require("onnxruntime", "an ONNX file as teacher")
    if not file.is_file():
        raise InputError(f"no file {file}; give the teacher's ONNX file")
    try:
        session = library.InferenceSession(str(file), providers=library.get_available_providers())
    except Exception as error:  # onnxruntime's errors have no common base class
        raise InputError(f"{file} cannot be read as ONNX: {' '.join(str(error).split())[:200]}") from error
    return session, [_Input(item.name, tuple(item.shape)) for item in session.get_inputs()]


def _sized(image: Tensor, sides: tuple[int, ...]) -> Tensor:
    if tuple(image.shape[-2:]) == sides:
        return image
    return F.interpolate(image, sides, mode="bilinear", antialias=True)


def _array(image: Tensor, to: _Input, sides: tuple[int, ...]) -> NDArray[np.float32]:
    """``image`` (1, 3, H, W) as an array for the input ``to``, resized to ``sides``."""
    sized = _sized(image.detach().float(), sides)
    return (sized.permute(0, 2, 3, 1) if to.is_channels_last else sized).contiguous().cpu().numpy()
