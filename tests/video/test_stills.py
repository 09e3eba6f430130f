"""Pixels and tensors, and pictures from and to files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from vidstyle.errors import InputError, OutputError
from vidstyle.file_suffixes import WRITABLE_PICTURES
from vidstyle.frames import Frame
from vidstyle.tensors import to_pixels, to_tensor
from vidstyle.video.pictures import picture_opening
from vidstyle.video.stills import load_image, load_style, save_image

EXIF_TURN = 0x0112


def noise(height: int = 20, width: int = 30, channels: int = 3, dtype: Any = np.uint8) -> NDArray[Any]:
    rng = np.random.default_rng(height * 1000 + width)
    return rng.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, endpoint=True)


def smooth(height: int = 60, width: int = 90) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], -1).astype(
        np.uint8
    )


def saved(path: Path, image: Image.Image, **settings: Any) -> Path:
    image.save(path, **settings)
    return path


# tensors


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_come_back_from_a_tensor_unchanged(dtype: Any) -> None:
    pixels = noise(37, 53, dtype=dtype)
    tensor = to_tensor(pixels)
    assert tensor.shape == (1, 3, 37, 53)
    assert tensor.is_contiguous(memory_format=torch.channels_last)
    assert tensor.min() >= 0
    assert tensor.max() <= 1
    assert np.array_equal(to_pixels(tensor, dtype), pixels)


def test_every_value_of_8_bits_survives_half_precision() -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    assert np.array_equal(to_pixels(to_tensor(pixels, dtype=torch.float16)), pixels)


def test_download_clamps_and_rounds() -> None:
    image = torch.tensor([-0.5, 0.49 / 255, 0.51 / 255, 2.0]).repeat(1, 3, 1, 1)
    assert to_pixels(image)[0, :, 0].tolist() == [0, 0, 1, 255]


def test_upload_takes_views_and_leaves_them_alone() -> None:
    pixels = noise(20, 30)
    before = pixels.copy()
    assert np.array_equal(to_pixels(to_tensor(pixels[::-1, ::2])), pixels[::-1, ::2])
    assert np.array_equal(pixels, before)


def test_upload_refuses_what_is_no_picture() -> None:
    with pytest.raises(ValueError, match=r"must be \(H, W, 3\) uint8 or uint16"):
        to_tensor(np.zeros((4, 4), np.uint8))


# stills


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright_by_exif(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[EXIF_TURN] = orientation
    path = saved(tmp_path / "turned.png", Image.fromarray(noise()), exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(load_image(path).pixels, expected)
    assert np.array_equal(load_style(path), expected)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_16_bits_are_kept_both_ways(tmp_path: Path, suffix: str, orientation: int) -> None:
    frame = Frame(noise(dtype=np.uint16))
    save_image(tmp_path / f"deep{suffix}", frame)
    loaded = load_image(tmp_path / f"deep{suffix}")
    assert loaded.pixels.dtype == np.uint16
    assert np.array_equal(loaded.pixels, frame.pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_is_kept_beside_the_pixels(tmp_path: Path, dtype: Any) -> None:
    samples = noise(channels=4, dtype=dtype)
    frame = Frame(np.ascontiguousarray(samples[..., :3]), alpha=np.ascontiguousarray(samples[..., 3]))
    save_image(tmp_path / "layered.png", frame)
    loaded = load_image(tmp_path / "layered.png")
    assert loaded.alpha is not None
    assert np.array_equal(loaded.alpha, samples[..., 3])
    assert np.array_equal(loaded.pixels, samples[..., :3])


def test_deep_greyscale_is_kept_deep(tmp_path: Path) -> None:
    grey = noise(channels=1, dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    assert np.array_equal(load_image(tmp_path / "grey.png").pixels, np.repeat(grey, 3, axis=2))


def test_a_palette_with_a_transparent_colour_has_alpha(tmp_path: Path) -> None:
    image = Image.fromarray(smooth()).quantize(8)
    path = saved(tmp_path / "palette.png", image, transparency=0)
    loaded = load_image(path)
    assert loaded.alpha is not None
    assert set(np.unique(loaded.alpha)) == {0, 255}


@pytest.mark.parametrize("suffix", WRITABLE_PICTURES)
def test_every_writable_format_is_read_again(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture{suffix}"
    save_image(path, Frame(smooth()))
    assert np.abs(load_image(path).pixels.astype(int) - smooth()).mean() < 3
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_a_format_without_alpha_shows_white_behind_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = Frame(np.zeros((16, 16, 3), np.uint8), alpha=np.zeros((16, 16), np.uint8))
    save_image(tmp_path / "flat.jpg", frame)
    assert load_image(tmp_path / "flat.jpg").pixels.min() > 250
    assert "no transparency" in caplog.text


def test_pictures_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    frame = Frame(smooth())
    with pytest.raises(OutputError, match=r"cannot write a picture as 'x\.doc'"):
        save_image(tmp_path / "x.doc", frame)
    with pytest.raises(OutputError, match="does not exist"):
        save_image(tmp_path / "none" / "x.png", frame)
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(OutputError, match=r"taken\.png is a folder"):
        save_image(tmp_path / "taken.png", frame)
    assert [item.name for item in tmp_path.iterdir()] == ["taken.png"]


# styles


def test_transparent_parts_of_a_style_are_white(tmp_path: Path) -> None:
    layered = np.zeros((20, 20, 4), np.uint8)
    layered[:, 10:, 3] = 255
    style = load_style(saved(tmp_path / "layered.png", Image.fromarray(layered)))
    assert style[:, :10].min() == 255
    assert style[:, 10:].max() == 0


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"])
def test_styles_of_any_mode_are_read(tmp_path: Path, mode: str) -> None:
    picture = Image.fromarray(smooth())
    if mode in ("I;16", "I", "F"):
        grey = np.asarray(picture.convert("L"))
        deep: dict[str, Any] = {"I;16": grey.astype(np.uint16) * 257, "I": grey.astype(np.int32) * 257}
        image = Image.fromarray(deep[mode] if mode in deep else grey / np.float32(255))
    else:
        image = picture.quantize(128) if mode == "P" else picture.convert(mode)
    assert image.mode == mode
    style = load_style(saved(tmp_path / "style.tif", image))
    assert style.dtype == np.uint8
    expected = picture.convert("1" if mode == "1" else "L")
    found = Image.fromarray(style).convert("L")
    assert np.abs(np.asarray(found).astype(int) - np.asarray(expected.convert("L"))).mean() < 6


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif", ".bmp", ".gif"])
def test_styles_of_common_formats_are_read(tmp_path: Path, suffix: str) -> None:
    style = load_style(saved(tmp_path / f"style{suffix}", Image.fromarray(smooth())))
    assert np.abs(style.astype(int) - smooth()).mean() < 12


def test_16_bit_styles_are_read(tmp_path: Path) -> None:
    save_image(tmp_path / "deep.png", Frame(smooth().astype(np.uint16) * 257))
    assert np.abs(load_style(tmp_path / "deep.png").astype(int) - smooth()).max() <= 1


def test_a_cmyk_jpeg_keeps_its_colours(tmp_path: Path) -> None:
    path = saved(tmp_path / "print.jpg", Image.new("CMYK", (32, 32), (0, 255, 255, 0)), quality=95)
    red, green, blue = load_style(path).mean((0, 1))
    assert red > 200
    assert max(green, blue) < 60


def test_an_embedded_profile_is_applied(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    plain = saved(tmp_path / "plain.png", Image.fromarray(smooth()))
    same = saved(tmp_path / "same.png", Image.fromarray(smooth()), icc_profile=srgb.tobytes())
    wrong = saved(tmp_path / "wrong.png", Image.fromarray(smooth()), icc_profile=lab.tobytes())
    junk = saved(tmp_path / "junk.png", Image.fromarray(smooth()), icc_profile=b"junk")
    for path in (same, wrong, junk):
        assert np.abs(load_style(path).astype(int) - load_style(plain)).max() <= 1


def test_a_huge_style_is_made_smaller_and_keeps_its_shape(tmp_path: Path) -> None:
    for suffix in (".png", ".jpg"):
        path = saved(tmp_path / f"huge{suffix}", Image.new("RGB", (6000, 1500), (200, 40, 90)))
        style = load_style(path)
        assert style.shape == (512, 2048, 3)
        assert np.abs(style.astype(int) - (200, 40, 90)).max() <= 3


def test_pillows_own_limit_does_not_stop_a_large_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    path = tmp_path / "large.png"
    path.write_bytes(_encoded(Image.fromarray(smooth()), "PNG"))
    assert load_style(path).shape == (60, 90, 3)
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_a_picture_beyond_all_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_opening, "LARGEST_PICTURE", 1000)
    path = saved(tmp_path / "bomb.png", Image.fromarray(smooth()))
    for read in (load_style, load_image):
        with pytest.raises(InputError, match=r"has 90x60 pixels"):
            read(path)


def test_an_animated_style_is_its_first_picture(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, second = Image.new("RGB", (20, 20), (250, 0, 0)), Image.new("RGB", (20, 20), (0, 0, 250))
    path = saved(tmp_path / "moving.gif", first, save_all=True, append_images=[second])
    assert load_style(path)[0, 0].tolist() == [250, 0, 0]
    assert "its first picture is the style" in caplog.text
    assert load_image(path).pixels[0, 0].tolist() == [250, 0, 0]
    assert "its first picture is taken" in caplog.text


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_a_picture_that_was_cut_off_is_one_line(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut{suffix}"
    save_image(path, Frame(noise(200, 200)))
    whole = path.read_bytes()
    for share in (0.02, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        for read in (load_style, load_image):
            with pytest.raises(InputError, match=r"cut\.") as caught:
                read(path)
            assert "\n" not in str(caught.value)


def test_a_deep_picture_that_was_cut_off_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    save_image(path, Frame(noise(200, 200, dtype=np.uint16)))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="damaged or cut off"):
        load_image(path)


def test_a_clip_given_as_a_style_is_refused_in_one_line(tmp_path: Path, plain_clip: Path) -> None:
    disguised = tmp_path / "art.jpg"
    disguised.write_bytes(plain_clip.read_bytes())
    for path in (plain_clip, disguised):
        with pytest.raises(InputError, match=r"is a video; a style is one picture") as caught:
            load_style(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.jpg", None, "no style .*gone.jpg"),
        ("empty.jpg", b"", "is empty"),
        ("words.txt", b"a letter", "is not a picture"),
        ("clip.asf", b"a clip", "is a video; a style is one picture"),
        ("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC.*save it as JPEG"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        load_style(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_style(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        load_style(tmp_path)


def _encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()
