"""Results without sound: folders of PNG, GIF, animated PNG and WebP."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import ramp_alpha, shapes
from numpy.typing import NDArray
from PIL import Image

from vidstyle.errors import OutputError
from vidstyle.frames import ColorTags, Frame, Pixels, VideoInfo
from vidstyle.options import WriteOptions
from vidstyle.video.reading.reader import Reader
from vidstyle.video.writing.target import check_target
from vidstyle.video.writing.writer import Writer

UNEVEN = [Fraction(tick, 100) for tick in (0, 4, 8, 14, 20, 31, 35, 37, 39, 55)]
ENDING = Fraction(107, 100)


def write(
    target: Path,
    pictures: Sequence[Pixels],
    times: Sequence[Fraction] | None = None,
    end: Fraction | None = None,
    alpha: Sequence[Pixels] | None = None,
    options: WriteOptions | None = None,
    *,
    rate: Fraction = Fraction(25),
    tick: Fraction | None = None,
    pixel_aspect: Fraction = Fraction(1),
) -> Path:
    begins = [index / rate for index in range(len(pictures))] if times is None else times
    ends = [*begins[1:], end or begins[-1] + 1 / rate]
    height, width = pictures[0].shape[:2]
    like = VideoInfo(
        Path("source.mp4"),
        width,
        height,
        bits=10 if pictures[0].dtype == np.uint16 else 8,
        has_alpha=alpha is not None,
        rate=rate,
        time_base=tick or 1 / rate,
        pixel_aspect=pixel_aspect,
        color=ColorTags(1, 1, 1),
    )
    with Writer(check_target(target, options or WriteOptions()), like=like) as writer:
        for index, (picture, begin, stop) in enumerate(zip(pictures, begins, ends, strict=True)):
            writer.write(Frame(picture, begin, stop - begin, alpha[index] if alpha else None))
    return target


def delays(path: Path) -> list[float]:
    """How long each picture is shown, in ms, as browsers see it."""
    with Image.open(path) as image:
        durations = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            durations.append(float(image.info["duration"]))
        return durations


def pictures_of(path: Path, mode: str = "RGB") -> list[NDArray[np.uint8]]:
    with Image.open(path) as image:
        pictures = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            pictures.append(np.asarray(image.convert(mode)))
        return pictures


def noisy(count: int) -> list[Pixels]:
    """Pictures that differ in each pixel, so that no encoder takes two for one."""
    noise = np.random.default_rng(0)
    return [noise.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(count)]


@pytest.mark.parametrize("name", ["a.gif", "a.apng", "a.png", "a.webp"])
def test_uneven_times_are_exact(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, noisy(10), UNEVEN, ENDING, tick=Fraction(1, 100))
    steps = [float(1000 * (b - a)) for a, b in zip(UNEVEN, [*UNEVEN[1:], ENDING], strict=True)]
    assert delays(path) == pytest.approx(steps)


@pytest.mark.parametrize("name", ["a.gif", "a.apng", "a.webp"])
def test_animations_play_for_ever(tmp_path: Path, name: str) -> None:
    with Image.open(write(tmp_path / name, noisy(3))) as image:
        assert image.info["loop"] == 0


def test_gif_shows_a_picture_longer_than_one_of_its_delays(tmp_path: Path) -> None:
    times = [Fraction(0), Fraction(1000), Fraction(1000) + Fraction(65536, 100)]
    path = write(tmp_path / "a.gif", noisy(3), times, times[-1] + 2000)
    durations = delays(path)
    assert sum(durations) == float(times[-1] + 2000) * 1000
    assert [sum(durations[:2]), sum(durations[:4])] == [float(time) * 1000 for time in times[1:]]
    assert min(durations) > 300_000


def test_gif_of_a_rate_that_it_cannot_hold_does_not_drift(tmp_path: Path) -> None:
    durations = delays(write(tmp_path / "a.gif", noisy(48), rate=Fraction(24000, 1001)))
    assert set(durations) == {40.0, 50.0}
    assert sum(durations) == 2000


def test_animated_png_holds_23976_exactly(tmp_path: Path) -> None:
    durations = delays(write(tmp_path / "a.apng", noisy(5), rate=Fraction(24000, 1001)))
    assert durations == pytest.approx([1001 / 24] * 5)


def test_gif_leaves_out_frames_that_browsers_would_slow_down(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        durations = delays(write(tmp_path / "a.gif", noisy(120), rate=Fraction(60)))
    assert min(durations) >= 20
    assert sum(durations) == 2000
    assert "no more than 50 frames a second" in caplog.text


def test_gif_keeps_the_mean_of_colours(tmp_path: Path) -> None:
    picture = cv2.GaussianBlur(
        np.random.default_rng(1).integers(0, 255, (120, 160, 3), dtype=np.uint8), (0, 0), 9
    )
    picture = cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
    back = pictures_of(write(tmp_path / "a.gif", [picture, picture[::-1].copy()]))[0]
    blurred = [cv2.GaussianBlur(item.astype(np.float32), (0, 0), 3) for item in (picture, back)]
    assert np.abs(blurred[0] - blurred[1]).mean() < 3


def test_gif_keeps_a_rare_colour(tmp_path: Path) -> None:
    noise = np.random.default_rng(2)
    meadow = np.zeros((120, 160, 3), np.uint8)
    meadow[..., 1] = noise.integers(60, 255, (120, 160))
    meadow[..., 0] = meadow[..., 1] // 2 + noise.integers(0, 40, (120, 160))
    meadow[60:64, 80:84] = (150, 20, 200)
    back = pictures_of(write(tmp_path / "a.gif", [meadow] * 2))[0]
    assert np.abs(back[61:63, 81:83].astype(int) - (150, 20, 200)).max() < 25


def test_gif_does_not_flicker_where_nothing_moves(tmp_path: Path) -> None:
    still = shapes(1, 160, 120)[0]
    pictures = []
    for number in range(6):
        picture = still.copy()
        picture[80:110, 10 * number : 10 * number + 30] = (250, 200, 20 * number)
        pictures.append(picture)
    back = pictures_of(write(tmp_path / "a.gif", pictures))
    assert all(np.array_equal(back[0][:78], other[:78]) for other in back[1:])


def test_gif_has_clear_pixels(tmp_path: Path) -> None:
    alpha = [np.where(item > 127, 255, 0).astype(np.uint8) for item in ramp_alpha(4)]
    back = pictures_of(write(tmp_path / "a.gif", shapes(4), alpha=alpha), "RGBA")
    for picture, wanted in zip(back, alpha, strict=True):
        assert np.array_equal(picture[..., 3], wanted)


@pytest.mark.parametrize("name", ["a.apng", "a.webp"])
def test_alpha_is_carried(tmp_path: Path, name: str) -> None:
    alpha = ramp_alpha(4)
    back = pictures_of(write(tmp_path / name, shapes(4), alpha=alpha), "RGBA")
    assert len(back) == 4
    assert all(np.array_equal(item[..., 3], wanted) for item, wanted in zip(back, alpha, strict=True))


def test_animated_png_is_lossless(tmp_path: Path) -> None:
    pictures = shapes(5)
    back = pictures_of(write(tmp_path / "a.apng", pictures))
    assert all(np.array_equal(a, b) for a, b in zip(back, pictures, strict=True))


def test_webp_is_lossless_at_quality_0(tmp_path: Path) -> None:
    pictures = noisy(3)
    alpha = [np.full((48, 64), 255, np.uint8)] * 3
    path = write(tmp_path / "a.webp", pictures, alpha=alpha, options=WriteOptions(crf=0))
    assert all(np.array_equal(a, b) for a, b in zip(pictures_of(path), pictures, strict=True))


def test_one_picture_makes_a_plain_one(tmp_path: Path) -> None:
    for name in ("a.gif", "a.png", "a.webp"):
        (back,) = pictures_of(write(tmp_path / name, shapes(1)))
        assert back.shape == (64, 96, 3)


def test_folder_of_pictures_is_lossless_and_in_order(tmp_path: Path) -> None:
    pictures = shapes(11)
    folder = write(tmp_path / "frames", pictures, options=WriteOptions(codec="png"))
    names = sorted(path.name for path in folder.iterdir())
    assert names[0] == "000001.png" and names[-1] == "000011.png"
    for name, picture in zip(names, pictures, strict=True):
        back = cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED)
        assert back is not None and np.array_equal(back[..., ::-1], picture)


def test_folder_of_deep_pictures_keeps_16_bits_and_alpha(tmp_path: Path) -> None:
    pictures, alpha = shapes(2, deep=True), ramp_alpha(2, deep=True)
    folder = write(tmp_path / "frames", pictures, alpha=alpha, options=WriteOptions(codec="png"))
    back = cv2.imread(str(folder / "000002.png"), cv2.IMREAD_UNCHANGED)
    assert back is not None and back.dtype == np.uint16
    assert np.array_equal(back[..., 2::-1], pictures[1])
    assert np.array_equal(back[..., 3], alpha[1])


def test_pictures_carry_no_profile_that_changes_how_they_look(tmp_path: Path) -> None:
    folder = write(tmp_path / "frames", shapes(1), options=WriteOptions(codec="png"))
    data = (folder / "000001.png").read_bytes()
    assert not any(kind in data for kind in (b"gAMA", b"cHRM", b"cICP", b"iCCP"))


def test_folder_says_that_it_cannot_hold_uneven_times(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        write(tmp_path / "frames", noisy(10), UNEVEN, ENDING, options=WriteOptions(codec="png"))
    assert "different times" in caplog.text


def test_folder_of_pictures_is_replaced_when_asked(tmp_path: Path) -> None:
    target = tmp_path / "frames"
    write(target, shapes(5), options=WriteOptions(codec="png"))
    with pytest.raises(OutputError, match="--overwrite"):
        write(target, shapes(2), options=WriteOptions(codec="png"))
    write(target, shapes(2), options=WriteOptions(codec="png", overwrite=True))
    assert len(list(target.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]


def test_folder_that_holds_anything_else_is_never_replaced(tmp_path: Path) -> None:
    target = tmp_path / "home"
    target.mkdir()
    (target / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match=r"thesis\.txt"):
        write(target, shapes(2), options=WriteOptions(codec="png", overwrite=True))
    assert (target / "thesis.txt").read_text() == "years of work"


def test_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    assert len(list(write(tmp_path / "frames", shapes(2), options=WriteOptions(codec="png")).iterdir())) == 2


def test_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "frames").write_text("x")
    with pytest.raises(OutputError, match="is a file"):
        write(tmp_path / "frames", shapes(2), options=WriteOptions(codec="png", overwrite=True))


def test_even_crops_animations_and_folders_too(tmp_path: Path) -> None:
    picture = shapes(2, 97, 65)
    options = WriteOptions(even=True)
    for name in ("a.gif", "a.apng", "a.webp"):
        assert pictures_of(write(tmp_path / name, picture, options=options))[0].shape == (64, 96, 3)


@pytest.mark.parametrize("target", ["b.gif", "b.png", "b.webp"])
@pytest.mark.parametrize("source", ["a.gif", "a.png", "a.webp"])
@pytest.mark.parametrize("plays", [0, 1, 3])
def test_an_animation_plays_as_often_as_its_source(
    tmp_path: Path, source: str, target: str, plays: int
) -> None:
    path = tmp_path / source
    first, *rest = [Image.fromarray(picture) for picture in shapes(3)]
    loop = plays if not source.endswith(".gif") else plays - 1 if plays else 0
    kept: dict[str, Any] = {} if source.endswith(".gif") and plays == 1 else {"loop": loop}
    first.save(path, save_all=True, append_images=rest, duration=80, **kept)

    with (
        Reader(path) as reader,
        Writer(check_target(tmp_path / target, WriteOptions()), like=reader.info) as writer,
    ):
        assert reader.info.plays == plays
        for frame in reader:
            writer.write(frame)

    with Reader(tmp_path / target) as reader:
        assert reader.info.plays == plays
