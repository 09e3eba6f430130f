"""Sound carried over, cut or encoded anew, in step with its pictures."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import Sound, shapes, write_clip
from results import (
    click_clip,
    click_of,
    loudness,
    packets,
    rewrite,
    tone_starts,
)

from vidstyle.options import WriteOptions

TWO = (Sound("eng", 440), Sound("deu", 880, title="Kommentar"))


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
