"""The runtime TensorRT for RTX, on NVIDIA's GPUs, as a plug-in of ONNX Runtime."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch

from vidstyle.cache_folder import cache_folder
from vidstyle.errors import DeviceError
from vidstyle.optional_imports import require
from vidstyle.runtimes.base import RuntimeInfo
from vidstyle.runtimes.exported_engine import Array, Session
from vidstyle.runtimes.graph import GraphRuntime

_PLUGIN = "onnxruntime_ep_nv_tensorrt_rtx"


class TensorRT(GraphRuntime):
    """Number formats are those of the model. What it compiles is kept in vidstyle's cache, by model."""

    info: ClassVar[RuntimeInfo] = RuntimeInfo(
        title="TensorRT",
        modules=(_PLUGIN, "onnxruntime", "onnx", "onnxscript"),
        devices=("cuda",),
        precisions=("fp32", "fp16"),
    )

    def check(self, device: torch.device) -> None:
        _devices()

    def session(self, model: bytes, precision: torch.dtype) -> Session:
        library = require("onnxruntime", f"the runtime {self.info.title}")
        options = library.SessionOptions()
        settings, folder = {}, cache_folder("tensorrt")
        if folder is not None:
            kept = folder / hashlib.sha256(model).hexdigest()
            kept.mkdir(exist_ok=True)
            settings["nv_runtime_cache_path"] = str(kept)
        options.add_provider_for_devices(_devices()[:1], settings)
        made = library.InferenceSession(model, options)
        image, *names = (value.name for value in made.get_inputs())

        def run(frame: Array, inputs: Sequence[Array]) -> Array:
            feed = {image: frame, **dict(zip(names, inputs, strict=True))}
            return np.asarray(made.run(None, feed)[0])

        return run


def _devices() -> list[object]:
    """The GPUs that TensorRT can use; raises ``DeviceError`` if there are none, or no driver."""
    library = require("onnxruntime", "the runtime TensorRT")
    plugin = require(_PLUGIN, "the runtime TensorRT")
    name = plugin.get_ep_name()

    def known() -> list[object]:
        return [device for device in library.get_ep_devices() if device.ep_name == name]

    if known():
        return known()  # registered before
    try:
        library.register_execution_provider_library(name, plugin.get_library_path())
    except Exception as error:  # ONNX Runtime's errors have no common base class
        reason = " ".join(str(error).split()).rpartition("error: ")[2]
        raise DeviceError(f"TensorRT cannot be loaded ({reason}); use --runtime torch") from error
    if not known():
        raise DeviceError("TensorRT found no RTX GPU (30xx or later); use --runtime torch")
    return known()
