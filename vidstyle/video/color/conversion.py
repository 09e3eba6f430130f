"""Colour conversion: decoded pictures to full-range RGB arrays, and RGB arrays to tagged pictures.

All settings are explicit, because each default of libswscale is wrong for some files:

* it takes untagged pictures of any size for BT.601, so ``decode_tags`` resolves every tag first;
* its default filter darkens 4:2:0 by 1.2 levels per conversion; ``UNBIASED`` does not (+0.01);
* above 8 bits its white is 65280 (or 1023 << 6), not 65535, which is corrected here;
* for full-range YUV it centres chroma on 127.5, a tint of half a level per conversion: here it converts to
  16-bit limited range, which is exact, and the range is expanded here;
* its planar RGB is four times as fast as packed RGB, and ``cv2.merge`` packs it at little cost.

YUV numbers follow ITU-T H.273, eq. 20-31. Packed and planar RGB numbers are always full range.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import cast

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from vidstyle.frames import ColorTags, Pixels, eight_bits, sixteen_bits
from vidstyle.video.color.tags import SCALER_MATRICES, has_alpha, is_rgb, sample_bits

UNBIASED = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


def to_rgb(
    frame: av.VideoFrame, tags: ColorTags, scaler: VideoReformatter | None = None
) -> tuple[Pixels, Pixels | None]:
    """The pixels (H, W, 3) full-range RGB and the alpha (H, W) or None of a decoded ``frame``, copied.

    uint8 for up to 8 bits a sample, uint16 (65535 is white) above. ``tags`` come from ``decode_tags``; reuse
    a ``scaler`` from frame to frame, as its setup is slow.
    """
    is_deep = sample_bits(frame.format) > 8
    alpha = has_alpha(frame.format)
    scaler = scaler or VideoReformatter()
    if is_rgb(frame.format):
        packed = ("rgba64le" if alpha else "rgb48le") if is_deep else ("rgba" if alpha else "rgb24")
        picture = _views(_convert(scaler, frame, packed, ColorTags(full_range=True), to_full=True))[0]
        # copied: if the format does not change, the view is of the decoder's buffer
        return picture[..., :3].copy(), picture[..., 3].copy() if alpha else None
    if len(frame.format.components) < 3:
        return _gray_to_rgb(frame, tags, scaler)
    planar = _convert(scaler, frame, "gbrp16le" if is_deep else "gbrp", tags, to_full=True)
    green, blue, red = _views(planar)
    if is_deep:
        for plane in (green, blue, red):
            _to_white(plane, sample_bits(frame.format) if tags.full_range else 8, into=plane)
    pixels = cast("Pixels", cv2.merge((red, green, blue)))
    return pixels, _read_alpha(frame, scaler) if alpha else None


def from_rgb(
    pixels: Pixels,
    alpha: Pixels | None,
    pixel_format: str,
    tags: ColorTags,
    scaler: VideoReformatter | None = None,
) -> av.VideoFrame:
    """A picture in ``pixel_format``, tagged with ``tags``, from (H, W, 3) pixels and (H, W) alpha.

    Pixels are uint8 or uint16 full-range RGB, for formats of any depth. Alpha is dropped if the format has
    none, and opaque if it is None. RGB formats are tagged as RGB and full range, whatever ``tags`` say.
    """
    height, width = pixels.shape[:2]
    wanted = av.VideoFormat(pixel_format, width, height)
    scaler = scaler or VideoReformatter()
    holds_alpha = any(component.is_alpha for component in wanted.components)
    opacity = _opaque(pixels) if holds_alpha and alpha is None else alpha if holds_alpha else None
    rgb_target = is_rgb(wanted)
    if rgb_target:
        pixels = _with_depth(pixels, wanted)
        opacity = None if opacity is None else _with_depth(opacity, wanted)
    source = _packed_frame(pixels, opacity, for_yuv=not rgb_target)
    full = tags.full_range or pixel_format.startswith("yuvj")
    twin = _limited_twin(pixel_format) if full and not rgb_target else None
    if twin is not None:
        result = _expand_range(_convert(scaler, source, twin, replace(tags, full_range=False)), pixel_format)
    else:
        result = _convert(scaler, source, pixel_format, replace(tags, full_range=full), to_full=rgb_target)
    if opacity is not None and len(result.planes) == 4 and not rgb_target:
        _views(result)[3][:] = _rescaled(opacity, sample_bits(wanted))  # libswscale's is off by one
    result.colorspace = 0 if rgb_target else tags.matrix
    result.color_range = ColorRange.JPEG if rgb_target or full else ColorRange.MPEG
    result.color_primaries = tags.primaries
    result.color_trc = tags.transfer
    return result


def _convert(
    scaler: VideoReformatter,
    frame: av.VideoFrame,
    pixel_format: str,
    tags: ColorTags,
    *,
    to_full: bool = False,
) -> av.VideoFrame:
    """Change the format of ``frame``; ``tags`` are those of whichever side is YUV."""
    matrix = SCALER_MATRICES.get(tags.matrix, Colorspace.ITU709)
    yuv_range = ColorRange.JPEG if tags.full_range else ColorRange.MPEG
    return scaler.reformat(
        frame,
        format=pixel_format,
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=yuv_range if to_full else ColorRange.JPEG,
        dst_color_range=ColorRange.JPEG if to_full else yuv_range,
        interpolation=UNBIASED,
        threads=1,  # the stages of a run already use several threads
    )


def _views(frame: av.VideoFrame) -> list[Pixels]:
    """The planes of a frame of 1, 3 or 4 components as arrays that share its memory."""
    components = frame.format.components
    dtype = np.dtype(np.uint16 if components[0].bits > 8 else np.uint8)
    channels = len(components) if len(frame.planes) == 1 else 1
    views = []
    for plane in frame.planes:
        shape: tuple[int, ...] = (plane.height, plane.width)
        strides: tuple[int, ...] = (plane.line_size, channels * dtype.itemsize)
        if channels > 1:
            shape, strides = (*shape, channels), (*strides, dtype.itemsize)
        # a bottom-up picture's buffer begins at its last line in memory
        offset = 0 if plane.line_size >= 0 else -plane.line_size * (plane.height - 1)
        views.append(np.ndarray(shape, dtype, buffer=memoryview(plane), offset=offset, strides=strides))
    return views


def _gray_to_rgb(
    frame: av.VideoFrame, tags: ColorTags, scaler: VideoReformatter
) -> tuple[Pixels, Pixels | None]:
    """Converts grey (with or without alpha) and bilevel: libswscale takes all grey for full range."""
    bits = sample_bits(frame.format)
    is_plain = frame.format.name in ("gray", "gray9le", "gray10le", "gray12le", "gray14le", "gray16le")
    if not is_plain:  # with alpha, bilevel, or big-endian
        plain = "gray16le" if bits > 8 else "gray"
        bits = 16 if bits > 8 else 8
        gray = _views(_convert(scaler, frame, plain, ColorTags(full_range=True), to_full=True))[0]
    else:
        gray = _views(frame)[0]
    opacity = _read_alpha(frame, scaler) if has_alpha(frame.format) else None
    if not tags.full_range:
        unit, top = 2 ** (bits - 8), 255 if bits == 8 else 65535
        wide = (gray.astype(np.float32) - 16 * unit) * (top / (219.0 * unit))
        gray = np.clip(np.rint(wide), 0, top).astype(gray.dtype)
    elif bits > 8:
        gray = _to_white(cast("Pixels", gray << (16 - bits)), bits)
    return cast("Pixels", cv2.merge((gray, gray, gray))), opacity


def _read_alpha(frame: av.VideoFrame, scaler: VideoReformatter) -> Pixels:
    """The alpha (H, W) of a picture that is not RGB: uint8 or uint16, as its pixels."""
    bits = sample_bits(frame.format)
    if len(frame.planes) == 4 and not frame.format.is_big_endian:
        alpha = _views(frame)[3]
        deep: Pixels = alpha.copy() if bits <= 8 else _to_white(cast("Pixels", alpha << (16 - bits)), bits)
        return deep
    packed = "rgba" if bits <= 8 else "rgba64le"
    picture = _convert(scaler, frame, packed, ColorTags(full_range=True), to_full=True)
    opacity: Pixels = _views(picture)[0][..., 3].copy()
    return opacity


def _rescaled(samples: Pixels, bits: int) -> Pixels:
    """Full-range samples of 8 or 16 bits rescaled to ``bits``, rounded."""
    stored, wanted = 8 * samples.dtype.itemsize, 2**bits - 1
    if stored == bits:
        return samples
    dtype = np.uint8 if bits <= 8 else np.uint16
    rescaled: Pixels = np.rint(samples * np.float32(wanted / (2**stored - 1))).astype(dtype)
    return rescaled


def _to_white(samples: Pixels, bits: int, into: Pixels | None = None) -> Pixels:
    """16-bit samples with white at (2**bits - 1) << (16 - bits) rescaled to white at 65535."""
    return samples if bits >= 16 else cast("Pixels", cv2.add(samples, samples >> bits, dst=into))


def _opaque(pixels: Pixels) -> Pixels:
    return np.full(pixels.shape[:2], np.iinfo(pixels.dtype).max, pixels.dtype)


def _with_depth(samples: Pixels, wanted: av.VideoFormat) -> Pixels:
    """Samples at the depth (8 or 16) of an RGB format; libswscale would shift, not scale."""
    deep = sample_bits(wanted) > 8
    return sixteen_bits(samples) if deep else eight_bits(samples)


def _packed_frame(pixels: Pixels, alpha: Pixels | None, *, for_yuv: bool) -> av.VideoFrame:
    """RGB arrays copied to a frame, rows aligned; ``for_yuv`` puts 16-bit white at libswscale's 65280."""
    deep = pixels.dtype == np.uint16
    name = ("rgb48le" if alpha is None else "rgba64le") if deep else ("rgb24" if alpha is None else "rgba")
    frame = av.VideoFrame(pixels.shape[1], pixels.shape[0], name)
    packed = _views(frame)[0]
    color = packed[..., :3]
    if deep and for_yuv:
        np.right_shift(pixels, 8, out=color)
        np.subtract(pixels, color, out=color)
    else:
        color[:] = pixels
    if alpha is not None:
        packed[..., 3] = alpha
    return frame


