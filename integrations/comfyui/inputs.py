"""Inputs of nodes: made from vidstyle's option records, which have their defaults, ranges and help texts."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from comfy_api.v0_0_2 import io

from vidstyle.options import PaintOptions, SteadyOptions
from vidstyle.styles.pictures import bundled_styles

STYLE = io.Custom("VIDSTYLE_STYLE")
"""Pictures and weights: a ``list[tuple[str | Pixels, float]]``."""

_STEP = 0.05  # of a number, for the arrows beside it


def option_inputs(*names: str) -> list[Any]:
    """An input for each of the named options, in their order."""
    records = {item.name: item for record in (PaintOptions, SteadyOptions) for item in fields(record)}
    return [_input(name, records[name]) for name in names]


def style_inputs() -> list[Any]:
    """The inputs that say what is painted like; ``styling`` reads them."""
    return [
        io.Combo.Input(
            "style",
            options=list(bundled_styles()),
            tooltip="a bundled picture, if none is connected",
        ),
        io.Image.Input("picture", optional=True, tooltip="the style: any picture"),
        STYLE.Input("mix", optional=True, tooltip="several styles, from Style Mix"),
    ]


def _input(name: str, item: Any) -> Any:
    about = item.metadata
    settings = {"default": item.default, "tooltip": about["help"]}
    if isinstance(item.default, bool):
        return io.Boolean.Input(name, **settings)
    if about["choices"] is not None:
        return io.Combo.Input(name, options=list(about["choices"]), **settings)
    return io.Float.Input(name, min=about["low"], max=about["high"], step=_STEP, **settings)
