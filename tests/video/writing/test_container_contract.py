"""Facts that hold for every registered kind of file; a new one is tested by being listed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.codec import Codec
from av.format import ContainerFormat
from clips import Sound, number_of, shapes, write_clip
from results import rewrite

from vidstyle.options import WriteOptions
from vidstyle.video.containers import CONTAINERS, STREAMS, Container, SoundCodec
from vidstyle.video.reading.reader import Reader
from vidstyle.video.writing.codecs import choose_encoder, codec_of
from vidstyle.video.writing.target import check_target
from vidstyle.video.writing.writer import Writer

COUNT = 12
FAST = WriteOptions(preset="ultrafast")


class ContainerContract(ABC):
    """Checks one container; a subclass says what it is, and registers it by its extension."""

    @property
    @abstractmethod
    def suffix(self) -> str:
        """The extension, with its dot."""

    @property
    def container(self) -> Container:
        return CONTAINERS[self.suffix]

    def test_ffmpeg_writes_its_format(self) -> None:
        assert ContainerFormat(self.container.format, "w").is_output

    def test_its_default_codec_has_an_encoder_and_suits_it(self) -> None:
        codec = codec_of(choose_encoder(self.container.codec))
        assert self.container.is_animation == codec.is_picture

    def test_its_encoders_of_sound_and_text_exist(self) -> None:
        if self.container.sound is not None:
            encoder = Codec(self.container.sound.encoder, "w")
            assert encoder.type == "audio" and self.container.sound.bit_rate > 0
            rates = encoder.audio_rates
            assert self.container.sound.rate is None or not rates or self.container.sound.rate in rates
        if self.container.text_encoder:
            assert Codec(self.container.text_encoder, "w").type == "subtitle"

    def test_every_picture_comes_back_at_its_time(self, source: Path, tmp_path: Path) -> None:
        result = rewrite(source, tmp_path / f"result{self.suffix}", FAST)
        with Reader(result) as reader:
            frames = list(reader)
        assert [number_of(frame.pixels) for frame in frames] == list(range(COUNT))
        assert [frame.time for frame in frames] == [Fraction(index, 25) for index in range(COUNT)]

    def test_sound_is_carried_if_it_holds_sound(self, source: Path, tmp_path: Path) -> None:
        kinds = self._kinds(rewrite(source, tmp_path / f"result{self.suffix}", FAST))
        assert kinds.count("audio") == (self.container.sound is not None)

    def test_text_is_carried_if_it_holds_text(self, source: Path, tmp_path: Path) -> None:
        kinds = self._kinds(rewrite(source, tmp_path / f"result{self.suffix}", FAST))
        assert kinds.count("subtitle") == bool(self.container.text_encoder)

    def test_it_holds_sound_of_the_encoder_that_it_names(self, tmp_path: Path) -> None:
        sound = self.container.sound
        if sound is None:
            return
        with av.open(tmp_path / f"result{self.suffix}", "w", format=self.container.format) as file:
            stream = file.add_stream(sound.encoder, rate=sound.rate or 48_000)
            assert not stream.codec_context.is_open
            file.start_encoding()  # raises if the muxer refuses the codec

    def test_an_animation_plays_as_often_as_it_says(self, source: Path, tmp_path: Path) -> None:
        if not self.container.is_animation:
            return
        target = tmp_path / f"result{self.suffix}"
        with Reader(source) as reader:
            like = replace(reader.info, plays=3)
            with Writer(check_target(target, FAST), like=like) as writer:
                for frame in reader:
                    writer.write(frame)
        with Reader(target) as reader:
            assert reader.info.plays == 3

    def test_names_of_languages_have_three_letters(self) -> None:
        for names in self.container.language_names.items():
            assert all(len(name) == 3 and name.islower() for name in names)

    def _kinds(self, path: Path) -> list[str]:
        with av.open(path) as container:
            return [stream.type for stream in container.streams]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve numbered pictures with sound and a subtitle."""
    clip = tmp_path_factory.mktemp("source") / "clip.mkv"
    return write_clip(clip, shapes(COUNT), sounds=[Sound()], subtitles=[("eng", "Hello")])


class TestContainers(ContainerContract):
    @pytest.fixture(autouse=True, params=CONTAINERS)
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = str(request.param)

    @property
    def suffix(self) -> str:
        return self.name


class TestToyContainer(ContainerContract):
    """Flash video: registered by one line, it is written like those that are bundled."""

    suffix = ".flv"

    @pytest.fixture(autouse=True)
    def _registered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        flash = Container("flv", "h264", sound=SoundCodec("aac", bit_rate=96_000))
        monkeypatch.setitem(CONTAINERS, self.suffix, flash)


def test_the_option_format_takes_each_container_for_pipes() -> None:
    (option,) = (item for item in fields(WriteOptions) if item.name == "format")
    assert option.metadata["choices"] == tuple(STREAMS)


@pytest.mark.parametrize("name", STREAMS)
def test_what_goes_through_a_pipe_has_a_muxer_and_encoders(name: str) -> None:
    container = STREAMS[name]
    assert ContainerFormat(container.format, "w").is_output
    assert Codec(container.codec, "w").type == "video"
    assert container.sound is None or Codec(container.sound.encoder, "w").type == "audio"
