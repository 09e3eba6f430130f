"""Sound, subtitles, chapters and tags carried over into a result, in step with its pictures."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import Sound, shapes, write_clip

from vidstyle.options import ReadOptions, WriteOptions
from vidstyle.video.reader import Reader
from vidstyle.video.writer import Writer

FAST = WriteOptions(preset="ultrafast", crf=20)
TWO = (Sound("eng", 440), Sound("deu", 880, title="Kommentar"))


def rewrite(
    source: Path, target: Path, options: WriteOptions = FAST, *, stop_after: int | None = None, **part: Any
) -> Path:
    """What a run does to a clip, less the painting."""
    with (
        Reader(source, ReadOptions(**part)) as reader,
        Writer(target, like=reader.info, source=source, options=options) as writer,
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


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds with sound in two languages, subtitles, chapters and tags."""
    return write_clip(
        tmp_path_factory.mktemp("source") / "clip.mp4",
        shapes(50),
        sounds=TWO,
        subtitles=[("eng", "Hello {\\i1}there{\\i0}")],
        chapters=[(0, 1, "first"), (1, 2, "second")],
        metadata={"title": "A clip", "artist": "Somebody"},
    )


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
def test_sound_is_byte_identical(source: Path, tmp_path: Path, name: str) -> None:
    assert packets(rewrite(source, tmp_path / name)) == packets(source)


