"""Whether a picture file is animated, and which of its pictures belong to the animation."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from vidstyle.errors import InputError
from vidstyle.file_suffixes import READABLE_PICTURES
from vidstyle.video.pictures.picture_opening import opened

FORMATS = ("GIF", "PNG", "WEBP", "AVIF")


def animation_indices(image: Image.Image) -> range:
    """Indices of an animation's frames, without the default image that only viewers of stills show."""
    count = int(getattr(image, "n_frames", 1))
    has_cover = bool(getattr(image, "default_image", False))  # an animated PNG's, outside of its animation
    return range(1 if has_cover and count > 1 else 0, count)


def is_moving(path: Path) -> bool:
    """Whether ``path`` is an animated picture, by its content; False if it is not a picture."""
    try:
        with opened(path, formats=FORMATS) as image:
            return len(animation_indices(image)) > 1
    except InputError:
        return False


def is_still(path: Path) -> bool:
    """Whether ``path`` is a single picture, by its content, or by its extension if that cannot be read."""
    try:
        with opened(path) as image:
            return image.format not in FORMATS or len(animation_indices(image)) < 2
    except InputError:
        return path.suffix.lower() in READABLE_PICTURES
