"""Tone mapping of HDR (PQ and HLG) to SDR: BT.2100, roll-off of BT.2390, primaries of BT.709.

Sources: ITU-R BT.2100-2 tables 4 and 5 (PQ EOTF; HLG inverse OETF and OOTF), BT.2390-11 section 5.4.1
(EETF), BT.2408-7 (SDR white at 203 cd/m2), BT.1886 (display gamma 2.4), BT.2087 (primaries).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from vidstyle.frames import Pixels, eight_bits, sixteen_bits
from vidstyle.video.color.tags import PQ

SDR_WHITE = 203.0  # cd/m2, BT.2408
DEFAULT_PEAK = 1000.0  # cd/m2, of a source without metadata
_PQ_PEAK = 10000.0  # cd/m2
_HLG_PEAK = 1000.0  # cd/m2, of HLG's nominal display
_HLG_GAMMA = 1.2  # of the OOTF at 1000 cd/m2
_SDR_GAMMA = 2.4
_BAND = 64  # rows converted at a time: fits in the cache, and needs no large float pictures

# chromaticities of red, green and blue by code point (H.273 table 2); the white is D65 for all
_PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_D65 = (0.3127, 0.3290)
_LUMINANCE_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)


@dataclass(frozen=True, slots=True)
class ToneMap:
    """The tone mapping of one source to SDR."""

    transfer: int
    """PQ (16) or HLG (18)."""
    primaries: int = 9
    peak: float = DEFAULT_PEAK
    """Peak luminance of the source, cd/m2; brighter light is clipped to SDR white."""

    def __call__(self, pixels: Pixels) -> Pixels:
        """HDR code values (H, W, 3) uint8 or uint16 to SDR BT.709, same depth; the roll-off keeps hue."""
        deep = pixels.dtype == np.uint16
        result = np.empty_like(pixels)
        for top in range(0, pixels.shape[0], _BAND):
            band = pixels[top : top + _BAND]
            mapped = self._band(sixteen_bits(band))
            result[top : top + _BAND] = mapped if deep else eight_bits(mapped)
        return result

    def _band(self, codes: NDArray[np.uint16]) -> NDArray[np.uint16]:
        light = self._light(codes)
        # one factor for all three channels, from the largest (maxRGB), so that the hue does not change
        brightest = np.maximum(np.maximum(light[..., 0], light[..., 1]), light[..., 2])
        root = cv2.sqrt(cv2.sqrt(brightest * np.float32(1 / _PQ_PEAK)))
        light *= _look_up(_roll_off(self.peak), _sixteen_bits(root))[..., None]
        sdr = np.clip(cv2.transform(light, to_bt709(self.primaries)), 0.0, 1.0)
        # by lookup table: powers are slow
        index = _sixteen_bits(cv2.sqrt(cv2.sqrt(sdr))).astype(np.intp)
        return np.take(_gamma(), index, mode="clip")

    def _light(self, codes: NDArray[np.uint16]) -> NDArray[np.float32]:
        """Display light, cd/m2, in the source's primaries."""
        if self.transfer == PQ:
            return _look_up(_pq_table(), codes)
        scene = _look_up(_hlg_table(), codes)
        luminance = cv2.transform(scene, _LUMINANCE_2020[None, :])
        scene *= _look_up(_ootf_gain(), _sixteen_bits(cv2.sqrt(cv2.sqrt(luminance))))[..., None]
        return scene


def pq_light(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """PQ signal in [0, 1] to light in cd/m2 (BT.2100-2 table 4, EOTF)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = np.power(signal, 1 / m2)
    return _PQ_PEAK * np.power(np.maximum(power - c1, 0) / (c2 - c3 * power), 1 / m1)


def pq_signal(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light in cd/m2 to a PQ signal in [0, 1]: the inverse of ``pq_light``."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = np.power(np.asarray(light) / _PQ_PEAK, m1)
    return np.power((c1 + c2 * power) / (1 + c3 * power), m2)


def hlg_scene(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """HLG signal in [0, 1] to scene light in [0, 1] (BT.2100-2 table 5, inverse OETF)."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


def eetf(light: NDArray[np.float64], peak: float) -> NDArray[np.float64]:
    """Light (cd/m2) of a source with peak ``peak`` mapped to an SDR display (BT.2390, 5.4.1).

    Light below the knee is unchanged; above, a Hermite spline compresses it.
    """
    source = float(pq_signal(np.array(peak)))
    signal = np.minimum(pq_signal(light) / source, 1.0)
    largest = float(pq_signal(np.array(SDR_WHITE))) / source
    if largest >= 1:
        return np.minimum(light, SDR_WHITE)
    knee = 1.5 * largest - 0.5
    t = np.maximum((signal - knee) / (1 - knee), 0)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * largest
    )
    return pq_light(np.where(signal < knee, signal, spline) * source)


def to_bt709(primaries: int) -> NDArray[np.float32]:
    """The (3, 3) matrix from linear RGB of ``primaries`` (BT.2020 if unknown) to linear BT.709."""
    source = _to_xyz(_PRIMARIES.get(primaries, _PRIMARIES[9]))
    return np.asarray(np.linalg.inv(_to_xyz(_PRIMARIES[1])) @ source, np.float32)


def _to_xyz(chromaticities: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """The (3, 3) matrix from linear RGB with white D65 to XYZ (SMPTE RP 177)."""

    def xyz(point: tuple[float, float]) -> list[float]:
        return [point[0] / point[1], 1.0, (1 - point[0] - point[1]) / point[1]]

    columns = np.array([xyz(point) for point in chromaticities]).T
    scale = np.linalg.solve(columns, np.array(xyz(_D65)))
    return np.asarray(columns * scale)


@lru_cache(maxsize=1)
def _pq_table() -> NDArray[np.float32]:
    return pq_light(np.arange(65536) / 65535).astype(np.float32)


@lru_cache(maxsize=1)
def _hlg_table() -> NDArray[np.float32]:
    return hlg_scene(np.arange(65536) / 65535).astype(np.float32)


@lru_cache(maxsize=1)
def _ootf_gain() -> NDArray[np.float32]:
    """HLG's display light over scene light, indexed by the fourth root of the scene's luminance (16 bits)."""
    gain = _HLG_PEAK * (np.arange(65536) / 65535) ** (4 * (_HLG_GAMMA - 1))
    return gain.astype(np.float32)


@lru_cache(maxsize=4)
def _roll_off(peak: float) -> NDArray[np.float32]:
    """Factor from light (cd/m2) to its share of SDR white, indexed by the light's fourth root (16 bits)."""
    light = (np.arange(65536) / 65535) ** 4 * _PQ_PEAK
    light[0] = light[1]
    return (eetf(light, peak) / light / SDR_WHITE).astype(np.float32)


@lru_cache(maxsize=1)
def _gamma() -> NDArray[np.uint16]:
    """SDR code values (16 bits), indexed by the fourth root of their light (16 bits)."""
    return np.rint((np.arange(65536) / 65535) ** (4 / _SDR_GAMMA) * 65535).astype(np.uint16)


def _look_up(table: NDArray[np.float32], index: NDArray[np.uint16]) -> NDArray[np.float32]:
    return np.take(table, index, mode="clip")  # four times as fast as table[index]


def _sixteen_bits(shares: MatLike) -> NDArray[np.uint16]:
    """[0, 1] to 16-bit integers, rounded."""
    return np.asarray(shares * np.float32(65535) + np.float32(0.5)).astype(np.uint16)
