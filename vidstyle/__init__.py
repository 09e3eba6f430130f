"""Video style transfer: any clip as a moving painting in the style of any picture, without flicker."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from vidstyle._version import __version__

if TYPE_CHECKING:
    from vidstyle.api import Stylizer, steady, stylize_frames, stylize_image, stylize_video
    from vidstyle.errors import (
        DeviceError,
        InputError,
        OptionError,
        OutputError,
        UnknownName,
        VidstyleError,
        WeightsError,
        WeightsMismatch,
        WeightsMissing,
    )
    from vidstyle.evaluation.evaluate import evaluate
    from vidstyle.evaluation.results import Evaluation
    from vidstyle.frames import Frame, VideoInfo
    from vidstyle.pipeline.report import Progress, RunReport
    from vidstyle.temporal.paint_map.paint_map import PaintMap

_HOMES = {
    "DeviceError": "vidstyle.errors",
    "Evaluation": "vidstyle.evaluation.results",
    "Frame": "vidstyle.frames",
    "InputError": "vidstyle.errors",
    "OptionError": "vidstyle.errors",
    "OutputError": "vidstyle.errors",
    "PaintMap": "vidstyle.temporal.paint_map.paint_map",
    "Progress": "vidstyle.pipeline.report",
    "RunReport": "vidstyle.pipeline.report",
    "Stylizer": "vidstyle.api",
    "UnknownName": "vidstyle.errors",
    "VideoInfo": "vidstyle.frames",
    "VidstyleError": "vidstyle.errors",
    "WeightsError": "vidstyle.errors",
    "WeightsMismatch": "vidstyle.errors",
    "WeightsMissing": "vidstyle.errors",
    "evaluate": "vidstyle.evaluation.evaluate",
    "steady": "vidstyle.api",
    "stylize_frames": "vidstyle.api",
    "stylize_image": "vidstyle.api",
    "stylize_video": "vidstyle.api",
}

__all__ = [
    "DeviceError",
    "Evaluation",
    "Frame",
    "InputError",
    "OptionError",
    "OutputError",
    "PaintMap",
    "Progress",
    "RunReport",
    "Stylizer",
    "UnknownName",
    "VideoInfo",
    "VidstyleError",
    "WeightsError",
    "WeightsMismatch",
    "WeightsMissing",
    "__version__",
    "evaluate",
    "steady",
    "stylize_frames",
    "stylize_image",
    "stylize_video",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    """Import a public name on its first use (PEP 562): ``import vidstyle`` loads neither torch nor av."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
