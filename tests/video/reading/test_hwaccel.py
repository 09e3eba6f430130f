"""Decoding on hardware: by name, and on the CPU where there is none."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from clips import shapes, write_clip

from vidstyle.errors import OptionError
from vidstyle.frames import ColorTags
from vidstyle.options import ReadOptions
from vidstyle.options.file_records import HARDWARE_DECODERS
from vidstyle.video.color.conversion import from_rgb, to_rgb
from vidstyle.video.reading import opening
from vidstyle.video.reading.reader import Reader


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "a.mp4", shapes(4, 64, 48))


@pytest.mark.parametrize("name", HARDWARE_DECODERS)
def test_pictures_are_those_of_the_cpu_and_a_missing_device_is_told_once(
    clip: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    opening._hardware.cache_clear()
    with Reader(clip) as reader:
        expected = [frame.pixels for frame in reader]
    for _ in range(2):
        with caplog.at_level(logging.WARNING), Reader(clip, ReadOptions(hwaccel=name)) as reader:
            pictures = [frame.pixels for frame in reader]
        assert np.array_equal(pictures, expected)
    problem = opening.hardware_problem(name)
    told = (
        [] if problem is None else [f"--hwaccel {name} is left out: {problem}; videos are decoded on the CPU"]
    )
    assert caplog.messages == told


def test_another_name_is_refused() -> None:
    with pytest.raises(OptionError, match=r"--hwaccel cannot be 'nvdec'; there are: cuda, "):
        ReadOptions(hwaccel="nvdec")


@pytest.mark.parametrize(("planar", "interleaved"), [("yuv420p", "nv12"), ("yuv420p10le", "p010le")])
def test_the_formats_of_hardware_have_the_pixels_of_planar_ones(planar: str, interleaved: str) -> None:
    tags = ColorTags(1)
    frame = from_rgb(shapes(1, 64, 48)[0], None, planar, tags)
    pixels, _ = to_rgb(frame, tags)
    same, _ = to_rgb(frame.reformat(format=interleaved), tags)
    assert np.array_equal(same, pixels)
