"""The convolutions of an exported network in 8 bits, calibrated on frames."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import os
import warnings
from collections.abc import Generator, Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.engines.base import Engine, Statistics
from vidstyle.optional_imports import require
from vidstyle.runtimes.model_cache import kept_model
from vidstyle.runtimes.onnx_export import IMAGE, METADATA, network_of

S = TypeVar("S")
T = TypeVar("T", bound=Statistics)
Sample = Mapping[str, NDArray[np.float32]]
"""All inputs of a model, by name."""

_AREA = 240 * 320  # px² of a frame in calibration
_SAMPLES = 24
_FIRST = 2  # convolutions; in 8 bits they would move StyleNet 3 to 5 % away from a style


def quantized_model(engine: Engine[S, T], contents: Sequence[Tensor], styles: Sequence[Tensor]) -> bytes:
    """The ONNX model of ``engine`` with the constant convolutions in 8 bits, in QDQ format.

    In float32 stay those whose kernels are inputs, those before the first of these, as maps of features
    amplify their errors (the mean error of ``wct-single-pass`` would be 2.0 % of the range, not 1.0 %), and
    the first two of a network that has no such.

    Args:
        contents, styles: pictures (1, 3, H, W) in [0, 1], of which 24 pairs are painted.

    Raises ``OptionError`` for a missing library or an engine without a network.
    """
    with _quiet():
        nncf = require("nncf", "--precision int8")
    onnx = require("onnx", "--precision int8")
    model = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(kept_model(engine)))
    pairs = [
        (contents[turn % len(contents)], styles[(turn + turn // len(contents)) % len(styles)])
        for turn in range(_SAMPLES)
    ]
    samples = [_sample(engine, content, style) for content, style in pairs]
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    inputs = {value.name for value in model.graph.input}
    variable = [node for node in convolutions if node.input[1] in inputs]
    before = convolutions[: convolutions.index(variable[0]) if variable else _FIRST]
    others = {node.op_type for node in model.graph.node} - {"Conv"}
    # NNCF takes every kernel for a constant: those that are inputs get values, which samples replace
    given = [name for node in variable for name in node.input[1:]]
    for name in given:
        model.graph.initializer.append(onnx.numpy_helper.from_array(samples[0][name], name))
    ignored = nncf.IgnoredScope(
        types=sorted(others),
        names=sorted(node.name for node in (*before, *variable)),
        validate=False,
    )
    with _quiet():
        made = nncf.quantize(model, nncf.Dataset(samples), subset_size=_SAMPLES, ignored_scope=ignored)
    constants = [copy.deepcopy(each) for each in made.graph.initializer if each.name not in given]
    del made.graph.initializer[:]
    made.graph.initializer.extend(constants)
    del made.graph.value_info[:]
    for entry in made.metadata_props:
        if entry.key == METADATA:
            entry.value = json.dumps({**json.loads(entry.value), "precision": "int8"})
    return bytes(made.SerializeToString())


@torch.inference_mode()
def _sample(engine: Engine[S, T], content: Tensor, style: Tensor) -> Sample:
    """The inputs of the network of ``engine`` for a frame with its own statistics."""
    network = network_of(engine)
    height, width = content.shape[-2:]
    scale = (_AREA / (height * width)) ** 0.5
    multiple = network.multiple
    size = [max(4, round(side * scale / multiple)) * multiple for side in (height, width)]
    image = F.interpolate(content.float(), size, mode="bilinear", antialias=True)
    known = engine.encode_style(style)
    statistics = engine.stylize(image, known).statistics
    assert statistics is not None  # an engine with a network has statistics
    parts = zip((IMAGE, *network.names), (image, *network.inputs(known, statistics)), strict=True)
    return {name: np.ascontiguousarray(part.cpu().numpy()) for name, part in parts}


@contextlib.contextmanager
def _quiet() -> Generator[None, None, None]:
    """A context in which NNCF prints nothing, warns of nothing and reports nothing to its makers."""
    os.environ.setdefault("NNCF_CI", "1")  # else it sends statistics of use; read when it is imported
    onnxruntime = require("onnxruntime", "--precision int8")
    onnxruntime.set_default_logger_severity(3)  # errors
    levels = {name: logging.getLogger(name).level for name in ("nncf", "torch.utils.cpp_extension")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        onnxruntime.set_default_logger_severity(2)  # warnings, its default
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
