"""``vidstyle propagate``: times, sizes, errors in one line, and all that the clip brings along."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import Sound, shapes, write_clip
from results import packets, read, times_of

import vidstyle
from vidstyle.cli.main import main
from vidstyle.frames import Pixels
from vidstyle.keyframes.moments import moments_of

LOSSLESS = ("--codec", "ffv1")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a clip of 12 frames and two paintings of its size."""
    monkeypatch.chdir(tmp_path)
    write_clip(Path("clip.mp4"), shapes(), sounds=[Sound()])
    save("red.png", np.full((64, 96, 3), (200, 30, 30), np.uint8))
    save("blue.png", np.full((64, 96, 3), (30, 30, 200), np.uint8))
    return tmp_path


def save(name: str, pixels: Pixels) -> None:
    cv2.imwrite(name, np.ascontiguousarray(pixels[..., ::-1]))


def pictures(path: str) -> list[Pixels]:
    return [pixels for pixels, _ in read(Path(path))]


def is_red(pixels: Pixels) -> bool:
    return bool(np.abs(pixels[8:-8, 8:-8].astype(int) - (200, 30, 30)).mean() < 5)


def propagate(*keyframes: str) -> int:
    words = [word for keyframe in keyframes for word in ("--keyframe", keyframe)]
    return main(["propagate", "clip.mp4", *words, "-o", "out.mkv", *LOSSLESS, "--detail", "0", "-q"])


def test_sound_and_times_are_those_of_the_clip(place: Path) -> None:
    vidstyle.propagate("clip.mp4", {0: "red.png"}, "out.mp4", preset="ultrafast")
    assert packets(Path("out.mp4")) == packets(Path("clip.mp4"))
    assert times_of(Path("out.mp4")) == times_of(Path("clip.mp4"))


@pytest.mark.parametrize("time", ["0.2", "0:00.2", "0:0:0.21", "#5"])
def test_a_keyframe_is_placed_by_time_or_by_number(time: str, place: Path) -> None:
    marked = np.full((64, 96, 3), (200, 30, 30), np.uint8)
    marked[20:30, 20:30] = 255
    save("marked.png", marked)
    assert propagate(f"{time}=marked.png") == 0
    results = pictures("out.mkv")
    assert len(results) == 12
    assert [index for index, each in enumerate(results) if np.array_equal(each, marked)] == [5]


def test_times_count_from_the_start_of_the_part_that_is_read(place: Path) -> None:
    report = vidstyle.propagate("clip.mp4", {"#0": "red.png"}, "out.mkv", start=0.2, codec="ffv1", detail=0)
    assert report.frames == 7
    assert is_red(pictures("out.mkv")[0])


