"""What tests of writing share: frames to write, and results read back."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from clips import BT709, shapes

from vidstyle.frames import Frame, Pixels, VideoInfo
from vidstyle.options import ReadOptions, WriteOptions
from vidstyle.video.color.conversion import to_rgb
from vidstyle.video.color.tags import decode_tags
from vidstyle.video.reading.reader import Reader
from vidstyle.video.writing.target import check_target
from vidstyle.video.writing.writer import Writer

FAST = WriteOptions(preset="ultrafast", crf=8)

# each codec, and a file that it goes into
KINDS = {
    "h264": ".mp4",
    "hevc": ".mp4",
    "av1": ".mp4",
    "vp9": ".webm",
    "prores": ".mov",
    "ffv1": ".mkv",
}


def info(width: int = 96, height: int = 64, **more: Any) -> VideoInfo:
    values: dict[str, Any] = {"rate": Fraction(25), "time_base": Fraction(1, 25), "color": BT709, **more}
    return VideoInfo(Path("source.mp4"), width, height, **values)


def frames(
    pictures: Sequence[Pixels],
    times: Sequence[Fraction | float] | None = None,
    end: Fraction | float | None = None,
    alpha: Sequence[Pixels] | None = None,
) -> list[Frame]:
    begins = (
        [Fraction(index, 25) for index in range(len(pictures))]
        if times is None
        else [Fraction(time) for time in times]
    )
    ends = [*begins[1:], Fraction(end) if end is not None else begins[-1] + Fraction(1, 25)]
    return [
        Frame(picture, begin, stop - begin, alpha[index] if alpha else None)
        for index, (picture, begin, stop) in enumerate(zip(pictures, begins, ends, strict=True))
    ]


def write(
    target: Path, items: Sequence[Frame], like: VideoInfo | None = None, options: WriteOptions = FAST
) -> Path:
    like = like or info(items[0].width, items[0].height)
    with Writer(check_target(target, options), like=like) as writer:
        for item in items:
            writer.write(item)
    return target


def times_of(path: Path) -> list[tuple[Fraction, Fraction]]:
    """Time and duration of each frame as the file gives them, in order of display."""
    with av.open(path) as container:
        stream: Any = container.streams.video[0]
        tick = stream.time_base
        return [(frame.pts * tick, frame.duration * tick) for frame in container.decode(stream)]


def read(path: Path) -> list[tuple[Pixels, Pixels | None]]:
    with av.open(path) as container:
        return [
            to_rgb(frame, decode_tags(frame, container.streams.video[0].codec_context))
            for frame in container.decode(video=0)
        ]


def rewrite(
    source: Path, target: Path, options: WriteOptions = FAST, *, stop_after: int | None = None, **part: Any
) -> Path:
    """What a run does to a clip, less the painting."""
    with (
        Reader(source, ReadOptions(**part)) as reader,
        Writer(check_target(target, options, source), like=reader.info, source=source) as writer,
    ):
        for count, frame in enumerate(reader, 1):
            writer.write(frame)
            if count == stop_after:
                break
    return target


def packets(path: Path, kind: str = "audio") -> dict[int, list[bytes]]:
    """The bytes of each packet of each stream of a kind."""
    with av.open(path) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        found: dict[int, list[bytes]] = {number: [] for number in range(len(streams))}
        numbers = {stream.index: number for number, stream in enumerate(streams)}
        for packet in container.demux(*streams):
            if packet.size:
                found[numbers[packet.stream.index]].append(bytes(packet))
    return found


def tone_starts(path: Path) -> tuple[Fraction, list[Fraction]]:
    """When the first picture and each stream's first sound packet are due, in seconds."""
    with av.open(path) as container:
        first: dict[int, Fraction] = {}
        for packet in container.demux():
            if packet.size and packet.pts is not None:
                time = packet.pts * Fraction(packet.time_base)
                index = packet.stream.index
                first[index] = min(first.get(index, time), time)
        video = container.streams.video[0].index
        return first[video], [first[stream.index] for stream in container.streams.audio]


def loudness(path: Path, number: int = 0) -> tuple[Any, Fraction, int]:
    """Samples of a stream of sound, when the first of them is heard, and their rate."""
    blocks, start = [], None
    with av.open(path) as container:
        stream: Any = container.streams.audio[number]
        plain = av.AudioResampler(format="fltp", layout="mono")
        for frame in container.decode(stream):
            if start is None:
                start = frame.pts * Fraction(frame.time_base)
            blocks += [part.to_ndarray()[0] for part in plain.resample(frame)]
        assert start is not None
        return np.concatenate(blocks), start, stream.rate


def click_clip(path: Path, codec: str, film: str = "libx264") -> Path:
    """Two seconds of pictures and of silence with a click at one second."""
    rate = 48000
    samples = np.zeros((2, 2 * rate), np.float32)
    samples[:, rate : rate + 240] = 0.9 * np.sin(np.arange(240) * 0.4)
    with av.open(path, "w") as container:
        video: Any = container.add_stream(film, rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        sound: Any = container.add_stream(codec, rate=rate, layout="stereo")
        sound.metadata["language"] = "eng"
        for number, picture in enumerate(shapes(50)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        tone = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        tone.sample_rate, tone.pts, tone.time_base = rate, 0, Fraction(1, rate)
        container.mux(sound.encode(tone))
        container.mux(sound.encode(None))
    return path


def click_of(path: Path) -> float:
    """When the click is heard, in seconds after the first picture."""
    samples, start, rate = loudness(path)
    picture, _ = tone_starts(path)
    loud = np.abs(samples) / max(1e-9, float(np.abs(samples).max()))
    return float(start - picture) + int(np.argmax(loud > 0.3)) / rate
