"""A clip and its results side by side: matched by time, at one size, or refused with the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import number_of, shapes, write_clip

from vidstyle.errors import InputError
from vidstyle.evaluation.alignment import Matching
from vidstyle.frames import Frame, Pixels
from vidstyle.options import ReadOptions
from vidstyle.video.stills import save_image

WHOLE = ReadOptions()


def numbers(clip: Path, results: Mapping[str, Path], options: ReadOptions = WHOLE) -> list[tuple[int, ...]]:
    """The numbers stamped on what is matched: the clip's, then each result's."""
    with Matching(clip, results, options) as matching:
        return [
            (number_of(frame.pixels), *(number_of(pixels) for pixels in pictures.values()))
            for frame, pictures in matching
        ]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("matching") / "clip.mp4")


def test_equal_clips_are_matched_frame_by_frame(clip: Path, tmp_path: Path) -> None:
    result = write_clip(tmp_path / "result.mkv")
    assert numbers(clip, {"ours": result, "theirs": clip}) == [(n, n, n) for n in range(12)]


def test_a_result_of_half_the_rate_is_matched_by_time(clip: Path, tmp_path: Path) -> None:
    half = write_clip(tmp_path / "half.mp4", shapes()[::2], rate=Fraction(25, 2))
    assert numbers(clip, {"ours": half}) == [(n, n // 2 * 2) for n in range(12)]


def test_another_rate_is_said(clip: Path, tmp_path: Path) -> None:
    half = write_clip(tmp_path / "half.mp4", shapes()[::2], rate=Fraction(25, 2))
    with Matching(clip, {"ours": half}, WHOLE) as matching:
        assert "12.5 frames a second and the clip 25" in matching.notes[0]


def test_variable_rates_are_matched_by_time(tmp_path: Path) -> None:
    ticks = [0, 40, 50, 120, 130, 200]
    clip = write_clip(
        tmp_path / "clip.mkv", shapes(6), ticks=ticks, time_base=Fraction(1, 1000), last_ticks=40
    )
    assert numbers(clip, {"ours": clip}) == [(n, n) for n in range(6)]


def test_times_that_a_container_rounded_are_matched(tmp_path: Path) -> None:
    """At 23.976 frames a second Matroska's milliseconds lie before or behind the exact times."""
    clip = write_clip(tmp_path / "clip.mp4", rate=Fraction(24000, 1001))
    late = [math.ceil(n * 1001 / 24) for n in range(12)]
    result = write_clip(tmp_path / "result.mkv", ticks=late, time_base=Fraction(1, 1000), last_ticks=41)
    assert numbers(clip, {"ours": result}) == [(n, n) for n in range(12)]


def test_a_folder_of_pictures_takes_the_rate_of_the_clip(clip: Path, tmp_path: Path) -> None:
    for index, pixels in enumerate(shapes()):
        save_image(tmp_path / f"{index:03}.png", Frame(pixels))
    assert numbers(clip, {"ours": tmp_path}) == [(n, n) for n in range(12)]


def test_all_is_brought_to_the_size_of_the_smallest(clip: Path, tmp_path: Path) -> None:
    large = write_clip(tmp_path / "large.mp4", shapes(width=192, height=128))
    with Matching(clip, {"ours": large}, WHOLE) as matching:
        assert (matching.info.width, matching.info.height) == (96, 64)
        frame, pictures = next(iter(matching))
        assert frame.pixels.shape == pictures["ours"].shape == (64, 96, 3)
        assert "all is measured at 96x64" in matching.notes[0]


def test_a_cropped_line_is_cropped_and_not_resized(tmp_path: Path) -> None:
    odd = shapes(width=97, height=65)
    clip = write_clip(tmp_path / "odd.mkv", odd, codec="ffv1", pixel_format="bgr0")
    even = write_clip(
        tmp_path / "even.mkv",
        [p[:64, :96] for p in odd],
        codec="ffv1",
        pixel_format="bgr0",
    )
    with Matching(clip, {"ours": even}, WHOLE) as matching:
        frame, pictures = next(iter(matching))
        assert np.array_equal(frame.pixels, pictures["ours"])
        assert not matching.notes


def test_a_part_of_the_clip_is_held_against_its_result(clip: Path, tmp_path: Path) -> None:
    part = write_clip(tmp_path / "part.mp4", shapes()[4:9])
    options = ReadOptions(start=Fraction(4, 25), end=Fraction(9, 25))
    assert numbers(clip, {"ours": part}, options) == [(n, n) for n in range(4, 9)]


def test_frames_are_those_of_the_clip_also_for_a_result_of_another_rate(clip: Path, tmp_path: Path) -> None:
    half = write_clip(tmp_path / "half.mp4", shapes()[::2], rate=Fraction(25, 2))
    twice = write_clip(tmp_path / "twice.mp4", [p for p in shapes() for _ in range(2)], rate=Fraction(50))
    found = numbers(clip, {"half": half, "twice": twice}, ReadOptions(frames=6))
    assert found == [(n, n // 2 * 2, n) for n in range(6)]


def test_frames_limit_all(clip: Path) -> None:
    assert numbers(clip, {"ours": clip}, ReadOptions(frames=3)) == [(n, n) for n in range(3)]


def test_another_length_is_refused(clip: Path, tmp_path: Path) -> None:
    short = write_clip(tmp_path / "short.mp4", shapes(5))
    with pytest.raises(InputError, match=r"short\.mp4 is 0\.20 s long and .* 0\.48 s; choose the same part"):
        Matching(clip, {"ours": short}, WHOLE)


def test_a_frame_less_is_no_other_length(clip: Path, tmp_path: Path) -> None:
    less = write_clip(tmp_path / "less.mp4", shapes(11))
    with Matching(clip, {"ours": less}, WHOLE) as matching:
        assert len(list(matching)) == 11
        assert "ends at 0.440 s, before the clip" in matching.notes[0]


def test_another_shape_is_refused(clip: Path, tmp_path: Path) -> None:
    square = write_clip(tmp_path / "square.mp4", shapes(width=96, height=96))
    with pytest.raises(InputError, match=r"96x96 and .* 96x64, which is another shape"):
        Matching(clip, {"ours": square}, WHOLE)


@pytest.mark.parametrize("content", [b"", b"no video at all"])
def test_an_unreadable_result_is_one_line(clip: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.mp4") as caught:
        Matching(clip, {"ours": path}, WHOLE)
    assert "\n" not in str(caught.value)


def test_pixels_of_both_depths_go_together(clip: Path, tmp_path: Path) -> None:
    deep = write_clip(tmp_path / "deep.mkv", shapes(deep=True), codec="ffv1", pixel_format="gbrp16le")
    with Matching(clip, {"ours": deep}, WHOLE) as matching:
        pictures: dict[str, Pixels] = next(iter(matching))[1]
        assert pictures["ours"].dtype == np.uint16