def test_a_painting_of_another_size_is_fitted(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    save("large.png", np.full((128, 192, 3), (200, 30, 30), np.uint8))
    save("square.png", np.full((90, 90, 3), (200, 30, 30), np.uint8))
    assert propagate("0=large.png") == 0
    assert is_red(pictures("out.mkv")[3])
    vidstyle.propagate("clip.mp4", ["0=square.png"], "square.mkv", codec="ffv1", detail=0)
    assert "square.png is 90x90 and the clip 96x64: it is stretched" in caplog.text
    assert is_red(pictures("square.mkv")[3])


def test_the_clip_shows_where_a_painting_is_transparent(place: Path) -> None:
    layered = np.zeros((64, 96, 4), np.uint8)
    layered[:, :48] = (30, 30, 200, 255)
    cv2.imwrite("layer.png", layered)
    assert propagate("0=layer.png") == 0
    first, clip = pictures("out.mkv")[0], pictures("clip.mp4")[0]
    assert (first[:, :48] == (200, 30, 30)).all()
    assert np.array_equal(first[:, 48:], clip[:, 48:])


def test_strength_mask_and_colours_work_as_elsewhere(place: Path) -> None:
    mask = np.zeros((64, 96, 3), np.uint8)
    mask[:, 48:] = 255
    save("mask.png", mask)
    vidstyle.propagate("clip.mp4", {0: "red.png"}, "masked.mkv", mask="mask.png", detail=0, codec="ffv1")
    vidstyle.propagate("clip.mp4", {0: "red.png"}, "weak.mkv", strength=0, detail=0, codec="ffv1")
    vidstyle.propagate("clip.mp4", {0: "red.png"}, "own.mkv", preserve_color=True, detail=0, codec="ffv1")
    clip, masked = pictures("clip.mp4"), pictures("masked.mkv")
    assert np.array_equal(masked[4][:, :48], clip[4][:, :48])
    assert not np.array_equal(masked[4][:, 48:], clip[4][:, 48:])
    assert all(map(np.array_equal, pictures("weak.mkv"), clip))
    assert not is_red(pictures("own.mkv")[0])


@pytest.mark.parametrize("keyframes", [None, 5])
def test_keyframes_that_are_no_paintings_are_refused(keyframes: Any, place: Path) -> None:
    with pytest.raises(vidstyle.OptionError, match="keyframes must be painted pictures by time"):
        vidstyle.propagate("clip.mp4", keyframes, "out.mkv")


def test_frames_of_16_bits_keep_their_depth(place: Path) -> None:
    write_clip(Path("deep.mkv"), shapes(4, deep=True), codec="ffv1", pixel_format="gbrp16le")
    vidstyle.propagate("deep.mkv", {"#1": "red.png"}, "out.mkv", codec="ffv1", detail=0)
    result = pictures("out.mkv")[2]
    assert result.dtype == np.uint16
    assert np.abs(result[8:-8, 8:-8].astype(int) // 257 - (200, 30, 30)).mean() < 5


@pytest.mark.parametrize(
    ("keyframes", "message"),
    [
        ([], "a keyframe is needed"),
        (["red.png"], "must be TIME=PICTURE"),
        (["soon=red.png"], "must be TIME=PICTURE"),
        (["#-1=red.png"], "must be TIME=PICTURE"),
        (["0="], "must be TIME=PICTURE"),
        (["0=none.png"], "none.png"),
        (["0=clip.mp4"], "clip.mp4"),
        (["7=red.png"], "7=red.png is outside of the clip, which has 12 frames and ends at 0.48 s"),
        (["#12=red.png"], "#12=red.png is outside of the clip"),
        (["0.1=red.png", "#2=blue.png"], "0.1=red.png and #2=blue.png are of one frame, number 2"),
    ],
)
def test_an_impossible_keyframe_is_one_line(
    keyframes: list[str], message: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert propagate(*keyframes) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not Path("out.mkv").exists()


def test_a_painting_is_never_replaced(place: Path) -> None:
    with pytest.raises(vidstyle.OutputError, match="never replaced"):
        vidstyle.propagate("red.png", {0: "clip.mp4"}, "clip.mp4", overwrite=True)


def test_keys_of_all_kinds_are_times() -> None:
    moments = moments_of({0: "a.png", 1.5: "b.png", Fraction(1, 3): "c.png", "#36": "d.png"})
    assert [moment.time for moment in moments] == [0, Fraction(3, 2), Fraction(1, 3), None]
    assert moments[-1].number == 36


def test_pictures_in_a_folder_are_a_clip(place: Path) -> None:
    Path("frames").mkdir()
    for number, picture in enumerate(shapes(3)):
        save(f"frames/{number:03}.png", picture)
    vidstyle.propagate("frames", {"#2": "red.png"}, "out.mkv", codec="ffv1", detail=0, rate=10)
    assert [is_red(picture) for picture in pictures("out.mkv")] == [True] * 3


def test_a_run_that_is_stopped_leaves_a_valid_file(place: Path) -> None:
    report = vidstyle.propagate(
        "clip.mp4", {"#9": "red.png"}, "out.mkv", codec="ffv1", on_frame=lambda progress: progress.index < 3
    )
    assert report.stopped
    assert len(pictures("out.mkv")) == report.frames
