"""Video style transfer: any clip as a moving painting in the style of any picture, without flicker."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from vidstyle._version import __version__

if TYPE_CHECKING:
    from vidstyle.api import Stylizer, steady, stylize_frames, stylize_image, stylize_video
    from vidstyle.engines.base import AnyEngine, Engine, EngineInfo, Painted, Statistics
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
    from vidstyle.evaluation.evaluate import OnMeasured, evaluate
    from vidstyle.evaluation.results import Conditions, Evaluation, Worst
    from vidstyle.flow.base import FlowEstimator, FlowInfo
    from vidstyle.flow.cache import FlowCache
    from vidstyle.frames import ColorTags, Frame, Pixels, VideoInfo
    from vidstyle.metrics.base import Metric, Motion, Sample
    from vidstyle.metrics.meaning import Meaning
    from vidstyle.options import PaintOptions, ReadOptions, SteadyOptions, WriteOptions
    from vidstyle.options.keywords import (
        FileKeywords,
        FrameKeywords,
        ImageKeywords,
        Number,
        ReadKeywords,
        SteadyFileKeywords,
        StreamKeywords,
        VideoKeywords,
    )
    from vidstyle.pipeline.report import OnFrame, Progress, RunReport
    from vidstyle.pipeline.stylizer import Styling
    from vidstyle.styles.pictures import Style
    from vidstyle.temporal.backends.base import AnyRaster, Raster
    from vidstyle.temporal.base import FrameMotion, RepaintMask
    from vidstyle.temporal.paint_map.paint_map import PaintMap
    from vidstyle.temporal.paint_map.settings import MapSettings


_HOMES = {
    "AnyEngine": "vidstyle.engines.base",
    "AnyRaster": "vidstyle.temporal.backends.base",
    "ColorTags": "vidstyle.frames",
    "Conditions": "vidstyle.evaluation.results",
    "DeviceError": "vidstyle.errors",
    "Engine": "vidstyle.engines.base",
    "EngineInfo": "vidstyle.engines.base",
    "Evaluation": "vidstyle.evaluation.results",
    "FileKeywords": "vidstyle.options.keywords",
    "FlowCache": "vidstyle.flow.cache",
    "FlowEstimator": "vidstyle.flow.base",
    "FlowInfo": "vidstyle.flow.base",
    "Frame": "vidstyle.frames",
    "FrameKeywords": "vidstyle.options.keywords",
    "FrameMotion": "vidstyle.temporal.base",
    "ImageKeywords": "vidstyle.options.keywords",
    "InputError": "vidstyle.errors",
    "MapSettings": "vidstyle.temporal.paint_map.settings",
    "Meaning": "vidstyle.metrics.meaning",
    "Metric": "vidstyle.metrics.base",
    "Motion": "vidstyle.metrics.base",
    "Number": "vidstyle.options.keywords",
    "OnFrame": "vidstyle.pipeline.report",
    "OnMeasured": "vidstyle.evaluation.evaluate",
    "OptionError": "vidstyle.errors",
    "OutputError": "vidstyle.errors",
    "PaintMap": "vidstyle.temporal.paint_map.paint_map",
    "PaintOptions": "vidstyle.options",
    "Painted": "vidstyle.engines.base",
    "Pixels": "vidstyle.frames",
    "Progress": "vidstyle.pipeline.report",
    "Raster": "vidstyle.temporal.backends.base",
    "ReadKeywords": "vidstyle.options.keywords",
    "ReadOptions": "vidstyle.options",
    "RepaintMask": "vidstyle.temporal.base",
    "RunReport": "vidstyle.pipeline.report",
    "Sample": "vidstyle.metrics.base",
    "Statistics": "vidstyle.engines.base",
    "SteadyFileKeywords": "vidstyle.options.keywords",
    "SteadyOptions": "vidstyle.options",
    "StreamKeywords": "vidstyle.options.keywords",
    "Style": "vidstyle.styles.pictures",
    "Styling": "vidstyle.pipeline.stylizer",
    "Stylizer": "vidstyle.api",
    "UnknownName": "vidstyle.errors",
    "VideoInfo": "vidstyle.frames",
    "VideoKeywords": "vidstyle.options.keywords",
    "VidstyleError": "vidstyle.errors",
    "WeightsError": "vidstyle.errors",
    "WeightsMismatch": "vidstyle.errors",
    "WeightsMissing": "vidstyle.errors",
    "Worst": "vidstyle.evaluation.results",
    "WriteOptions": "vidstyle.options",
    "evaluate": "vidstyle.evaluation.evaluate",
    "steady": "vidstyle.api",
    "stylize_frames": "vidstyle.api",
    "stylize_image": "vidstyle.api",
    "stylize_video": "vidstyle.api",
}

__all__ = [
    "AnyEngine",
    "AnyRaster",
    "ColorTags",
    "Conditions",
    "DeviceError",
    "Engine",
    "EngineInfo",
    "Evaluation",
    "FileKeywords",
    "FlowCache",
    "FlowEstimator",
    "FlowInfo",
    "Frame",
    "FrameKeywords",
    "FrameMotion",
    "ImageKeywords",
    "InputError",
    "MapSettings",
    "Meaning",
    "Metric",
    "Motion",
    "Number",
    "OnFrame",
    "OnMeasured",
    "OptionError",
    "OutputError",
    "PaintMap",
    "PaintOptions",
    "Painted",
    "Pixels",
    "Progress",
    "Raster",
    "ReadKeywords",
    "ReadOptions",
    "RepaintMask",
    "RunReport",
    "Sample",
    "Statistics",
    "SteadyFileKeywords",
    "SteadyOptions",
    "StreamKeywords",
    "Style",
    "Styling",
    "Stylizer",
    "UnknownName",
    "VideoInfo",
    "VideoKeywords",
    "VidstyleError",
    "WeightsError",
    "WeightsMismatch",
    "WeightsMissing",
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
