"""What is given as the style of a run: one or several, their names and their files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from vidstyle.options import PaintOptions
from vidstyle.styles.pictures import Style
from vidstyle.styles.track import pictures_of

Styling = Style | Sequence[Style]
"""One style (a picture's path, a bundled name, pixels), or several that are mixed."""


def styling_name(style: Styling, track: Path | None) -> str:
    """The name for results: the styles' names, joined, or the style track's."""
    names = [Path(item).stem for item in style_list(style) if isinstance(item, (str, os.PathLike))]
    if not names and track is not None:
        names = [Path(track).stem]
    return "+".join(names) or "painted"


def files_of(style: Styling, paint: PaintOptions) -> tuple[Path, ...]:
    """The files that painting reads beside the clip: styles, masks, style track and its pictures, weights."""
    named = [item for item in style_list(style) if isinstance(item, (str, Path))]
    options = (paint.mask, paint.style_track, paint.weights)
    pictures = () if paint.style_track is None else pictures_of(paint.style_track)
    layers = (path for style, mask in paint.layer for path in (Path(style), mask))
    return (*map(Path, named), *(path for path in options if path is not None), *pictures, *layers)


def style_list(style: Styling) -> list[Style]:
    """The styles that ``style`` stands for."""
    return list(style) if isinstance(style, (list, tuple)) else [cast(Style, style)]
