"""Colours both ways, held against the equations of H.273 worked out here in floating point."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from vidstyle.errors import InputError
from vidstyle.frames import ColorTags, Pixels
from vidstyle.video.color.conversion import from_rgb, to_rgb
from vidstyle.video.color.tags import decode_tags, has_alpha, sample_bits

Floats = NDArray[np.float64]

WEIGHTS = {  # Kr and Kb of H.273 table 4
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
DEPTHS = {8: "yuv444p", 10: "yuv444p10le", 12: "yuv444p12le"}


def yuv_of(rgb: Floats, matrix: int, bits: int, full: bool) -> list[Floats]:
    """Unrounded Y, Cb, Cr of RGB in [0, 1]: H.273 equations 20 to 31."""
    red_weight, blue_weight = WEIGHTS[matrix]
    luma: Floats = rgb @ np.array([red_weight, 1 - red_weight - blue_weight, blue_weight])
    blue = (rgb[..., 2] - luma) / (2 * (1 - blue_weight))
    red = (rgb[..., 0] - luma) / (2 * (1 - red_weight))
    top, unit = 2**bits - 1, 2 ** (bits - 8)
    if full:
        return [luma * top, blue * top + 128 * unit, red * top + 128 * unit]
    return [luma * 219 * unit + 16 * unit, blue * 224 * unit + 128 * unit, red * 224 * unit + 128 * unit]


def rgb_of(planes: list[Any], matrix: int, bits: int, full: bool) -> Floats:
    """RGB in [0, 1], clipped, of Y, Cb, Cr: the same equations the other way."""
    red_weight, blue_weight = WEIGHTS[matrix]
    top, unit = 2**bits - 1, 2 ** (bits - 8)
    shift = 128 * unit
    luma, blue, red = (plane.astype(np.float64) for plane in planes)
    if full:
        luma, blue, red = luma / top, (blue - shift) / top, (red - shift) / top
    else:
        luma = (luma - 16 * unit) / (219 * unit)
        blue, red = (blue - shift) / (224 * unit), (red - shift) / (224 * unit)
    r, b = luma + 2 * (1 - red_weight) * red, luma + 2 * (1 - blue_weight) * blue
    g = (luma - red_weight * r - blue_weight * b) / (1 - red_weight - blue_weight)
    rgb: Floats = np.clip(np.stack([r, g, b], axis=-1), 0, 1)
    return rgb


def colours(height: int = 48, width: int = 64) -> Floats:
    """All sorts of colours in [0, 1], with white on top and black below it."""
    rgb: Floats = np.random.default_rng(7).random((height, width, 3))
    rgb[:4], rgb[4:8] = 1.0, 0.0
    return rgb


def frame_of(planes: list[Any], pixel_format: str, tags: ColorTags | None = None) -> av.VideoFrame:
    """A frame with these planes, as a decoder would give it."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, pixel_format)
    for plane, samples in zip(frame.planes, planes, strict=True):
        lines = np.zeros((plane.height, plane.line_size), np.uint8)
        raw = np.ascontiguousarray(samples).view(np.uint8).reshape(plane.height, -1)
        lines[:, : raw.shape[1]] = raw
        plane.update(lines.tobytes())
    if tags is not None:
        frame.colorspace, frame.color_primaries = tags.matrix, tags.primaries
        frame.color_trc, frame.color_range = tags.transfer, 2 if tags.full_range else 1
    return frame


def planes_of(frame: av.VideoFrame) -> list[NDArray[Any]]:
    dtype = np.uint16 if sample_bits(frame.format) > 8 else np.uint8
    found = []
    for plane in frame.planes:
        lines = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)  # type: ignore[call-overload]
        found.append(lines.view(dtype)[:, : plane.width])
    return found


def full_scale(pixels: Pixels) -> int:
    return int(np.iinfo(pixels.dtype).max)


