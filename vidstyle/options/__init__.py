"""All options: records with every default, help text and range once, converters, and typed keywords."""

from vidstyle.options.checked_fields import Checked, option, value_of
from vidstyle.options.records import (
    DEFAULT_CRF,
    DEFAULT_WORKING_SIZE,
    LARGEST_STYLE,
    DetailOptions,
    PaintOptions,
    ReadOptions,
    SheetOptions,
    SteadyOptions,
    WriteOptions,
    check_keywords,
    only,
    take,
)

__all__ = [
    "DEFAULT_CRF",
    "DEFAULT_WORKING_SIZE",
    "LARGEST_STYLE",
    "Checked",
    "DetailOptions",
    "PaintOptions",
    "ReadOptions",
    "SheetOptions",
    "SteadyOptions",
    "WriteOptions",
    "check_keywords",
    "only",
    "option",
    "take",
    "value_of",
]
