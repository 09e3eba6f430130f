"""Conversion of pictures to sRGB by their embedded ICC profile."""

from __future__ import annotations

import io
import logging
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

log = logging.getLogger(__name__)

_NODES = 86  # per channel, of the lookup table for 16-bit colours: every third 8-bit level
_BAND = 2**18  # px converted at a time


def to_srgb(image: Image.Image) -> Image.Image:
    """A picture in any of Pillow's 8-bit modes as sRGB: RGB, or RGBA if it has transparency data."""
    alpha = _alpha(image)
    plain = _plain(image)
    profile = image.info.get("icc_profile")
    transform = _transform(profile, plain.mode) if profile or plain.mode == "LAB" else None
    if transform is None and profile and plain.mode == "L":
        transform, plain = _transform(profile, "RGB"), plain.convert("RGB")  # grey with an RGB profile
    colors = _applied(transform, plain) if transform is not None else plain.convert("RGB")
    if alpha is not None:
        colors.putalpha(alpha)
    return colors


def deep_to_srgb(samples: NDArray[np.uint16], profile: bytes | None) -> NDArray[np.uint16]:
    """16-bit grey or RGB (H, W, 1 or 3) with ``profile`` as sRGB (H, W, 3); unusable profiles are ignored.

    Pillow's transforms have 8 bits, so colours are interpolated in a lookup table of them.
    """
    if samples.shape[2] == 1:
        transform = _transform(profile, "L") if profile else None
        if transform is not None:
            ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
            table = np.asarray(_applied(transform, ramp))[0] * 257.0
            grey = [np.interp(samples[..., 0], np.arange(256) * 257.0, table[:, index]) for index in range(3)]
            return np.asarray(np.rint(np.stack(grey, axis=-1)), np.uint16)
        samples = np.repeat(samples, 3, axis=2)
    transform = _transform(profile, "RGB") if profile else None
    if transform is None:
        return np.ascontiguousarray(samples)
    table = np.asarray(_applied(transform, _cube(_NODES))).reshape(_NODES, _NODES, _NODES, 3)
    flat = samples.reshape(-1, 3)
    converted = [
        _looked_up(flat[first : first + _BAND], table * np.float32(257))
        for first in range(0, len(flat), _BAND)
    ]
    return np.asarray(np.concatenate(converted).reshape(samples.shape), np.uint16)


def _alpha(image: Image.Image) -> Image.Image | None:
    if not image.has_transparency_data:
        return None
    if image.mode in ("La", "LA"):
        return image.convert("LA").getchannel("A")
    return image.convert("RGBA").getchannel("A")


def _plain(image: Image.Image) -> Image.Image:
    """``image`` without alpha, in a mode that ICC profiles support: L, RGB, CMYK or LAB."""
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image
    if image.mode in ("La", "LA"):
        return image.convert("LA").getchannel("L")
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA").convert("RGB") if image.mode == "RGBa" else image.convert("RGB")


@lru_cache(maxsize=16)
def _transform(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform from ``profile`` (None: CIE Lab) to sRGB; None if it is unusable or an identity."""
    try:
        plain = ImageCms.createProfile("LAB")
        source = ImageCms.ImageCmsProfile(plain if profile is None else io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        if mode in ("L", "RGB"):
            probe = Image.fromarray(np.arange(256, dtype=np.uint8)[None]) if mode == "L" else _cube(9)
            change = np.asarray(_applied(transform, probe)).astype(int) - np.asarray(probe.convert("RGB"))
            if abs(change).max() <= 1:
                return None
        return transform
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        log.debug("left out a colour profile that cannot be used for %s: %s", mode, error)
        return None


def _applied(transform: ImageCms.ImageCmsTransform, image: Image.Image) -> Image.Image:
    applied = ImageCms.applyTransform(image, transform)
    assert applied is not None  # as it is not in place
    return applied


def _cube(nodes: int) -> Image.Image:
    """All colours of a grid with ``nodes`` levels per channel as a picture of one row; red varies slowest."""
    steps = np.rint(np.linspace(0, 255, nodes)).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    return Image.fromarray(grid.reshape(1, -1, 3))


def _looked_up(colors: NDArray[np.uint16], table: NDArray[np.float32]) -> NDArray[np.uint16]:
    """(N, 3) colours by trilinear interpolation in ``table`` (red, green, blue, 3)."""
    steps = np.rint(np.linspace(0, 255, _NODES)) * 257.0
    place = np.stack([np.interp(colors[:, index], steps, np.arange(_NODES)) for index in range(3)], axis=-1)
    low = np.minimum(place.astype(np.int64), _NODES - 2)
    share = (place - low).astype(np.float32)
    result = np.zeros((len(colors), 3), np.float32)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, share, 1 - share), axis=-1)
        red, green, blue = (low + corner).T
        result += weight[:, None] * table[red, green, blue]
    return np.rint(result).astype(np.uint16)