def test_opus_is_byte_identical_from_matroska_to_webm(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", shapes(25), sounds=[Sound(codec="libopus")])
    result = rewrite(clip, tmp_path / "a.webm", WriteOptions(preset="ultrafast"))
    assert packets(result) == packets(clip)


@pytest.mark.parametrize("codec", ["pcm_s16le", "flac", "mp3", "ac3"])
def test_other_sound_is_byte_identical_in_matroska(tmp_path: Path, codec: str) -> None:
    encoder = {"mp3": "libmp3lame"}.get(codec, codec)
    clip = write_clip(tmp_path / "clip.mkv", shapes(25), sounds=[Sound(codec=encoder)])
    assert packets(rewrite(clip, tmp_path / "a.mkv")) == packets(clip)


def test_languages_titles_and_dispositions_are_kept(source: Path, tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv"):
        with av.open(source) as before, av.open(rewrite(source, tmp_path / name)) as after:
            for old, new in zip(before.streams.audio, after.streams.audio, strict=True):
                assert new.language == old.language
                assert new.disposition == old.disposition
            last = after.streams.audio[1].metadata
            assert "Kommentar" in (last.get("title"), last.get("name"))


def test_quicktime_keeps_a_language_that_it_calls_otherwise(source: Path, tmp_path: Path) -> None:
    with av.open(rewrite(source, tmp_path / "a.mov")) as container:
        assert [stream.language for stream in container.streams.audio] == ["eng", "ger"]


def test_second_sound_marked_as_default_stays_so(tmp_path: Path) -> None:
    plain = write_clip(tmp_path / "plain.mkv", shapes(10), sounds=TWO)
    marked = tmp_path / "marked.mkv"
    with av.open(plain) as before, av.open(marked, "w") as after:
        twins = [after.add_stream_from_template(stream) for stream in before.streams]
        twins[1].disposition = av.stream.Disposition.comment
        twins[2].disposition = av.stream.Disposition.default
        for packet in before.demux():
            if packet.size:
                packet.stream = twins[packet.stream.index]
                after.mux(packet)
    with av.open(rewrite(marked, tmp_path / "a.mkv")) as container:
        first, second = (stream.disposition for stream in container.streams.audio)
    assert first & av.stream.Disposition.comment and not first & av.stream.Disposition.default
    assert second & av.stream.Disposition.default


def test_tags_of_the_file_are_kept_without_those_of_its_container(source: Path, tmp_path: Path) -> None:
    with av.open(rewrite(source, tmp_path / "a.mkv")) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
    assert tags["title"] == "A clip"
    assert tags["artist"] == "Somebody"
    assert not {"major_brand", "minor_version", "compatible_brands"} & tags.keys()


def test_tags_of_a_phone_are_kept(tmp_path: Path) -> None:
    clip = write_clip(
        tmp_path / "clip.mov",
        metadata={"com.apple.quicktime.model": "Telephone 12", "title": "x"},
        container_options={"movflags": "use_metadata_tags"},
    )
    with av.open(rewrite(clip, tmp_path / "a.mov")) as container:
        assert container.metadata["com.apple.quicktime.model"] == "Telephone 12"


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_chapters_are_kept(source: Path, tmp_path: Path, name: str) -> None:
    with av.open(rewrite(source, tmp_path / name)) as container:
        found = [
            (chapter["start"] * chapter["time_base"], chapter["metadata"]["title"])
            for chapter in container.chapters()
            if chapter["time_base"]
        ]
    assert [title for _, title in found] == ["first", "second"]
    assert [float(start) for start, _ in found] == pytest.approx([0, 1], abs=0.03)


def test_chapters_of_a_part_are_moved_and_cut(source: Path, tmp_path: Path) -> None:
    with av.open(rewrite(source, tmp_path / "a.mkv", start="1.2", end="1.6")) as container:
        (chapter,) = container.chapters()
        assert chapter["time_base"]
        span = [float(chapter[side] * chapter["time_base"]) for side in ("start", "end")]
    assert chapter["metadata"]["title"] == "second"
    assert span == pytest.approx([0, 0.4], abs=0.03)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_subtitles_are_byte_identical_where_they_fit(source: Path, tmp_path: Path, name: str) -> None:
    assert packets(rewrite(source, tmp_path / name), "subtitle") == packets(source, "subtitle")


@pytest.mark.parametrize(
    ("before", "after", "codec"),
    [("mp4", "mkv", "srt"), ("mkv", "mp4", "mov_text"), ("mkv", "webm", "webvtt")],
)
def test_text_is_converted_between_containers(tmp_path: Path, before: str, after: str, codec: str) -> None:
    clip = write_clip(tmp_path / f"clip.{before}", shapes(25), subtitles=[("deu", "Hallo {\\i1}Welt{\\i0}")])
    with av.open(rewrite(clip, tmp_path / f"a.{after}")) as container:
        (stream,) = container.streams.subtitles
        assert stream.codec_context.name == codec
        assert stream.language == "deu"
        lines = []
        for packet in container.demux(stream):
            if packet.size > 2:
                time = float((packet.pts or 0) * packet.time_base)
                length = float((packet.duration or 0) * packet.time_base)
                lines += [(time, length, line.dialogue) for line in packet.decode()]  # type: ignore[union-attr]
    assert len(lines) == 1
    assert lines[0][:2] == pytest.approx((0, 0.5), abs=0.01)
    assert b"Hallo" in lines[0][2] and b"Welt" in lines[0][2]


@pytest.mark.parametrize(("name", "codec"), [("a.webm", "opus"), ("a.mov", "aac")])
def test_refused_sound_is_encoded_anew_in_step(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, codec: str
) -> None:
    clip = click_clip(tmp_path / "clip.mkv", "aac" if codec == "opus" else "libopus")
    with caplog.at_level(logging.WARNING):
        result = rewrite(clip, tmp_path / name, WriteOptions(preset="ultrafast"))
    assert f"encoded anew as {codec}" in caplog.text
    with av.open(result) as container:
        assert container.streams.audio[0].codec_context.name == codec
        assert container.streams.audio[0].language == "eng"
    assert click_of(result) == pytest.approx(click_of(clip), abs=0.003)


def test_plain_sound_without_named_speakers_is_encoded_anew_for_mp4(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = click_clip(tmp_path / "clip.avi", "pcm_s16le", "mpeg4")  # the muxer refuses it when all is done
    with caplog.at_level(logging.WARNING):
        result = rewrite(clip, tmp_path / "a.mp4")
    assert "encoded anew as aac" in caplog.text
    assert click_of(result) == pytest.approx(click_of(clip), abs=0.003)


def test_refused_sound_of_a_part_is_in_step(tmp_path: Path) -> None:
    clip = click_clip(tmp_path / "clip.mkv", "aac")
    result = rewrite(clip, tmp_path / "a.webm", WriteOptions(preset="ultrafast"), start="0.4", end="1.6")
    assert click_of(result) == pytest.approx(1.0 - 0.4, abs=0.003)
    samples, start, rate = loudness(result)
    assert abs(start) < 0.01
    assert len(samples) / rate == pytest.approx(1.2, abs=0.06)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
@pytest.mark.parametrize("start", ["0.4", "0.48", "0.56"])
def test_sound_of_a_part_is_in_step(tmp_path: Path, name: str, start: str) -> None:
    clip = click_clip(tmp_path / "clip.mp4", "aac")
    result = rewrite(clip, tmp_path / name, start=start, end="1.6")
    picture, _ = tone_starts(result)
    assert picture == 0
    assert click_of(result) == pytest.approx(1.0 - float(start), abs=0.003)


@pytest.mark.parametrize("name", ["a.mkv", "a.mov"])
def test_plain_sound_of_a_part_is_cut_at_the_sample(tmp_path: Path, name: str) -> None:
    clip = click_clip(tmp_path / "clip.mkv", "pcm_s16le")
    result = rewrite(clip, tmp_path / name, start="0.4", end="1.6")
    picture, (sound,) = tone_starts(result)
    assert picture == sound == 0
    assert click_of(result) == pytest.approx(0.6, abs=0.001)


def test_sound_with_ticks_as_long_as_a_packet_is_in_step(tmp_path: Path) -> None:
    clip = click_clip(tmp_path / "clip.avi", "libmp3lame", "mpeg4")
    whole = click_of(clip)
    assert click_of(rewrite(clip, tmp_path / "a.mp4")) == pytest.approx(whole, abs=0.001)
    part = rewrite(clip, tmp_path / "b.mp4", start="0.4", end="1.6")
    assert click_of(part) == pytest.approx(whole - 0.4, abs=0.001)


def test_sound_of_a_part_is_cut_at_packets_that_cover_it(source: Path, tmp_path: Path) -> None:
    result = rewrite(source, tmp_path / "a.mp4", start="0.6", end="1.4")
    whole, part = packets(source)[0], packets(result)[0]
    first = whole.index(part[0])
    assert whole[first : first + len(part)] == part
    step = Fraction(1024, 48000)
    assert 0.8 <= len(part) * step <= 0.8 + 2 * step


def test_part_by_number_of_frames_cuts_the_sound_too(source: Path, tmp_path: Path) -> None:
    result = rewrite(source, tmp_path / "a.mp4", frames=10)
    samples, _, rate = loudness(result)
    assert len(samples) / rate == pytest.approx(0.4, abs=0.03)


def test_run_that_is_stopped_cuts_the_sound_where_it_stopped(source: Path, tmp_path: Path) -> None:
    result = rewrite(source, tmp_path / "a.mp4", stop_after=25)
    samples, _, rate = loudness(result)
    assert len(samples) / rate == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_sound_that_goes_on_after_the_last_picture_is_kept(tmp_path: Path, name: str) -> None:
    clip = write_clip(tmp_path / "clip.mp4", shapes(10), sounds=[Sound(seconds=3.0)])
    assert packets(rewrite(clip, tmp_path / name)) == packets(clip)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize("first", [1, 20, 37])
def test_picture_that_begins_late_stays_in_step(tmp_path: Path, name: str, first: int) -> None:
    """The first picture comes ``first`` frames after the sound."""
    clip = write_clip(
        tmp_path / "clip.mp4",
        shapes(25),
        ticks=[first + index for index in range(25)],
        time_base=Fraction(1, 25),
        sounds=[Sound(seconds=2.5)],
        container_options={"movie_timescale": "48000"},
    )
    before, (sound_before,) = tone_starts(clip)
    result = rewrite(clip, tmp_path / name)
    after, (sound_after,) = tone_starts(result)
    assert float(after - sound_after) == pytest.approx(float(before - sound_before), abs=0.0011)
    assert packets(result) == packets(clip)


def test_sound_that_begins_late_stays_in_step(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", shapes(50), sounds=[Sound(start=0.7, seconds=1.0)])
    before, (sound_before,) = tone_starts(clip)
    for name in ("a.mp4", "a.mkv"):
        result = rewrite(clip, tmp_path / name)
        after, (sound_after,) = tone_starts(result)
        assert float(after - sound_after) == pytest.approx(float(before - sound_before), abs=0.0011)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_transport_stream_that_starts_anywhere_starts_at_zero(tmp_path: Path, name: str) -> None:
    clip = write_clip(
        tmp_path / "clip.ts",
        shapes(25),
        ticks=[126000 + 3600 * index for index in range(25)],
        time_base=Fraction(1, 90000),
        sounds=[Sound(start=1.4, seconds=1.0)],
    )
    before, (sound_before,) = tone_starts(clip)
    result = rewrite(clip, tmp_path / name)
    after, (sound_after,) = tone_starts(result)
    assert min(after, sound_after) <= 0 <= max(after, sound_after) < 0.1
    assert float(after - sound_after) == pytest.approx(float(before - sound_before), abs=0.0011)


def test_streams_that_do_not_fit_are_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = with_font(tmp_path)
    with caplog.at_level(logging.WARNING):
        result = rewrite(clip, tmp_path / "a.mp4")
    assert "left out attachment" in caplog.text
    with av.open(result) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_attachments_are_kept_in_matroska(tmp_path: Path) -> None:
    with av.open(rewrite(with_font(tmp_path), tmp_path / "a.mkv")) as container:
        (font,) = [stream for stream in container.streams if stream.type == "attachment"]
        assert font.data == b"not really a font"  # type: ignore[attr-defined]
        assert font.mimetype == "font/ttf"  # type: ignore[attr-defined]
        assert font.metadata["filename"] == "brush.ttf"


@pytest.mark.parametrize(
    ("before", "after"), [("mp4", "mp4"), ("mp4", "mkv"), ("mkv", "mp4"), ("mkv", "mkv")]
)
def test_cover_is_kept(tmp_path: Path, before: str, after: str) -> None:
    clip, cover = with_cover(tmp_path, before)
    with av.open(rewrite(clip, tmp_path / f"a.{after}")) as container:
        pictures = [
            stream
            for stream in container.streams.video
            if stream.disposition & av.stream.Disposition.attached_pic
        ]
        assert len(pictures) == 1
        found = [bytes(packet) for packet in container.demux(pictures[0]) if packet.size]
        assert container.streams.best("video").disposition & av.stream.Disposition.attached_pic == 0  # type: ignore[union-attr]
    assert found == [cover]


def test_source_without_sound_is_no_trouble(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", shapes(5))
    with av.open(rewrite(clip, tmp_path / "a.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_sound_that_breaks_off_does_not_break_the_picture(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", shapes(50), sounds=TWO)
    data = clip.read_bytes()
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(data[: len(data) * 2 // 3])
    with av.open(rewrite(broken, tmp_path / "a.mp4")) as container:
        assert len(container.streams.audio) == 2
        assert sum(1 for _ in container.decode(video=0)) > 10


def test_sound_lies_beside_its_pictures_in_the_file(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", shapes(60) * 4, sounds=TWO)
    latest: dict[str, float] = {}
    with av.open(rewrite(clip, tmp_path / "a.mkv")) as container:
        for packet in container.demux():
            if packet.size and packet.pts is not None:
                latest[packet.stream.type] = float(packet.pts * Fraction(packet.time_base))
                if len(latest) == 2:
                    assert abs(latest["video"] - latest["audio"]) < 0.5
    assert latest["video"] > 9


def test_gif_has_no_place_for_sound(source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        result = rewrite(source, tmp_path / "a.gif", WriteOptions(), frames=3)
    assert "holds no sound" in caplog.text
    with av.open(result) as container:
        assert len(container.streams) == 1


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


def with_font(folder: Path) -> Path:
    plain = write_clip(folder / "plain.mkv", shapes(5))
    return remux(plain, folder / "font.mkv", attachment=("brush.ttf", "font/ttf", b"not really a font"))


def with_cover(folder: Path, extension: str) -> tuple[Path, bytes]:
    """A clip with a JPEG of its own beside the film."""
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 64, "yuvj420p", Fraction(1, 25)
    picture = av.VideoFrame.from_ndarray(shapes(1, 64, 64)[0], format="rgb24").reformat(format="yuvj420p")
    picture.pts = 0
    jpeg = b"".join(bytes(packet) for packet in (*encoder.encode(picture), *encoder.encode(None)))
    plain = write_clip(folder / f"plain.{extension}", shapes(10))
    path = folder / f"cover.{extension}"
    if extension == "mkv":
        return remux(plain, path, attachment=("cover.jpg", "image/jpeg", jpeg)), jpeg
    with av.open(plain) as before, av.open(path, "w") as after:
        film: Any = after.add_stream_from_template(before.streams.video[0])
        cover: Any = after.add_mux_stream("mjpeg", width=64, height=64)
        cover.disposition = av.stream.Disposition.attached_pic
        for packet in before.demux(video=0):
            if packet.size:
                packet.stream = film
                after.mux(packet)
        single = av.Packet(jpeg)
        single.stream, single.pts, single.dts = cover, 0, 0
        after.mux(single)
    return path, jpeg


def remux(source: Path, target: Path, attachment: tuple[str, str, bytes]) -> Path:
    with av.open(source) as before, av.open(target, "w") as after:
        twins: Sequence[Any] = [after.add_stream_from_template(stream) for stream in before.streams]
        after.add_attachment(*attachment)
        for packet in before.demux():
            if packet.size:
                packet.stream = twins[packet.stream.index]
                after.mux(packet)
    return target
