"""Style pictures: files, bundled names or pixels."""

from __future__ import annotations

from pathlib import Path

from vidstyle.errors import InputError, OptionError, suggestion
from vidstyle.frames import Frame, Pixels, check_pixels

Style = str | Path | Pixels | Frame
"""A picture's path, a bundled style's name, or pixels (H, W, 3)."""

_FOLDER = Path(__file__).parent.parent / "assets" / "styles"
BUNDLED = ("ink", "lanterns", "meadow", "mosaic", "waves")


def bundled_styles() -> dict[str, Path]:
    """The pictures that come with vidstyle, by name."""
    return {name: _FOLDER / f"{name}.jpg" for name in BUNDLED}


def find_style(name: str | Path, folder: Path = Path()) -> Path:
    """The file of the style ``name``: a path (from ``folder``), else a bundled name; else ``InputError``."""
    path = folder / name
    bundled = bundled_styles()
    if path.is_file() or (path.exists() and str(name) not in bundled):
        return path
    if str(name) in bundled:
        return bundled[str(name)]
    looks_like_path = path.suffix or len(Path(name).parts) > 1
    hint = "give a picture file, or one of these names: " if looks_like_path else ""
    known = ", ".join(bundled) if looks_like_path else suggestion(str(name), bundled)
    raise InputError(f"no style {str(name)!r}: {hint}{known}")


def load(style: Style) -> Pixels:
    """The pixels (H, W, 3) of a ``style``; raises ``InputError`` and, for other arrays, ``OptionError``."""
    if isinstance(style, Frame):
        return style.pixels
    if not isinstance(style, (str, Path)):
        try:
            check_pixels(style)
        except ValueError as error:
            raise OptionError(f"a style's {error}") from error
        return style
    from vidstyle.video.stills import load_style  # imports torch

    return load_style(find_style(style))
