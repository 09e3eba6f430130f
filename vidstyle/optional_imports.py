"""Libraries that only some parts need: imported on use, with an error that says what to install."""

from __future__ import annotations

import importlib
from typing import Any

from vidstyle.errors import OptionError

_EXTRAS = {  # module, or its root -> what it is called, and the extra that installs it
    "diffusers": ("diffusers", "diffusion"),
    "distributed": ("dask[distributed]", "dask"),
    "lightning_fabric": ("lightning-fabric", "train"),
    "nncf": ("nncf", "int8"),
    "onnx": ("onnx", "onnx"),
    "onnxruntime": ("onnxruntime", "onnx"),
    "onnxscript": ("onnxscript", "onnx"),
    "onnxruntime_ep_nv_tensorrt_rtx": ("onnxruntime-ep-nv-tensorrt-rtx-cu13", "tensorrt"),
    "openvino": ("openvino", "openvino"),
    "pyvirtualcam": ("pyvirtualcam", "live"),
    "ray": ("ray", "ray"),
    "laspy": ("laspy", "points"),
    "plyfile": ("plyfile", "points"),
    "scipy": ("SciPy", "study"),
    "scipy.spatial": ("SciPy", "points"),
    "skimage": ("scikit-image", "evaluate"),
    "starlette": ("starlette", "page"),
    "torch.utils.tensorboard": ("tensorboard", "train"),
    "torch_fidelity": ("torch-fidelity", "evaluate"),
    "transformers": ("transformers", "clip"),
    "uvicorn": ("uvicorn", "page"),
    "vapoursynth": ("VapourSynth (Python 3.12 or newer)", "vapoursynth"),
    "webdataset": ("webdataset", "shards"),
    "websockets": ("websockets", "page"),
}


def require(module: str, what: str, verb: str = "needs") -> Any:
    """Import ``module``, which ``what`` needs; ``OptionError`` with the command that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        library, extra = library_of(module)
        raise OptionError(
            f"{what} {verb} {library}, which is not installed; pip install 'vidstyle[{extra}]'"
        ) from error


def library_of(module: str) -> tuple[str, str]:
    """What a module's library is called, and the extra that installs it."""
    root = module.partition(".")[0]
    return _EXTRAS.get(module) or _EXTRAS.get(root) or (root, "evaluate")
