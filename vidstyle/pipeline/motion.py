"""What estimates motion in a run, and where the paint map computes."""

from __future__ import annotations

from typing import Any

import torch

from vidstyle.flow.base import auto_flow, load_flow
from vidstyle.options import SteadyOptions
from vidstyle.registry import name_of_part
from vidstyle.temporal.backends.base import AnyRaster
from vidstyle.temporal.backends.opencv_raster import CvRaster
from vidstyle.temporal.backends.torch_raster import TorchRaster


def flow_of(options: SteadyOptions, device: str) -> Any:
    """The flow estimator that ``options`` name, on ``device``; None if none is needed."""
    return load_flow(options.flow, device) if options.is_steady else None


def raster_of(device: torch.device) -> AnyRaster:
    """The paint map's backend for ``device``."""
    return CvRaster() if device.type == "cpu" else TorchRaster(device)


def flow_name(options: SteadyOptions, device: str) -> str | None:
    """The name of the estimator that ``options`` choose on ``device``; None if none is used."""
    if not options.is_steady:
        return None
    return auto_flow(device) if options.flow == "auto" else name_of_part(options.flow)
