"""What is sent to workers: the same files under paths that do not depend on the current folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vidstyle.options.converters import as_layers
from vidstyle.segments.segment_job import Painting
from vidstyle.styles.pictures import Style

_FILES = ("mask", "style_cache", "style_track", "weights")


def with_absolute_paths(painting: Painting) -> Painting:
    """``painting`` with absolute paths; names of bundled styles stay as they are."""
    options: dict[str, object] = dict(painting.options)
    for name in _FILES:
        if options.get(name) is not None:
            options[name] = Path(str(options[name])).absolute()
    if options.get("layer"):
        layers = as_layers(options["layer"])
        options["layer"] = [(str(_absolute(style)), str(mask.absolute())) for style, mask in layers]
    return replace(painting, styles=tuple(map(_absolute, painting.styles)), options=options)


def _absolute(style: Style) -> Style:
    if isinstance(style, (str, Path)) and Path(style).exists():
        return Path(style).absolute()
    return style
