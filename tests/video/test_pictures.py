"""The one decoder of still pictures: the same for single pictures, folders, patterns, masks and styles."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pictures import wide_profile, write_tiff
from PIL import Image, ImageCms

from vidstyle.errors import InputError
from vidstyle.frames import Frame, eight_bits, sixteen_bits
from vidstyle.video.pictures import picture_opening
from vidstyle.video.pictures.animated import is_still
from vidstyle.video.reading.reader import Reader
from vidstyle.video.stills import load_image, load_style


def ramp(height: int = 40, width: int = 60) -> NDArray[np.float64]:
    """(H, W, 3) in [0, 1]: three ramps in different directions."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x / (width - 1), y / (height - 1), (x + y) / (width + height - 2)], -1)


def in_folder(path: Path) -> Frame:
    """The same file as the only picture of a folder."""
    folder = path.with_name(f"folder_{path.stem}")
    folder.mkdir()
    (folder / path.name).write_bytes(path.read_bytes())
    with Reader(folder) as reader:
        return next(iter(reader))


def by_pattern(path: Path) -> Frame:
    """The same file as the only picture of a pattern."""
    numbered = path.with_name(f"{path.stem}_0001{path.suffix}")
    numbered.write_bytes(path.read_bytes())
    with Reader(path.with_name(f"{path.stem}_%04d{path.suffix}")) as reader:
        return next(iter(reader))


def alone(path: Path) -> Frame:
    return load_image(path)


def as_style(path: Path) -> Frame:
    return Frame(load_style(path))


DOORS = pytest.mark.parametrize(
    "door", [alone, in_folder, by_pattern, as_style], ids=lambda door: door.__name__
)
Door = Callable[[Path], Frame]


def shares(frame: Frame) -> NDArray[np.float64]:
    return np.asarray(frame.pixels / np.iinfo(frame.pixels.dtype).max, np.float64)


@DOORS
@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"]
)
def test_every_mode_is_read_alike_everywhere(tmp_path: Path, mode: str, door: Door) -> None:
    picture = Image.fromarray(np.rint(ramp() * 255).astype(np.uint8))
    grey = np.asarray(picture.convert("L"))
    deep: dict[str, Any] = {
        "I;16": grey.astype(np.uint16) * 257,
        "I": grey.astype(np.int32) * 257,
        "F": grey / np.float32(255),
    }
    image = (
        Image.fromarray(deep[mode])
        if mode in deep
        else picture.quantize(200)
        if mode == "P"
        else picture.convert(mode)
    )
    path = tmp_path / "a.tif"
    image.save(path)
    wanted = (
        picture
        if mode in ("P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB")
        else picture.convert("1" if mode == "1" else "L")
    )
    assert abs(shares(door(path)) - np.asarray(wanted.convert("RGB")) / 255).mean() < 0.02


@DOORS
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_an_embedded_profile_is_applied_everywhere(
    tmp_path: Path, mode: str, suffix: str, door: Door
) -> None:
    green = Image.new("RGB", (8, 8), (150, 200, 150))
    path = tmp_path / f"a{suffix}"
    image = green.quantize(8) if mode == "P" else green.convert(mode)
    image.save(path, icc_profile=wide_profile(), lossless=True)
    assert np.rint(shares(door(path))[0, 0] * 255).tolist() == pytest.approx([124, 201, 149], abs=2)


@DOORS
def test_a_profile_is_applied_to_16_bits_as_to_8(tmp_path: Path, door: Door) -> None:
    eight = np.rint(ramp() * 255).astype(np.uint8)
    Image.fromarray(eight).save(tmp_path / "eight.png", icc_profile=wide_profile())
    wanted = shares(alone(tmp_path / "eight.png"))
    write_tiff(tmp_path / "deep.tif", sixteen_bits(eight), profile=wide_profile())
    unlike = abs(shares(door(tmp_path / "deep.tif")) - wanted)
    assert unlike.mean() < 0.25 / 255 and np.percentile(unlike, 99) < 2 / 255


def test_a_profile_that_changes_nothing_changes_nothing(tmp_path: Path) -> None:
    pixels = np.rint(ramp() * 65535).astype(np.uint16)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (alone(write_tiff(tmp_path / "a.tif", pixels, profile=srgb)).pixels == pixels).all()


@DOORS
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_turned_tiff_is_set_upright_once(
    tmp_path: Path, kind: str, channels: int, orientation: int, door: Door
) -> None:
    wanted = ramp()[..., [0, 0, 0]] if channels == 1 else ramp()
    stored = np.rot90(wanted, {1: 0, 3: 2, 6: 1, 8: 3}[orientation])[..., :channels]
    top = 1.0 if kind == "f4" else np.iinfo(kind).max
    path = write_tiff(
        tmp_path / "a.tif",
        (stored * top).astype(kind),
        photometric=2 if channels == 3 else 1,
        orientation=orientation,
    )
    assert abs(shares(door(path)) - wanted).max() < 0.01


