"""Tone mapping, held against the published formulas worked out here, pixel by pixel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from vidstyle.frames import Pixels
from vidstyle.video.color.tone_mapping import ToneMap, eetf, hlg_scene, pq_light, pq_signal, to_bt709

# ITU-R BT.2087-0: linear BT.2020 to linear BT.709
BT2087 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])


def pq(light: float) -> float:
    """Inverse EOTF of SMPTE ST 2084."""
    y = (light / 10000) ** 0.1593017578125
    return float(((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375)


def linear(signal: float) -> float:
    """EOTF of SMPTE ST 2084."""
    root = signal ** (1 / 78.84375)
    return float(10000 * (max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125))


def rolled(light: float, peak: float) -> float:
    """EETF of BT.2390, black at 0, onto a display of 203 cd/m2."""
    e, largest = pq(min(light, peak)) / pq(peak), pq(203) / pq(peak)
    knee = 1.5 * largest - 0.5
    if e < knee:
        return light
    t = (e - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee)
    return linear((spline + (-2 * t**3 + 3 * t**2) * largest) * pq(peak))


def sdr(light: list[float], peak: float) -> list[float]:
    """BT.2020 light in cd/m2 to an SDR signal in [0, 1]."""
    brightest = max(light)
    factor = rolled(brightest, peak) / brightest / 203 if brightest else 0
    mapped = BT2087 @ np.array(light) * factor
    return [min(max(float(value), 0), 1) ** (1 / 2.4) for value in mapped]


def hlg_light(signal: list[float]) -> list[float]:
    """HLG signal to display light at 1000 cd/m2: inverse OETF and OOTF of BT.2100."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = [s * s / 3 if s <= 0.5 else (math.exp((s - c) / a) + b) / 12 for s in signal]
    luminance = 0.2627 * scene[0] + 0.6780 * scene[1] + 0.0593 * scene[2]
    return [1000 * luminance**0.2 * value if luminance else 0.0 for value in scene]


def colours(count: int = 400) -> Pixels:
    values = np.random.default_rng(3).integers(0, 65536, (1, count, 3)).astype(np.uint16)
    values[0, :3] = ((0, 0, 0), (65535, 65535, 65535), (65535, 0, 0))
    return values


@pytest.mark.parametrize("peak", [400.0, 1000.0, 4000.0])
def test_pq_is_mapped_as_published(peak: float) -> None:
    codes = colours()
    seen = ToneMap(16, 9, peak)(codes)[0] / 65535
    wanted = [sdr([linear(float(value) / 65535) for value in code], peak) for code in codes[0]]
    assert abs(seen - np.array(wanted)).max() < 1 / 255
    assert abs(seen - np.array(wanted)).mean() < 0.03 / 255


def test_hlg_is_mapped_as_published() -> None:
    codes = colours()
    seen = ToneMap(18)(codes)[0] / 65535
    wanted = [sdr(hlg_light([float(value) / 65535 for value in code]), 1000) for code in codes[0]]
    assert abs(seen - np.array(wanted)).max() < 1 / 255
    assert abs(seen - np.array(wanted)).mean() < 0.03 / 255


def test_the_published_points_of_the_curves() -> None:
    # BT.2408: white of 203 cd/m2 is 58 % PQ and 75 % HLG
    assert pq_signal(np.array(203.0)) == pytest.approx(0.5807, abs=1e-4)
    assert pq_light(np.array(0.5807)) == pytest.approx(203, abs=0.3)
    assert pq_light(np.array(1.0)) == pytest.approx(10000)
    assert hlg_light([0.75] * 3)[0] == pytest.approx(203, abs=0.5)
    assert hlg_scene(np.array(0.5)) == pytest.approx(1 / 12)
    assert hlg_scene(np.array(1.0)) == pytest.approx(1, abs=1e-6)


def test_the_matrix_is_that_of_bt2087_and_keeps_white() -> None:
    assert abs(to_bt709(9) - BT2087).max() < 1e-4
    for primaries in (1, 9, 12):
        assert to_bt709(primaries) @ np.ones(3) == pytest.approx(np.ones(3), abs=1e-6)


def test_greys_stay_grey_rise_and_end_at_white() -> None:
    for transfer in (16, 18):
        codes = np.repeat(np.linspace(0, 65535, 600).astype(np.uint16)[None, :, None], 3, axis=2)
        seen = ToneMap(transfer)(codes)[0].astype(int)
        assert np.ptp(seen, axis=1).max() <= 24  # of 65,535
        assert np.diff(seen[:, 1]).min() >= -2
        assert seen[0, 1] == 0 and seen[-1, 1] >= 65400


def test_dark_and_middle_tones_are_left_alone() -> None:
    light = np.array([0.01, 1.0, 20.0, 80.0])
    assert eetf(light, 1000) == pytest.approx(light, rel=1e-6)
    assert eetf(np.array([203.0, 1000.0, 5000.0]), 1000) == pytest.approx([159.0, 203.0, 203.0], abs=0.5)
    assert eetf(np.array([150.0, 400.0]), 100) == pytest.approx([100.0, 100.0], abs=103)


def test_eight_bits_stay_eight_bits() -> None:
    codes: Pixels = (colours() >> 8).astype(np.uint8)
    seen = ToneMap(18)(codes)
    wide = ToneMap(18)(codes.astype(np.uint16) * np.uint16(257))
    assert seen.dtype == np.uint8
    assert abs(seen - wide / 257).max() <= 0.51


def test_a_picture_of_any_height_is_mapped_line_by_line_alike() -> None:
    line: Any = colours(32)
    tall: Any = np.repeat(line, 131, axis=0)
    assert (ToneMap(16)(tall) == ToneMap(16)(line)).all()
