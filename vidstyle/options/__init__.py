"""All options: records with defaults, help texts and ranges, converters, and typed keywords."""

from vidstyle.options.checked_fields import Checked, option, value_of
from vidstyle.options.file_records import ReadOptions, WriteOptions
from vidstyle.options.mask_options import MaskOptions
from vidstyle.options.qualities import CAMERA_QUALITY, DEFAULT_QUALITY, QUALITIES
from vidstyle.options.records import (
    DEFAULT_CRF,
    LARGEST_STYLE,
    CompositingOptions,
    DetailOptions,
    PaintOptions,
    SegmentOptions,
    SheetOptions,
    SteadyOptions,
    check_keywords,
    make_record,
    select_keywords,
)

__all__ = [
    "CAMERA_QUALITY",
    "DEFAULT_CRF",
    "DEFAULT_QUALITY",
    "LARGEST_STYLE",
    "QUALITIES",
    "Checked",
    "CompositingOptions",
    "DetailOptions",
    "MaskOptions",
    "PaintOptions",
    "ReadOptions",
    "SegmentOptions",
    "SheetOptions",
    "SteadyOptions",
    "WriteOptions",
    "check_keywords",
    "make_record",
    "option",
    "select_keywords",
    "value_of",
]
