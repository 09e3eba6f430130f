"""Codecs: names, encoders that really open, options that really exist."""

from __future__ import annotations

import logging
import os

import av
import pytest

from vidstyle.errors import OptionError, OutputError, UnknownName
from vidstyle.options import WriteOptions
from vidstyle.video.writing.codecs import CODECS, choose_encoder, codec_of, open_error, opens, pixel_format_of
from vidstyle.video.writing.encoder_settings import SPEEDS, presets, tune
from vidstyle.video.writing.encoder_trial import open_codec, try_encoder


@pytest.mark.parametrize("name", CODECS)
def test_each_codec_has_an_encoder_that_opens(name: str) -> None:
    encoder = choose_encoder(name)
    assert opens(encoder)
    assert codec_of(encoder).name == name


@pytest.mark.parametrize("name", ["h264", "hevc", "av1", "vp9", "prores", "ffv1"])
@pytest.mark.parametrize("speed", ["ultrafast", "medium", "placebo"])
def test_each_codec_takes_the_words_for_speed(name: str, speed: str) -> None:
    encoder = choose_encoder(name)
    pixel_format = pixel_format_of(encoder)
    try_encoder(encoder, pixel_format, tune(encoder, WriteOptions(preset=speed), pixel_format), "matroska")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("h264_nvenc", "h264"), ("hevc_videotoolbox", "hevc"), ("libx264", "h264"), ("H265", "hevc")],
)
def test_codec_of_an_encoder(name: str, expected: str) -> None:
    assert codec_of(name).name == expected


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="of Linux only")
@pytest.mark.parametrize("name", CODECS)
def test_opening_an_encoder_leaves_the_thread_its_scheduling_policy(name: str) -> None:
    encoder = choose_encoder(name)
    pixel_format = pixel_format_of(encoder)
    tuning = tune(encoder, WriteOptions(), pixel_format)
    before, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        assert not open_codec(encoder, pixel_format, tuning).error
        assert os.sched_getscheduler(0) == before
    finally:
        os.sched_setscheduler(0, before, parameters)


def test_unknown_codec_suggests_one() -> None:
    with pytest.raises(UnknownName, match="did you mean 'hevc'"):
        choose_encoder("hvec")


def test_sound_encoder_is_no_video_codec() -> None:
    with pytest.raises(UnknownName, match="aac"):
        choose_encoder("aac")


def test_hardware_that_does_not_open_falls_back_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    # one that no machine has: it is not even compiled into builds for other systems
    missing = next(name for name in ("h264_mediacodec", "h264_videotoolbox") if not opens(name))
    with caplog.at_level(logging.WARNING):
        assert choose_encoder(missing) == "libx264"
    assert f"{missing} does not open here" in caplog.text
    assert "libx264" in caplog.text


def test_hardware_without_software_to_fall_back_on_is_an_error() -> None:
    missing = next((name for name in ("mpeg2_qsv", "mpeg2_vaapi", "vc1_v4l2m2m") if open_error(name)), None)
    assert missing is not None
    with pytest.raises((OutputError, UnknownName)):
        choose_encoder(missing)


def test_another_encoder_of_ffmpeg_is_taken_by_its_name() -> None:
    assert choose_encoder("mpeg4") == "mpeg4"


def test_unknown_encoder_option_is_an_error() -> None:
    tuning = tune("libx264", WriteOptions(encoder_options=(("crff", "18"),)), "yuv420p")
    with pytest.raises(OptionError, match=r"no option 'crff'; did you mean 'crf'"):
        try_encoder("libx264", "yuv420p", tuning, "mp4")


@pytest.mark.parametrize(
    ("encoder", "key"),
    [("libx264", "x264-params"), ("libx265", "x265-params"), ("libsvtav1", "svtav1-params")],
)
def test_unknown_parameter_inside_an_option_is_an_error(encoder: str, key: str) -> None:
    tuning = tune(encoder, WriteOptions(encoder_options=((key, "no-such-thing=1"),)), "yuv420p")
    with pytest.raises(OptionError, match="does not know"):
        try_encoder(encoder, "yuv420p", tuning, "mp4")


def test_known_encoder_options_are_taken() -> None:
    options = WriteOptions(encoder_options=(("x264-params", "keyint=12"), ("aq-mode", "2")))
    try_encoder("libx264", "yuv420p", tune("libx264", options, "yuv420p"), "mp4")


def test_wrong_value_of_an_encoder_option_is_an_error() -> None:
    options = WriteOptions(encoder_options=(("aq-mode", "purple"),))
    with pytest.raises(OptionError, match="libx264"):
        try_encoder("libx264", "yuv420p", tune("libx264", options, "yuv420p"), "mp4")


@pytest.mark.parametrize(
    ("encoder", "container"), [("libx264", "webm"), ("libvpx-vp9", "mov"), ("prores_ks", "mp4")]
)
def test_container_that_refuses_a_codec_says_so_early(encoder: str, container: str) -> None:
    pixel_format = pixel_format_of(encoder)
    with pytest.raises(OutputError):
        try_encoder(encoder, pixel_format, tune(encoder, WriteOptions(), pixel_format), container)


