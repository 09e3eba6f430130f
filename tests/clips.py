"""Makers of small odd clips: every kind of file that the tests read, made on the spot with PyAV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vidstyle.frames import ColorTags, Pixels
from vidstyle.video.color.conversion import from_rgb
from vidstyle.video.color.tags import is_rgb

BLOCK = 8  # px, side of one square of a stamped number
BITS = 6  # squares of a stamped number: 0 … 63

BT709 = ColorTags(matrix=1, primaries=1, transfer=1)
BT601 = ColorTags(matrix=6, primaries=6, transfer=6)


@dataclass(frozen=True)
class Sound:
    """A tone to put beside the pictures."""

    language: str = "eng"
    frequency: float = 440.0  # Hz
    codec: str = "aac"
    seconds: float | None = None
    """Length; that of the pictures if not given."""
    start: float = 0.0  # s
    title: str = ""


def shapes(
    count: int = 12, width: int = 96, height: int = 64, *, deep: bool = False, speed: float = 2.0
) -> list[Pixels]:
    """``count`` pictures of a disc and a box that move over a ramp, each with its number stamped on.

    ``deep`` gives uint16 pictures whose low bits are in use. ``speed`` is in px a frame.
    """
    across = np.linspace(0.1, 0.9, width, dtype=np.float32)[None, :]
    down = np.linspace(0.2, 0.8, height, dtype=np.float32)[:, None]
    ramp = np.stack(np.broadcast_arrays(across, down, 1 - across * down), axis=-1)
    pictures = []
    for number in range(count):
        picture = ramp.copy()
        shift = number * speed
        centre = (int(width / 4 + shift) % width, height // 2)
        cv2.circle(picture, centre, max(4, height // 6), (0.9, 0.25, 0.1), -1)
        corner = (int(width * 0.7 - shift) % width, int(height * 0.6))
        cv2.rectangle(picture, corner, (corner[0] + 12, corner[1] + 9), (0.1, 0.5, 0.95), -1)
        if width >= BLOCK * BITS and height >= 2 * BLOCK:
            stamp(picture, number)
        scale, dtype = (65535, np.uint16) if deep else (255, np.uint8)
        pictures.append(np.rint(picture * scale).astype(dtype))
    return pictures


def stamp(picture: NDArray[Any], number: int) -> None:
    """Write ``number`` into the top left of a float picture as black and white squares."""
    for bit in range(BITS):
        value = float(number >> bit & 1)
        picture[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = value


def number_of(pixels: Pixels) -> int:
    """The number stamped on a picture; survives lossy coding."""
    half = np.iinfo(pixels.dtype).max / 2
    edge = BLOCK // 4
    squares = [
        pixels[edge : BLOCK - edge, bit * BLOCK + edge : (bit + 1) * BLOCK - edge].mean()
        for bit in range(BITS)
    ]
    return sum(1 << bit for bit, value in enumerate(squares) if value > half)


def write_clip(
    path: Path,
    pictures: Sequence[Pixels] | None = None,
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rate: Fraction | int = 25,
    ticks: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    last_ticks: int | None = None,
    tags: ColorTags = BT709,
    tagged: bool = True,
    alpha: Sequence[Pixels] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    rotation: int = 0,
    mirrored: bool = False,
    pixel_aspect: Fraction | None = None,
    gop: int | None = None,
    b_frames: int = 0,
    sounds: Sequence[Sound] = (),
    subtitles: Sequence[tuple[str, str]] = (),
    chapters: Sequence[tuple[float, float, str]] = (),
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write ``pictures`` (``shapes()`` if not given) into ``path`` and return it.

    ``ticks`` are the presentation times in ``time_base`` (one frame apart if not given) and ``last_ticks``
    the duration of the last picture. ``tags`` are how the numbers are made; ``tagged=False`` keeps quiet
    about it. ``subtitles`` are (language, text) pairs shown for the first half second, ``chapters``
    (start, end, title) in seconds.
    """
    pictures = shapes() if pictures is None else pictures
    rate = Fraction(rate)
    time_base = time_base or 1 / rate
    step = int(1 / (rate * time_base))
    ticks = [index * step for index in range(len(pictures))] if ticks is None else ticks
    ends = [*ticks[1:], ticks[-1] + (last_ticks or step)]
    height, width = pictures[0].shape[:2]
    with av.open(path, "w", container_options=container_options or {}) as container:
        container.metadata.update(metadata or {})
        if chapters:
            container.set_chapters([_chapter(number, *chapter) for number, chapter in enumerate(chapters)])
        video: Any = container.add_stream(codec, rate=rate, options=_options(codec, options))
        video.width, video.height, video.pix_fmt = width, height, pixel_format
        video.time_base = time_base
        context = video.codec_context
        context.time_base = time_base
        context.flags |= av.codec.context.Flags.frame_duration
        context.max_b_frames = b_frames
        if gop is not None:
            context.gop_size = gop
        if tagged:
            _tag(context, tags, rgb=is_rgb(av.VideoFormat(pixel_format, width, height)))
        if pixel_aspect is not None:
            context.sample_aspect_ratio = pixel_aspect
        if rotation or mirrored:
            video.set_display_rotation(rotation, hflip=mirrored)
        tones = [(_add_sound(container, sound), sound) for sound in sounds]
        texts = [(_add_subtitles(container, language), text) for language, text in subtitles]
        for number, (picture, begin, end) in enumerate(zip(pictures, ticks, ends, strict=True)):
            frame = from_rgb(picture, alpha[number] if alpha else None, pixel_format, tags)
            if not tagged:
                frame.colorspace, frame.color_primaries, frame.color_trc = 2, 2, 2
                frame.color_range = 0
            frame.pts, frame.time_base, frame.duration = begin, time_base, end - begin
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        length = float((ends[-1] - ticks[0]) * time_base)
        for stream, sound in tones:
            _mux_tone(container, stream, sound, sound.seconds or length)
        for stream, text in texts:
            _mux_text(container, stream, text)
    return path


