"""Exported networks of engines, recorded once a process, and the runtimes that they run in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import onnxruntime
import openvino
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vidstyle import weights
from vidstyle.engines.base import AnyEngine, load_engine
from vidstyle.runtimes.model_cache import kept_model
from vidstyle.runtimes.onnx_export import network_of
from vidstyle.tensors import to_tensor
from vidstyle.video.stills import load_image

Feed = Mapping[str, NDArray[np.float32]]
Session = Callable[[Feed], NDArray[np.float32]]


@cache
def engine_of(name: str) -> AnyEngine:
    """An engine; adain with the weights that its training begins from."""
    return load_engine(name, weights.find(weights.SMALL_VGG) if name == "adain" else None)


@cache
def model_of(name: str, precision: str = "fp32") -> bytes:
    """The ONNX model of an engine."""
    engine = engine_of(name)
    return kept_model(engine, precision=precision)


def in_onnxruntime(model: bytes) -> Session:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return lambda feed: np.asarray(session.run(None, dict(feed))[0])


def in_openvino(model: bytes) -> Session:
    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = core.compile_model(core.read_model(model), "CPU", settings)
    return lambda feed: np.array(compiled(dict(feed))[0])


def photograph(height: int, width: int) -> Tensor:
    """(1, 3, H, W) in [0, 1]: a cat."""
    image = to_tensor(load_image(weights.ASSETS / "contents" / "chelsea.jpg").pixels)
    return F.interpolate(image, (height, width), mode="bilinear", antialias=True)


@torch.inference_mode()
def painted(name: str, image: Tensor, style: Tensor) -> tuple[Tensor, list[Tensor]]:
    """An ``image`` as the engine paints it with the statistics of a shot, and the inputs that they are."""
    engine = engine_of(name)
    known = engine.encode_style(style)
    statistics = engine.stylize(photograph(160, 240), known).statistics
    return engine.stylize(image, known, statistics).image, list(network_of(engine).inputs(known, statistics))


def feed_of(name: str, image: Tensor, inputs: Sequence[Tensor]) -> Feed:
    """What the model of an engine takes: an ``image`` padded by reflection, and ``inputs``."""
    network = network_of(engine_of(name))
    height, width = image.shape[-2:]
    padded = F.pad(image, (0, -width % network.multiple, 0, -height % network.multiple), mode="reflect")
    named = zip(["image", *network.names], [padded, *inputs], strict=True)
    return {key: part.contiguous().numpy() for key, part in named}