def as_pixels(rgb: Floats, dtype: Any) -> Pixels:
    pixels: Pixels = np.rint(rgb * np.iinfo(dtype).max).astype(dtype)
    return pixels


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("bits", DEPTHS)
@pytest.mark.parametrize("matrix", WEIGHTS)
def test_every_matrix_range_and_depth_is_read_to_a_rounding(matrix: int, bits: int, full: bool) -> None:
    dtype = np.uint8 if bits == 8 else np.uint16
    exact = yuv_of(colours(), matrix, bits, full)
    planes = [np.clip(np.rint(plane), 0, 2**bits - 1).astype(dtype) for plane in exact]
    tags = ColorTags(matrix, full_range=full)

    pixels, alpha = to_rgb(frame_of(planes, DEPTHS[bits], tags), tags)

    error = pixels / full_scale(pixels) - rgb_of(planes, matrix, bits, full)
    assert pixels.dtype == dtype and alpha is None
    assert abs(error).max() < 0.53 / 255 * (1 if bits == 8 else 0.3)
    assert abs(error.mean()) < 0.01 / 255
    assert (pixels[:4] == full_scale(pixels)).all() and not pixels[4:8].any()


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("bits", DEPTHS)
@pytest.mark.parametrize("matrix", [1, 6, 9])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["8", "16"])
def test_every_matrix_range_and_depth_is_written_without_bias(
    dtype: Any, matrix: int, bits: int, full: bool
) -> None:
    pixels = as_pixels(colours(), dtype)
    exact = yuv_of(pixels / full_scale(pixels), matrix, bits, full)

    frame = from_rgb(pixels, None, DEPTHS[bits], ColorTags(matrix, full_range=full))

    # 16 bits are brought to 8 with a dither, which may be a level off but is right in the mean
    unit = 2 ** (bits - 8)
    allowed = 1.1 if bits == 8 and dtype == np.uint16 else 0.5 + 0.08 * unit
    for plane, wanted in zip(planes_of(frame), exact, strict=True):
        error = plane - np.clip(wanted, 0, 2**bits - 1)
        assert abs(error).max() < allowed
        assert abs(error.mean()) < 0.03 * unit


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv420p10le", "yuv422p", "nv12"])
def test_ten_passes_through_a_file_neither_darken_nor_tint(pixel_format: str) -> None:
    ramp = np.linspace(20, 230, 96)[None, :, None] * np.array([1.0, 0.8, 0.6]) + np.zeros((64, 1, 1))
    first = pixels = np.rint(ramp).astype(np.uint8)
    tags = ColorTags(1, full_range=pixel_format.startswith("yuvj"))
    for _ in range(10):
        read, _none = to_rgb(from_rgb(pixels, None, pixel_format, tags), tags)
        pixels = read if read.dtype == np.uint8 else np.rint(read / 257).astype(np.uint8)

    drift = pixels[:, 4:-4].astype(float) - first[:, 4:-4]
    assert abs(drift.mean(axis=(0, 1))).max() < 0.35
    assert abs(drift).max() <= 4


def test_chroma_does_not_wander_in_ten_passes() -> None:
    pixels = np.full((32, 64, 3), (90, 100, 110), np.uint8)
    pixels[:, 31:] = (200, 40, 90)
    tags = ColorTags(1)
    difference = pixels[16].astype(float)
    for _ in range(10):
        pixels = to_rgb(from_rgb(pixels, None, "yuv420p", tags), tags)[0].astype(np.uint8)

    red, blue = (pixels[16, :, channel].astype(float) for channel in (0, 2))
    for seen, wanted in ((red, difference[:, 0]), (blue, difference[:, 2])):
        edge = abs(np.diff(seen)) @ np.arange(63) / abs(np.diff(seen)).sum()
        assert abs(edge - (abs(np.diff(wanted)) @ np.arange(63) / abs(np.diff(wanted)).sum())) < 1.0


@pytest.mark.parametrize(("lines", "matrix"), [(480, 6), (576, 5), (718, 6), (720, 1), (1080, 1)])
def test_an_untagged_picture_is_bt709_from_720_lines_on(lines: int, matrix: int) -> None:
    assert decode_tags(av.VideoFrame(16, lines, "yuv420p")) == ColorTags(matrix=matrix)