@DOORS
@pytest.mark.parametrize("kind", ["f4", "f8", "u4", "i4", "u2"])
@pytest.mark.parametrize(
    ("channels", "photometric"), [(1, 1), (1, 0), (3, 2), (4, 2)], ids=["grey", "negative", "rgb", "rgba"]
)
@pytest.mark.parametrize("big_endian", [False, True])
def test_floats_and_long_integers_are_never_black(
    tmp_path: Path, kind: str, channels: int, photometric: int, big_endian: bool, door: Door
) -> None:
    wanted = ramp()[..., [0, 0, 0]] if channels == 1 else ramp()
    stored = np.dstack([ramp(), np.ones((40, 60))])[..., :channels]
    stored = 1 - stored if photometric == 0 else stored
    top = 1.0 if kind[0] == "f" else np.iinfo(kind).max
    path = write_tiff(
        tmp_path / "a.tif",
        (stored * top).astype(kind),
        photometric=photometric,
        alpha=channels == 4,
        big_endian=big_endian,
    )
    assert abs(shares(door(path)) - wanted).max() < 0.01


@pytest.mark.parametrize("door", [alone, in_folder], ids=lambda door: door.__name__)
@pytest.mark.parametrize(
    ("kind", "planar"), [("f2", False), ("i2", False), ("i1", False), ("f4", True), ("u2", True)]
)
def test_a_tiff_that_would_be_read_wrong_is_refused_in_one_line(
    tmp_path: Path, kind: str, planar: bool, door: Door
) -> None:
    path = write_tiff(tmp_path / "a.tif", ramp().astype(kind), planar=planar)
    with pytest.raises(
        InputError, match=r"a\.tif is a TIFF of 3 channels of .* cannot be read here; save it"
    ) as caught:
        door(path)
    assert "\n" not in str(caught.value)


@DOORS
def test_a_png_that_tells_its_turn_behind_its_pixels_is_set_upright(tmp_path: Path, door: Door) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    wanted = np.rint(ramp() * 255).astype(np.uint8)
    Image.fromarray(np.ascontiguousarray(np.rot90(wanted))).save(tmp_path / "a.png", exif=exif)
    data = (tmp_path / "a.png").read_bytes()
    begin = data.index(b"eXIf") - 4
    end = begin + 12 + int.from_bytes(data[begin : begin + 4], "big")
    moved = data[:begin] + data[end:-12] + data[begin:end] + data[-12:]  # IEND is the last
    (tmp_path / "a.png").write_bytes(moved)
    assert (door(tmp_path / "a.png").pixels == wanted).all()


def test_light_beyond_white_is_clipped_and_counts_are_scaled(tmp_path: Path) -> None:
    light = ramp()
    light[:4] = 30.0
    assert (
        abs(shares(alone(write_tiff(tmp_path / "a.tif", light.astype("f4")))) - np.minimum(light, 1)).max()
        < 0.01
    )
    counts = np.rint(ramp() * 255)
    assert abs(shares(alone(write_tiff(tmp_path / "b.tif", counts.astype("f4")))) - counts / 255).max() < 0.01


def test_floats_of_a_folder_have_one_white(tmp_path: Path) -> None:
    for number, top in enumerate((200, 1, 100)):  # a dark picture among brighter ones
        write_tiff(tmp_path / f"{number}.tif", np.rint(ramp() * top).astype("f4"))
    with Reader(tmp_path) as reader:
        peaks = [frame.pixels.max() / 65535 * 255 for frame in reader]
    assert np.rint(peaks).tolist() == [200, 1, 100]


@pytest.mark.parametrize("door", [alone, in_folder], ids=lambda door: door.__name__)
@pytest.mark.parametrize("kind", [b"P5", b"P6"])
def test_a_netpbm_of_10_bits_is_read_whole(tmp_path: Path, kind: bytes, door: Door) -> None:
    wanted = ramp() if kind == b"P6" else ramp()[..., [0, 0, 0]]
    stored = np.rint(wanted * 1023).astype(">u2")[..., : 3 if kind == b"P6" else 1]
    path = tmp_path / "a.ppm"
    path.write_bytes(kind + b"\n# by a scanner\n60 40 1023\n" + stored.tobytes())
    frame = door(path)
    assert frame.bits == 16
    assert abs(shares(frame) - wanted).max() < 0.001