def with_corrupt_bytes(
    source: Path, target: Path, *, spans: Iterable[tuple[float, float]], seed: int = 1
) -> Path:
    """Copy ``source`` with noise over ``spans``, each a (from, to) share of the file."""
    data = bytearray(source.read_bytes())
    noise = np.random.default_rng(seed)
    for first, last in spans:
        begin, end = int(len(data) * first), int(len(data) * last)
        data[begin:end] = noise.integers(0, 256, end - begin, dtype=np.uint8).tobytes()
    target.write_bytes(data)
    return target


def cut_off(source: Path, target: Path, share: float) -> Path:
    """Copy the first ``share`` of the file's bytes."""
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def write_sound(path: Path, seconds: float = 0.5) -> Path:
    """A file with sound and no picture."""
    with av.open(path, "w") as container:
        stream = _add_sound(container, Sound())
        _mux_tone(container, stream, Sound(), seconds)
    return path


def interlaced(count: int = 10, width: int = 96, height: int = 64) -> list[Pixels]:
    """Pictures each woven of two moments, top field first, as an interlaced camera makes them."""
    moments = shapes(2 * count, width, height, speed=3.0)
    woven = []
    for top, bottom in zip(moments[::2], moments[1::2], strict=True):
        picture = top.copy()
        picture[1::2] = bottom[1::2]
        picture[: 2 * BLOCK] = top[: 2 * BLOCK]  # one number a picture
        woven.append(picture)
    return woven


def ramp_alpha(count: int = 12, width: int = 96, height: int = 64, *, deep: bool = False) -> list[Pixels]:
    """Alpha pictures: a ramp from clear to opaque, shifted by a pixel a frame."""
    top, dtype = (65535, np.uint16) if deep else (255, np.uint8)
    ramp = np.rint(np.broadcast_to(np.linspace(0, top, width), (height, width))).astype(dtype)
    return [np.roll(ramp, number, axis=1) for number in range(count)]


def _options(codec: str, options: dict[str, str] | None) -> dict[str, str]:
    """Options of an encoder: quick, and close to lossless, unless others are given."""
    quick = {
        "libx264": {"preset": "ultrafast", "crf": "4"},
        "libx265": {"preset": "ultrafast", "crf": "4", "x265-params": "log-level=none"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "4", "b": "0"},
        "libvpx": {"deadline": "realtime", "cpu-used": "8", "crf": "4", "b": "2M", "auto-alt-ref": "0"},
    }
    return {**quick.get(codec, {}), **(options or {})}


def _tag(context: Any, tags: ColorTags, *, rgb: bool) -> None:
    context.colorspace = 0 if rgb else tags.matrix
    context.color_primaries = tags.primaries
    context.color_trc = tags.transfer
    context.color_range = 2 if tags.full_range or rgb else 1


def _chapter(number: int, start: float, end: float, title: str) -> Any:
    return {
        "id": number + 1,
        "start": round(start * 1000),
        "end": round(end * 1000),
        "time_base": Fraction(1, 1000),
        "metadata": {"title": title},
    }


_SOUND_RATE = 48000  # Hz


def _add_sound(container: Any, sound: Sound) -> Any:
    stream = container.add_stream(sound.codec, rate=_SOUND_RATE, layout="stereo")
    stream.metadata["language"] = sound.language
    if sound.title:
        stream.metadata["title"] = sound.title
    return stream


def _mux_tone(container: Any, stream: Any, sound: Sound, seconds: float) -> None:
    count = round(seconds * _SOUND_RATE)
    moments = np.arange(count) / _SOUND_RATE
    tone = (0.3 * np.sin(2 * np.pi * sound.frequency * moments)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]), format="fltp", layout="stereo")
    frame.sample_rate = _SOUND_RATE
    frame.pts, frame.time_base = round(sound.start * _SOUND_RATE), Fraction(1, _SOUND_RATE)
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _add_subtitles(container: Any, language: str) -> Any:
    name = "mov_text" if container.format.name in ("mp4", "mov") else "subrip"
    stream = container.add_stream(name)
    stream.codec_context.subtitle_header = (
        b"[Script Info]\n[Events]\nFormat: Layer, Start, End, Style, Text\n"
    )
    stream.time_base = Fraction(1, 1000)
    stream.codec_context.time_base = Fraction(1, 1000)
    stream.metadata["language"] = language
    return stream


def _mux_text(container: Any, stream: Any, text: str) -> None:
    line = av.subtitles.subtitle.SubtitleSet.create(  # 500 ms from the start
        text=f"0,0,Default,,0,0,0,,{text}".encode(), start=0, end=500, pts=0
    )
    packet = stream.codec_context.encode_subtitle(line)
    packet.stream = stream
    packet.time_base = Fraction(1, 1000)
    packet.pts = packet.dts = 0
    packet.duration = 500
    container.mux(packet)
