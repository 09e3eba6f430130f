"""An engine's network for given statistics as an ONNX model."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from vidstyle._version import __version__
from vidstyle.engines.base import AnyEngine, Engine, Statistics
from vidstyle.engines.network import Network
from vidstyle.errors import OptionError
from vidstyle.optional_imports import require

S = TypeVar("S")
T = TypeVar("T", bound=Statistics)

OPSET = 20
IMAGE, PAINTED = "image", "painted"
METADATA = "vidstyle"
"""The key of a model's metadata under which ``facts`` lie as JSON."""
_EXAMPLE = 2, 3, 72, 96  # image that the graph is recorded with; torch would fix a batch of 1
_LARGEST_SIDE, _LARGEST_BATCH = 16384, 64


def network_of(engine: Engine[S, T]) -> Network[S, T]:
    """The network of ``engine`` for given statistics; raises ``OptionError`` if it has none."""
    network = engine.exportable()
    if network is None:
        raise OptionError(
            f"the network of {engine.info.title} cannot be exported; "
            "those of stylenet, wct, wct-slim, wct-single-pass, adain and photoreal can"
        )
    return network.eval()


def facts(engine: Engine[S, T], network: Network[S, T], precision: str) -> dict[str, object]:
    """What a user of a model must know of it: engine, version, sides, reach and precision."""
    return {
        "engine": engine.info.title,
        "version": __version__,
        "precision": precision,
        "multiple": network.multiple,
        "receptive_field": engine.info.receptive_field,
        "inputs": list(network.names),
    }


def onnx_model(engine: AnyEngine, *, precision: str = "fp32") -> bytes:
    """The network of ``engine`` as an ONNX model: ``image`` (B, 3, H, W) in [0, 1] to ``painted``, float32.

    Sides are multiples of ``Network.multiple``; the other inputs are those of ``Network.inputs``. With the
    ``precision`` fp16 it computes in float16, with fp32 in float32. Its metadata are the ``facts``.
    Raises ``OptionError``.
    """
    for library in ("onnx", "onnxscript"):
        require(library, "exporting a network")
    network = network_of(engine)
    inputs = example_inputs(engine, network)
    multiple = network.multiple
    rows, columns = (
        multiple * torch.export.Dim(name, min=engine.info.smallest // multiple, max=_LARGEST_SIDE // multiple)
        for name in ("rows", "columns")
    )
    batch = torch.export.Dim("batch", min=1, max=_LARGEST_BATCH)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's exporter, about itself
        try:
            program = torch.onnx.export(
                network if precision == "fp32" else _Half(network),
                (torch.rand(_EXAMPLE), inputs),
                dynamo=True,
                input_names=[IMAGE, *network.names],
                output_names=[PAINTED],
                dynamic_shapes=({0: batch, 2: rows, 3: columns}, [None] * len(inputs)),
                opset_version=OPSET,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:  # of an engine from outside
            reason = " ".join(str(error.__cause__ or error).split())
            raise OptionError(f"torch cannot export the network of {engine.info.title} ({reason})") from error
    assert program is not None  # only the older exporter, which writes files, returns None
    proto = program.model_proto
    for value in (proto.graph.input[0], proto.graph.output[0]):
        for place, name in ((0, "batch"), (2, "rows"), (3, "columns")):
            value.type.tensor_type.shape.dim[place].dim_param = name
    del proto.graph.value_info[:]  # shapes of inner tensors, by the names before
    proto.producer_name, proto.producer_version = "vidstyle", __version__
    entry = proto.metadata_props.add()
    entry.key = METADATA
    entry.value = json.dumps(facts(engine, network, precision))
    return bytes(proto.SerializeToString())


@torch.no_grad()
def example_inputs(engine: Engine[S, T], network: Network[S, T]) -> list[Tensor]:
    """Inputs of ``network`` besides the image, of some style and statistics."""
    noise = torch.rand(2, *_EXAMPLE[1:], generator=torch.Generator().manual_seed(0))
    style = engine.encode_style(noise[:1])
    statistics = engine.stylize(noise[1:], style).statistics
    assert statistics is not None  # an engine with a network has statistics
    return [part.clone() for part in network.inputs(style, statistics)]


class _Half(nn.Module):
    """A network in float16, with float32 at its borders."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).half()  # an engine's own tensors stay as they are

    def forward(self, image: Tensor, inputs: Sequence[Tensor]) -> Tensor:
        painted: Tensor = self.network(image.half(), [part.half() for part in inputs])
        return painted.float()