@pytest.mark.parametrize("door", [alone, in_folder], ids=lambda door: door.__name__)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_clear_colour_of_a_16_bit_png_is_clear(tmp_path: Path, channels: int, door: Door) -> None:
    stored = np.rint(ramp() * 65535).astype(np.uint16)[..., :channels]
    key = stored[0, 0]
    done, data = cv2.imencode(".png", stored[..., ::-1])
    assert done
    body = struct.pack(f">{channels}H", *key.tolist())
    chunk = struct.pack(">I", len(body)) + b"tRNS" + body + struct.pack(">I", zlib.crc32(b"tRNS" + body))
    whole = data.tobytes()
    place = whole.index(b"IDAT") - 4
    (tmp_path / "a.png").write_bytes(whole[:place] + chunk + whole[place:])
    frame = door(tmp_path / "a.png")
    assert frame.alpha is not None
    assert ((frame.alpha == 0) == (stored == key).all(-1)).all()


@DOORS
def test_a_picture_beyond_all_measure_is_refused_everywhere(
    tmp_path: Path, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, kind in (("a.png", np.uint8), ("b.tif", np.uint16)):
        path = (
            write_tiff(tmp_path / name, np.zeros((40, 60, 3), kind)) if name == "b.tif" else tmp_path / name
        )
        if name == "a.png":
            Image.new("RGB", (60, 40)).save(path)
        with monkeypatch.context() as patch:
            patch.setattr(picture_opening, "LARGEST_PICTURE", 1000)
            with pytest.raises(InputError, match=r"has 60x40 pixels; at most"):
                door(path)


@DOORS
def test_pillows_limit_on_pixels_stops_nothing(
    tmp_path: Path, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (60, 40)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert door(tmp_path / "a.png").pixels.shape == (40, 60, 3)


@pytest.mark.parametrize("size", [(1, 1), (30_000, 1), (1, 30_000), (30_000, 40)])
@DOORS
def test_pictures_of_one_pixel_and_very_long_ones_are_read(
    tmp_path: Path, size: tuple[int, int], door: Door
) -> None:
    Image.new("RGB", size, (10, 200, 30)).save(tmp_path / "a.png")
    frame = door(tmp_path / "a.png")
    assert min(frame.pixels.shape[:2]) >= 1
    assert abs(frame.pixels.astype(int) - (10, 200, 30)).max() <= 1


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_a_mask_is_made_smaller_while_it_is_read(tmp_path: Path, mode: str, kind: Any) -> None:
    half = np.zeros((40, 600, 3), kind)
    half[:, 300:] = np.iinfo(kind).max
    if kind == np.uint16:
        write_tiff(tmp_path / "a.tif", half)
    else:
        Image.fromarray(half).convert(mode).save(tmp_path / "a.tif")
    mask = load_image(tmp_path / "a.tif", largest=120).pixels
    assert mask.shape == (8, 120, 3) and mask.dtype == np.uint8
    assert mask[:, :56].max() <= 4 and mask[:, 64:].min() >= 251


def test_16_bits_are_rounded_to_8_in_one_way() -> None:
    every = np.arange(65536, dtype=np.uint16)
    assert (eight_bits(every) == np.rint(every / 257)).all()
    assert (eight_bits(sixteen_bits(np.arange(256, dtype=np.uint8))) == np.arange(256)).all()


@pytest.mark.parametrize(
    ("name", "options", "still"),
    [
        ("a.gif", {}, False),
        ("a.png", {}, False),
        ("a.webp", {"lossless": True}, False),
        ("a.avif", {}, False),
        ("a.tif", {}, True),
        ("moving.jpg", {"format": "GIF"}, False),
    ],
)
def test_a_picture_moves_by_what_it_holds(
    tmp_path: Path, name: str, options: dict[str, Any], still: bool
) -> None:
    pictures = [Image.new("RGB", (16, 16), (shade, 0, 0)) for shade in (0, 250)]
    pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:], **options)
    assert is_still(tmp_path / name) is still
    pictures[0].save(tmp_path / f"one_{name}", **options)
    assert is_still(tmp_path / f"one_{name}")


def test_an_animated_png_shows_its_animation_not_the_picture_for_still_viewers(tmp_path: Path) -> None:
    cover, *moving = [Image.new("RGB", (16, 16), (shade, 0, 0)) for shade in (250, 10, 20, 30)]
    cover.save(
        tmp_path / "a.png", save_all=True, append_images=moving, default_image=True, duration=[40, 80, 120]
    )
    with Reader(tmp_path / "a.png") as reader:
        frames = list(reader)
    assert [int(frame.pixels[0, 0, 0]) for frame in frames] == [10, 20, 30]
    assert [frame.duration for frame in frames] == [Fraction(4, 100), Fraction(8, 100), Fraction(12, 100)]


def test_an_animation_of_one_picture_behind_another_for_still_viewers_is_no_clip(tmp_path: Path) -> None:
    cover, only = [Image.new("RGB", (16, 16), (shade, 0, 0)) for shade in (250, 10)]
    buffer = io.BytesIO()
    cover.save(buffer, "PNG", save_all=True, append_images=[only], default_image=True, duration=[40])
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match="is a single picture"):
        Reader(tmp_path / "a.png")