def test_the_primaries_tell_the_matrix_of_a_picture_that_does_not() -> None:
    frame = av.VideoFrame(16, 480, "yuv420p10le")
    frame.color_primaries = 9
    assert decode_tags(frame) == ColorTags(matrix=9, primaries=9)


def test_a_full_range_format_is_full_range_without_a_tag() -> None:
    assert decode_tags(av.VideoFrame(16, 16, "yuvj420p")).full_range


def test_the_stream_is_asked_where_the_picture_says_nothing() -> None:
    context: Any = av.CodecContext.create("libx264", "w")
    context.colorspace, context.color_range, context.color_primaries, context.color_trc = 9, 2, 9, 14
    assert decode_tags(av.VideoFrame(16, 16, "yuv420p"), context) == ColorTags(9, 9, 14, True)


@pytest.mark.parametrize("matrix", [8, 10, 14])
def test_a_matrix_that_cannot_be_converted_is_refused(matrix: int) -> None:
    frame = av.VideoFrame(16, 16, "yuv444p")
    frame.colorspace = matrix
    with pytest.raises(InputError, match=r"a\.mp4 stores its colours as"):
        decode_tags(frame, name="a.mp4")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["8", "16"])
@pytest.mark.parametrize(
    "pixel_format", ["rgb24", "bgr24", "gbrp", "gbrp10le", "gbrp12le", "rgb48le", "rgba", "bgra", "gbrap16le"]
)
def test_rgb_formats_lose_nothing_but_depth(pixel_format: str, dtype: Any) -> None:
    pixels = as_pixels(colours(), dtype)
    alpha: Any = pixels[..., 0].copy()

    frame = from_rgb(pixels, alpha, pixel_format, ColorTags(1, 1, 13))
    back, opacity = to_rgb(frame, decode_tags(frame))

    step = 1 / min(full_scale(pixels), 2 ** sample_bits(frame.format) - 1)
    error = back / full_scale(back) - pixels / full_scale(pixels)
    assert abs(error).max() < step
    assert abs(error.mean()) < 0.01 * step
    assert (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc) == (0, 2, 1, 13)
    assert (opacity is not None) == has_alpha(frame.format)
    if opacity is not None:
        assert abs(opacity / full_scale(back) - alpha / full_scale(pixels)).max() < step


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize(
    "pixel_format", ["yuva420p", "yuva444p", "yuva444p10le", "yuva444p12le", "yuva444p16le"]
)
def test_alpha_is_carried_to_a_rounding_and_has_no_limited_range(pixel_format: str, full: bool) -> None:
    pixels = as_pixels(colours(), np.uint16)
    alpha: Any = pixels[..., 1].copy()
    tags = ColorTags(1, full_range=full)

    back, opacity = to_rgb(from_rgb(pixels, alpha, pixel_format, tags), tags)

    bits = sample_bits(av.VideoFormat(pixel_format, 64, 48))
    assert opacity is not None
    assert opacity.dtype == back.dtype
    assert abs(opacity / full_scale(back) - alpha / 65535).max() < 0.52 / (2**bits - 1)


def test_alpha_that_is_not_given_is_opaque_and_one_that_has_no_place_is_left_out() -> None:
    pixels = as_pixels(colours(), np.uint8)
    tags = ColorTags(1)
    _, opaque = to_rgb(from_rgb(pixels, None, "yuva420p", tags), tags)
    _, none = to_rgb(from_rgb(pixels, pixels[..., 0].copy(), "yuv420p", tags), tags)
    assert opaque is not None and (opaque == 255).all()
    assert none is None


def test_what_is_written_is_tagged() -> None:
    frame = from_rgb(as_pixels(colours(), np.uint8), None, "yuv420p", ColorTags(6, 5, 6, True))
    assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (6, 5, 6, 2)


LAYOUTS = [
    *("yuv410p", "yuv411p", "yuv440p", "yuvj422p", "nv12", "nv21", "nv16"),
    *("p010le", "p210le", "yuyv422", "uyvy422", "yuv420p10be", "yuv444p16le", "y210le"),
    *("bgr0", "0rgb", "rgb565le", "x2rgb10le", "gbrpf32le", "vuya", "ayuv64le"),
]


