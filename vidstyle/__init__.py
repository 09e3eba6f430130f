"""Video style transfer: any clip as a moving painting in the style of any picture, without flicker."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidstyle.api import Stylizer, steady, stylize_frames, stylize_image, stylize_video
    from vidstyle.engines.styles import Style
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
    from vidstyle.evaluating import OnMeasured, evaluate
    from vidstyle.evaluation import Conditions, Evaluation, Worst
    from vidstyle.flow.base import FlowEstimator
    from vidstyle.flow.cache import FlowCache
    from vidstyle.frames import ColorTags, Frame, Pixels, VideoInfo
    from vidstyle.options import PaintOptions, ReadOptions, SteadyOptions, WriteOptions
    from vidstyle.report import OnFrame, Progress, RunReport
    from vidstyle.stylizer import Styling
    from vidstyle.temporal.mapsettings import MapSettings
    from vidstyle.temporal.paintmap import Need, PaintMap
    from vidstyle.temporal.raster import Raster
    from vidstyle.temporal.state import Motion
    from vidstyle.words import (
        FileWords,
        FrameWords,
        Number,
        ReadWords,
        SteadyFileWords,
        StillWords,
        StreamWords,
        Words,
    )

__version__ = "0.2.0"

_HOMES = {
    "ColorTags": "vidstyle.frames",
    "Conditions": "vidstyle.evaluation",
    "DeviceError": "vidstyle.errors",
    "Evaluation": "vidstyle.evaluation",
    "FileWords": "vidstyle.words",
    "FlowCache": "vidstyle.flow.cache",
    "FlowEstimator": "vidstyle.flow.base",
    "Frame": "vidstyle.frames",
    "FrameWords": "vidstyle.words",
    "InputError": "vidstyle.errors",
    "MapSettings": "vidstyle.temporal.mapsettings",
    "Motion": "vidstyle.temporal.state",
    "Need": "vidstyle.temporal.paintmap",
    "Number": "vidstyle.words",
    "OnFrame": "vidstyle.report",
    "OnMeasured": "vidstyle.evaluating",
    "OptionError": "vidstyle.errors",
    "OutputError": "vidstyle.errors",
    "PaintMap": "vidstyle.temporal.paintmap",
    "PaintOptions": "vidstyle.options",
    "Pixels": "vidstyle.frames",
    "Progress": "vidstyle.report",
    "Raster": "vidstyle.temporal.raster",
    "ReadOptions": "vidstyle.options",
    "ReadWords": "vidstyle.words",
    "RunReport": "vidstyle.report",
    "SteadyFileWords": "vidstyle.words",
    "SteadyOptions": "vidstyle.options",
    "StillWords": "vidstyle.words",
    "StreamWords": "vidstyle.words",
    "Style": "vidstyle.engines.styles",
    "Styling": "vidstyle.stylizer",
    "Stylizer": "vidstyle.api",
    "UnknownName": "vidstyle.errors",
    "VideoInfo": "vidstyle.frames",
    "VidstyleError": "vidstyle.errors",
    "WeightsError": "vidstyle.errors",
    "WeightsMismatch": "vidstyle.errors",
    "WeightsMissing": "vidstyle.errors",
    "Words": "vidstyle.words",
    "Worst": "vidstyle.evaluation",
    "WriteOptions": "vidstyle.options",
    "evaluate": "vidstyle.evaluating",
    "steady": "vidstyle.api",
    "stylize_frames": "vidstyle.api",
    "stylize_image": "vidstyle.api",
    "stylize_video": "vidstyle.api",
}

__all__ = [
    "ColorTags",
    "Conditions",
    "DeviceError",
    "Evaluation",
    "FileWords",
    "FlowCache",
    "FlowEstimator",
    "Frame",
    "FrameWords",
    "InputError",
    "MapSettings",
    "Motion",
    "Need",
    "Number",
    "OnFrame",
    "OnMeasured",
    "OptionError",
    "OutputError",
    "PaintMap",
    "PaintOptions",
    "Pixels",
    "Progress",
    "Raster",
    "ReadOptions",
    "ReadWords",
    "RunReport",
    "SteadyFileWords",
    "SteadyOptions",
    "StillWords",
    "StreamWords",
    "Style",
    "Styling",
    "Stylizer",
    "UnknownName",
    "VideoInfo",
    "VidstyleError",
    "WeightsError",
    "WeightsMismatch",
    "WeightsMissing",
    "Words",
    "Worst",
    "WriteOptions",
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
