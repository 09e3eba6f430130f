"""Sound, subtitles, chapters and tags carried over into a result as they are."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from clips import Sound, shapes, write_clip
from results import (
    packets,
    rewrite,
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
        chapters = [
            (chapter["start"] * chapter["time_base"], chapter["metadata"]["title"])
            for chapter in container.chapters()
            if chapter["time_base"]
        ]
    assert [title for _, title in chapters] == ["first", "second"]
    assert [float(start) for start, _ in chapters] == pytest.approx([0, 1], abs=0.03)


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
        packets = [bytes(packet) for packet in container.demux(pictures[0]) if packet.size]
        assert container.streams.best("video").disposition & av.stream.Disposition.attached_pic == 0  # type: ignore[union-attr]
    assert packets == [cover]


def test_source_without_sound_is_no_trouble(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", shapes(5))
    with av.open(rewrite(clip, tmp_path / "a.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_gif_has_no_place_for_sound(source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        result = rewrite(source, tmp_path / "a.gif", WriteOptions(), frames=3)
    assert "holds no sound" in caplog.text
    with av.open(result) as container:
        assert len(container.streams) == 1


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


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
def test_tags_of_ones_own_survive(tmp_path: Path, name: str) -> None:
    tags = {"workflow": '{"nodes": [1, 2]}', "prompt": "a town, by night", "title": "Night"}
    clip = write_clip(tmp_path / "clip.mkv", shapes(3), metadata=tags)
    with av.open(rewrite(clip, tmp_path / name)) as container:
        result_tags = {key.lower(): value for key, value in container.metadata.items()}
    assert {key: result_tags.get(key) for key in tags} == tags


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_tags_that_every_player_knows_keep_their_old_place(tmp_path: Path, name: str) -> None:
    clip = write_clip(tmp_path / "clip.mkv", shapes(3), metadata={"title": "Night", "album": "Towns"})
    assert b"\xa9nam" in rewrite(clip, tmp_path / name).read_bytes()


@pytest.mark.parametrize(("rate", "kept"), [(Fraction(30000, 1001), True), (Fraction(25), False)])
def test_a_drop_frame_timecode_is_kept_or_told(
    tmp_path: Path, rate: Fraction, kept: bool, caplog: pytest.LogCaptureFixture
) -> None:
    film = write_clip(tmp_path / "film.mkv", shapes(6), rate=rate)
    clip = tmp_path / "clip.mkv"
    with av.open(film) as file, av.open(clip, "w") as out:
        stream = file.streams.video[0]
        twin = out.add_stream_from_template(stream)
        twin.metadata["timecode"] = "01:00:00;00"
        for packet in file.demux(stream):
            if packet.size:
                packet.stream = twin
                out.mux(packet)
    with caplog.at_level(logging.WARNING), av.open(rewrite(clip, tmp_path / "a.mov")) as result:
        assert (result.streams.video[0].metadata.get("timecode") == "01:00:00;00") is kept
    assert ("left out the drop-frame timecode 01:00:00;00" in caplog.text) is not kept