@pytest.mark.parametrize("pixel_format", LAYOUTS)
def test_any_layout_of_samples_is_read_as_the_same_colour(pixel_format: str) -> None:
    pixels = np.full((32, 64, 3), (200, 60, 30), np.uint8)
    tags = ColorTags(1, full_range=pixel_format.startswith("yuvj"))
    frame = from_rgb(pixels, None, pixel_format, tags)

    back, _ = to_rgb(frame, decode_tags(frame))

    allowed = 7 if pixel_format == "rgb565le" else 1.6
    assert abs(back / full_scale(back) * 255 - pixels).max() <= allowed


@pytest.mark.parametrize(
    ("pixel_format", "color_range", "low", "high"),
    [
        ("gray", 0, 0, 255),
        ("gray", 2, 0, 255),
        ("gray", 1, 16, 235),
        ("gray10le", 1, 64, 940),
        ("gray12le", 2, 0, 4095),
    ],
)
def test_grey_is_read_by_its_range_and_as_full_without_one(
    pixel_format: str, color_range: int, low: int, high: int
) -> None:
    deep = pixel_format != "gray"
    plane = np.full((8, 32), low, np.uint16 if deep else np.uint8)
    plane[:, 16:] = high
    frame = frame_of([plane], pixel_format)
    frame.color_range = color_range

    pixels, _ = to_rgb(frame, decode_tags(frame))

    assert not pixels[:, :16].any()
    assert (pixels[:, 16:] == full_scale(pixels)).all()


def test_grey_with_alpha_is_read() -> None:
    samples = np.stack([np.full((8, 16), 90, np.uint8), np.full((8, 16), 30, np.uint8)], axis=-1)
    frame = frame_of([samples.reshape(8, 32)], "gray")
    frame = av.VideoFrame(16, 8, "ya8")
    lines = np.zeros((8, frame.planes[0].line_size), np.uint8)
    lines[:, :32] = samples.reshape(8, 32)
    frame.planes[0].update(lines.tobytes())

    pixels, alpha = to_rgb(frame, decode_tags(frame))

    assert (pixels == 90).all()
    assert alpha is not None and (alpha == 30).all()


@pytest.mark.parametrize("pixel_format", ["rgb24", "gbrp", "yuva444p", "gray"])
def test_what_is_read_belongs_to_the_caller(pixel_format: str) -> None:
    frame = from_rgb(as_pixels(colours(), np.uint8), None, pixel_format, ColorTags(1))
    before = [plane.copy() for plane in planes_of(frame)]

    pixels, alpha = to_rgb(frame, decode_tags(frame))
    pixels[:] = 1
    if alpha is not None:
        alpha[:] = 1

    assert all((old == new).all() for old, new in zip(before, planes_of(frame), strict=True))
    assert pixels.flags.c_contiguous


@pytest.mark.parametrize(
    "pixel_format", ["yuv420p", "yuvj420p", "yuv422p10le", "yuv444p", "yuva420p", "gbrp", "rgb24"]
)
@pytest.mark.parametrize("size", [(37, 53), (1, 1), (16, 17)])
def test_odd_sizes_keep_their_size(pixel_format: str, size: tuple[int, int]) -> None:
    pixels = np.full((*size, 3), (40, 160, 90), np.uint8)
    frame = from_rgb(pixels, None, pixel_format, ColorTags(1, full_range="j" in pixel_format))
    back, _ = to_rgb(frame, decode_tags(frame))
    assert back.shape == pixels.shape
    assert abs(back / full_scale(back) * 255 - pixels).max() < 2.1


def test_a_palette_is_read_by_its_colours() -> None:
    colours_of = np.zeros((256, 4), np.uint8)
    colours_of[7] = (255, 200, 60, 30)  # alpha, red, green, blue
    indices = np.full((16, 32), 7, np.uint8)
    frame = av.VideoFrame.from_ndarray((indices, colours_of), format="pal8")  # type: ignore[arg-type]

    pixels, alpha = to_rgb(frame, decode_tags(frame))

    assert (pixels == (200, 60, 30)).all() and alpha is None