_YUV = re.compile(r"yuvj?(?P<alpha>a?)(?P<layout>420|422|444)p(\d+le)?")


def _limited_twin(pixel_format: str) -> str | None:
    """The 16-bit format of the same chroma subsampling and alpha; None for others, such as ``nv12``."""
    match = _YUV.fullmatch(pixel_format)
    return f"yuv{match['alpha']}{match['layout']}p16le" if match else None


def _expand_range(limited: av.VideoFrame, pixel_format: str) -> av.VideoFrame:
    """A 16-bit limited-range picture as ``pixel_format`` in full range (H.273 eq. 26-31)."""
    frame = av.VideoFrame(limited.width, limited.height, pixel_format)
    bits = sample_bits(frame.format)
    top = 2**bits - 1
    for index, (source, target) in enumerate(zip(_views(limited), _views(frame), strict=True)):
        if index == 0:  # luma: 16 … 235, in 256ths
            scale, offset = top / (219 * 256), -16 * top / 219
        elif index == 3:  # alpha is full range already
            scale, offset = top / 65535, 0.0
        else:  # chroma: 16 … 240 around 128, in 256ths
            scale, offset = top / (224 * 256), 2 ** (bits - 1) - 128 * top / 224
        if bits == 8:
            cv2.convertScaleAbs(source, dst=target, alpha=scale, beta=offset)
        else:
            target[:] = np.clip(np.rint(source * np.float32(scale) + np.float32(offset)), 0, top)
    return frame
