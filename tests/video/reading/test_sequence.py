"""Folders and patterns of pictures, and animated pictures, read like a clip."""

from __future__ import annotations

import logging
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import number_of, ramp_alpha, shapes
from PIL import Image

from vidstyle.errors import InputError, OptionError
from vidstyle.frames import Frame, VideoInfo
from vidstyle.options import ReadOptions
from vidstyle.video.color.tags import PICTURE_TAGS
from vidstyle.video.reading.reader import Reader


def read(path: Path, **options: Any) -> tuple[list[Frame], VideoInfo]:
    with Reader(path, ReadOptions(**options)) as reader:
        return list(reader), reader.info


def numbers(frames: list[Frame]) -> list[int]:
    return [number_of(frame.pixels) for frame in frames]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures whose names sort wrongly as text, and things that are no pictures."""
    folder = tmp_path / "shots"
    folder.mkdir()
    for number, picture in enumerate(shapes(12)):
        Image.fromarray(picture).save(folder / f"shot{number}.png")
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.png").write_text("not one either")
    (folder / "more").mkdir()
    return folder


@pytest.mark.parametrize("pattern", ["", "shot%d.png", "*.png", "shot?.png"])
def test_a_folder_or_pattern_is_read_in_the_order_people_count(folder: Path, pattern: str) -> None:
    frames, info = read(folder / pattern)
    count = 10 if "?" in pattern else 12
    assert numbers(frames) == list(range(count))
    assert all((f.pixels == wanted).all() for f, wanted in zip(frames, shapes(count), strict=True))
    assert (info.frames, info.rate, info.duration) == (count, Fraction(25), Fraction(count, 25))
    assert info.is_still_sequence and info.color == PICTURE_TAGS


def test_the_rate_is_25_or_as_asked(folder: Path) -> None:
    frames, info = read(folder, rate=Fraction(24000, 1001))
    assert [frame.time for frame in frames] == [n * Fraction(1001, 24000) for n in range(12)]
    assert {frame.duration for frame in frames} == {Fraction(1001, 24000)}
    assert (info.rate, info.time_base) == (Fraction(24000, 1001), Fraction(1001, 24000))


def test_a_part_of_a_folder(folder: Path) -> None:
    frames, info = read(folder, start=Fraction(1, 10), end=Fraction(3, 10), rate=Fraction(10))
    assert numbers(frames) == [1, 2]
    assert [frame.time for frame in frames] == [Fraction(0), Fraction(1, 10)]
    assert (info.start, info.frames) == (Fraction(1, 10), 2)
    assert numbers(read(folder, frames=4)[0]) == [0, 1, 2, 3]
    with pytest.raises(OptionError, match=r"0\.48 s long"):
        read(folder, start=Fraction(5))


def test_numbers_need_their_zeros_where_the_pattern_has_them(tmp_path: Path) -> None:
    for number, picture in enumerate(shapes(3)):
        Image.fromarray(picture).save(tmp_path / f"f_{number:04d}.png")
        Image.fromarray(picture).save(tmp_path / f"f_{number}.png")
    assert len(read(tmp_path / "f_%04d.png")[0]) == 3
    assert len(list(tmp_path.glob("*.png"))) == 6


def test_a_gap_in_the_numbers_is_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "shot5.png").unlink()
    with caplog.at_level(logging.WARNING, "vidstyle"):
        frames, _ = read(folder / "shot%d.png")
    assert numbers(frames) == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert "1 numbers between 0 and 11 are missing" in caplog.text


def test_sixteen_bits_and_alpha_are_kept(tmp_path: Path) -> None:
    made, alpha = shapes(3, deep=True), ramp_alpha(3, deep=True)
    for number, (picture, opacity) in enumerate(zip(made, alpha, strict=True)):
        samples: Any = np.dstack([picture[..., ::-1], opacity])
        cv2.imwrite(str(tmp_path / f"{number}.png"), samples)
    frames, info = read(tmp_path)
    assert (info.bits, info.has_alpha) == (16, True)
    for frame, picture, opacity in zip(frames, made, alpha, strict=True):
        assert frame.alpha is not None
        assert (frame.pixels == picture).all() and (frame.alpha == opacity).all()


def test_depths_and_alphas_that_differ_are_made_one(tmp_path: Path) -> None:
    plain, deep = shapes(1)[0], shapes(1, deep=True)[0]
    Image.fromarray(plain).save(tmp_path / "1.png")
    cv2.imwrite(str(tmp_path / "2.png"), deep[..., ::-1])
    Image.fromarray(plain).convert("RGBA").save(tmp_path / "3.png")
    Image.fromarray(plain).convert("L").save(tmp_path / "4.png")
    frames, info = read(tmp_path)
    assert (info.bits, info.has_alpha) == (16, True)
    assert all(frame.bits == 16 and frame.alpha is not None for frame in frames)
    assert (frames[0].pixels == plain.astype(np.uint16) * 257).all()
    assert all((frame.alpha == 65535).all() for frame in frames if frame.alpha is not None)


def test_a_camera_turned_on_its_side_is_set_upright(tmp_path: Path) -> None:
    picture = shapes(1)[0]
    for orientation, turned in ((6, np.rot90(picture)), (8, np.rot90(picture, -1)), (3, picture[::-1, ::-1])):
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = tmp_path / f"{orientation}"
        path.mkdir()
        Image.fromarray(np.ascontiguousarray(turned)).save(path / "1.png", exif=exif)
        frames, info = read(path)
        assert (frames[0].pixels == picture).all()
        assert (info.width, info.height) == (96, 64)


def test_pictures_of_different_sizes_are_refused_before_the_first(folder: Path) -> None:
    Image.fromarray(shapes(1, 100, 64)[0]).save(folder / "shot7.png")
    with pytest.raises(InputError, match=r"shot7\.png is 100x64 but shot0\.png is 96x64"):
        Reader(folder)


def test_a_folder_without_pictures_and_a_pattern_that_fits_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no pictures"):
        Reader(tmp_path)
    for pattern in ("*.png", "f%03d.png", "no/*.png"):
        with pytest.raises(InputError, match=r"none fits it as a pattern; check the name"):
            Reader(tmp_path / pattern)
    with pytest.raises(InputError, match="no folder"):
        Reader(tmp_path / "no" / "f%03d.png")


def test_a_damaged_picture_is_named(folder: Path) -> None:
    whole = (folder / "shot3.png").read_bytes()
    (folder / "shot3.png").write_bytes(whole[: len(whole) // 2])
    with Reader(folder) as reader, pytest.raises(InputError, match=r"shot3\.png is damaged or cut off"):
        list(reader)
    (folder / "shot3.png").write_text("no picture")
    with pytest.raises(InputError, match=r"shot3\.png is not a picture"):
        Reader(folder)


LENGTHS = [40, 80, 123, 30, 50, 20]  # ms


def animation(path: Path, **options: Any) -> Path:
    first, *others = [Image.fromarray(picture) for picture in shapes(6)]
    first.save(path, save_all=True, append_images=others, duration=LENGTHS, **options)
    return path


@pytest.mark.parametrize(
    ("name", "options"), [("a.png", {}), ("a.webp", {"lossless": True}), ("a.avif", {}), ("a.gif", {})]
)
def test_an_animation_shows_each_picture_exactly_as_long_as_it_says(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    frames, info = read(animation(tmp_path / name, **options))
    wanted = [
        120 if name == "a.gif" and length == 123 else length for length in LENGTHS
    ]  # GIF has hundredths
    assert numbers(frames) == list(range(6))
    assert [frame.duration * 1000 for frame in frames] == wanted
    assert [frame.time * 1000 for frame in frames] == [sum(wanted[:n]) for n in range(6)]
    assert (info.frames, info.duration) == (6, Fraction(sum(wanted), 1000))
    assert not info.has_alpha and all(frame.alpha is None for frame in frames)
    if name in ("a.png", "a.webp"):
        assert all((f.pixels == picture).all() for f, picture in zip(frames, shapes(6), strict=True))


def test_an_animation_is_known_by_what_it_holds_not_by_its_name(tmp_path: Path) -> None:
    path = animation(tmp_path / "a.gif").rename(tmp_path / "a.mp4")
    assert numbers(read(path)[0]) == list(range(6))


def test_a_gif_that_says_no_length_or_too_short_a_one_gets_a_tenth_of_a_second(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    first, *others = [Image.fromarray(picture) for picture in shapes(4)]
    first.save(path, save_all=True, append_images=others, duration=[0, 10, 20, 30])
    frames, _ = read(path)
    assert [frame.duration for frame in frames] == [
        Fraction(1, 10), Fraction(1, 10), Fraction(1, 50), Fraction(3, 100)
    ]  # fmt: skip


def test_an_animated_png_keeps_lengths_that_are_no_whole_milliseconds(tmp_path: Path) -> None:
    path = animation(tmp_path / "a.png")
    path.write_bytes(with_delays(path.read_bytes(), 1001, 24000))
    frames, info = read(path)
    assert {frame.duration for frame in frames} == {Fraction(1001, 24000)}
    assert info.rate == Fraction(24000, 1001)


def with_delays(data: bytes, above: int, below: int) -> bytes:
    """An animated PNG with every delay set to ``above / below`` seconds."""
    made, position = data[:8], 8
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        if kind == b"fcTL":
            body = body[:20] + struct.pack(">HH", above, below) + body[24:]
        made += struct.pack(">I4s", length, kind) + body + struct.pack(">I", zlib.crc32(kind + body))
        position += 12 + length
    return made


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_transparency_of_an_animation_is_read(tmp_path: Path, name: str) -> None:
    layers = []
    for number, picture in enumerate(shapes(4)):
        opacity = np.full(picture.shape[:2], 255, np.uint8)
        opacity[40:, : 10 * (number + 1)] = 0
        layers.append(Image.fromarray(np.dstack([picture, opacity])))
    # "clear what was shown" is 2 in a GIF and 1 in a PNG; WebP needs none of it
    options: dict[str, Any] = {"disposal": 1 if name == "a.png" else 2}
    if name == "a.webp":
        options = {"lossless": True, "exact": True}
    layers[0].save(tmp_path / name, save_all=True, append_images=layers[1:], duration=40, **options)

    frames, info = read(tmp_path / name)

    assert info.has_alpha
    for number, frame in enumerate(frames):
        assert frame.alpha is not None
        assert not frame.alpha[40:, : 10 * (number + 1)].any()
        assert (frame.alpha[:40] == 255).all()


def test_a_part_of_an_animation(tmp_path: Path) -> None:
    path = animation(tmp_path / "a.png")
    frames, info = read(path, start=Fraction(1, 10), frames=2)
    assert numbers(frames) == [2, 3]
    assert info.start == Fraction(12, 100)
    assert frames[0].time == 0
    with pytest.raises(OptionError, match="nothing of it lies between"):
        read(path, start=Fraction(5))


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_an_animation_without_its_end_is_read_as_far_as_it_goes(tmp_path: Path, name: str) -> None:
    data = animation(tmp_path / name).read_bytes()
    path = tmp_path / f"cut_{name}"
    path.write_bytes(data[: len(data) * 2 // 3])
    try:
        with Reader(path) as reader:
            frames = list(reader)
            assert numbers(frames) == list(range(len(frames)))
            assert 0 < len(frames) < 6
    except InputError as error:
        assert str(path) in str(error)


def test_names_are_in_natural_order_and_equal_numbers_as_text(tmp_path: Path) -> None:
    names = ["a1.png", "A02.png", "a2.png", "a٣.png", "a10.png", "b1.png"]
    for name, picture in zip(reversed(names), reversed(shapes(6)), strict=True):
        Image.fromarray(picture).save(tmp_path / name)
    assert numbers(read(tmp_path)[0]) == list(range(6))