def test_unknown_preset_suggests_one() -> None:
    with pytest.raises(OptionError, match="did you mean 'medium'"):
        tune("libx264", WriteOptions(preset="medum"), "yuv420p")


@pytest.mark.parametrize(
    ("encoder", "preset", "expected"),
    [
        ("libx264", "slow", {"preset": "slow"}),
        ("libx265", "veryfast", {"preset": "veryfast"}),
        ("libsvtav1", "11", {"preset": "11"}),
        ("libvpx-vp9", "realtime", {"deadline": "realtime"}),
        ("prores_ks", "lt", {"profile": "lt"}),
        ("h264_nvenc", "p6", {"preset": "p6"}),
    ],
)
def test_preset_in_the_encoders_own_words(encoder: str, preset: str, expected: dict[str, str]) -> None:
    options = tune(encoder, WriteOptions(preset=preset), "yuv420p").options
    assert {key: options[key] for key in expected} == expected


@pytest.mark.parametrize("encoder", ["libsvtav1", "libvpx-vp9"])
def test_slower_words_never_choose_faster_settings(encoder: str) -> None:
    key = "preset" if encoder == "libsvtav1" else "cpu-used"
    steps = [int(tune(encoder, WriteOptions(preset=speed), "yuv420p").options[key]) for speed in SPEEDS]
    assert steps == sorted(steps, reverse=True)
    assert set(SPEEDS) <= set(presets(encoder))


@pytest.mark.parametrize(
    ("encoder", "key"),
    [
        ("libx264", "crf"),
        ("libx265", "crf"),
        ("libsvtav1", "crf"),
        ("libvpx-vp9", "crf"),
        ("hevc_nvenc", "cq"),
    ],
)
def test_quality_16_is_the_default_everywhere(encoder: str, key: str) -> None:
    assert tune(encoder, WriteOptions(), "yuv420p").options[key] == "16"


def test_quality_beyond_the_encoders_scale_is_an_error() -> None:
    with pytest.raises(OptionError, match="from 0 to 51 for libx264, got 60"):
        tune("libx264", WriteOptions(crf=60), "yuv420p")
    assert tune("libsvtav1", WriteOptions(crf=60), "yuv420p").options["crf"] == "60"


def test_quality_and_bit_rate_together_are_an_error() -> None:
    with pytest.raises(OptionError, match="one of them"):
        tune("libx264", WriteOptions(crf=20, bitrate="1M"), "yuv420p")


def test_x264_looks_less_far_ahead_on_large_pictures() -> None:
    large = (3840, 2160)
    assert tune("libx264", WriteOptions(), "yuv420p", large).options["rc-lookahead"] == "20"
    assert "rc-lookahead" not in tune("libx264", WriteOptions(), "yuv420p", (1920, 1080)).options
    assert "rc-lookahead" not in tune("libx264", WriteOptions(preset="slow"), "yuv420p", large).options


def test_bit_rate_takes_the_place_of_quality() -> None:
    tuning = tune("libx264", WriteOptions(bitrate="1.5M"), "yuv420p")
    assert tuning.bit_rate == 1_500_000
    assert "crf" not in tuning.options


@pytest.mark.parametrize("encoder", ["ffv1", "png", "prores_ks", "gif"])
def test_quality_where_there_is_none_to_set_is_an_error(encoder: str) -> None:
    with pytest.raises(OptionError, match="--crf cannot be used"):
        tune(encoder, WriteOptions(crf=20), "yuv420p")


@pytest.mark.parametrize(
    ("encoder", "bits", "alpha", "odd", "expected"),
    [
        ("libx264", 8, False, False, "yuv420p"),
        ("libx264", 8, False, True, "yuv444p"),
        ("libx264", 10, False, False, "yuv420p10le"),
        ("libx265", 10, False, True, "yuv444p10le"),
        ("libsvtav1", 10, False, True, "yuv420p10le"),
        ("libvpx-vp9", 8, True, False, "yuva420p"),
        ("prores_ks", 8, False, False, "yuv422p10le"),
        ("prores_ks", 10, True, False, "yuva444p10le"),
        ("ffv1", 8, False, True, "bgr0"),
        ("ffv1", 8, True, False, "bgra"),
        ("ffv1", 10, False, False, "gbrp10le"),
        ("png", 16, True, False, "rgba64be"),
    ],
)
def test_pixel_format_that_suits(encoder: str, bits: int, alpha: bool, odd: bool, expected: str) -> None:
    assert pixel_format_of(encoder, bits=bits, alpha=alpha, odd=odd) == expected


def test_probing_leaves_ffmpegs_log_as_it_was() -> None:
    before = av.logging.get_level()
    open_error("libx264")
    tuning = tune("libx264", WriteOptions(encoder_options=(("nonsense", "1"),)), "yuv420p")
    with pytest.raises(OptionError):
        try_encoder("libx264", "yuv420p", tuning, "mp4")
    assert av.logging.get_level() == before
