"""What a run measures of itself on the way."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import shapes, write_clip

from vidstyle import stylize_video
from vidstyle.cli.main import main
from vidstyle.frames import Frame
from vidstyle.pipeline.meter import Measured, Meter, metered
from vidstyle.temporal.base import StylizedFrame


def frames(count: int) -> list[Frame]:
    step = Fraction(1, 25)
    return [Frame(pixels, index * step, step) for index, pixels in enumerate(shapes(count, speed=0))]


def flickering(taken: Iterable[Frame]) -> Iterator[StylizedFrame]:
    """Each second frame is brighter by 20 levels."""
    for index, frame in enumerate(taken):
        pixels = (frame.pixels // 2 + 20 * (index % 2)).astype(np.uint8)
        yield StylizedFrame(Frame(pixels, frame.time, frame.duration), is_cut=index == 0, repainted=1.0)


def test_a_flicker_is_measured_on_one_in_twelve_frames() -> None:
    meter = Meter(None, None, None)
    still = [replace(frame, pixels=frames(1)[0].pixels) for frame in frames(30)]
    assert len(list(metered(still, flickering, meter))) == 30
    metrics = meter.result()
    assert metrics.pairs == 2
    assert metrics.values["warping_error"] == pytest.approx((20 / 255) ** 2, rel=0.1)
    assert metrics.clip["warping_error"] == pytest.approx(0, abs=1e-6)


def test_a_pair_across_a_cut_is_not_measured() -> None:
    def cut(taken: Iterable[Frame]) -> Iterator[StylizedFrame]:
        for index, result in enumerate(flickering(taken)):
            yield StylizedFrame(result.frame, is_cut=index in (0, 12), repainted=1.0)

    meter = Meter(None, None, None)
    assert len(list(metered(frames(20), cut, meter))) == 20
    assert meter.result().pairs == 0
    assert meter.result().text() == "measured: too few frames"


def test_results_pass_one_for_one_without_looking_ahead() -> None:
    asked = []

    def counted() -> Iterator[Frame]:
        for index, frame in enumerate(frames(5)):
            asked.append(index)
            yield frame

    results = metered(counted(), flickering, Meter(None, None, None))
    next(results)
    assert asked == [0]


def test_closing_closes_the_stage() -> None:
    closed = []

    def stage(taken: Iterable[Frame]) -> Iterator[StylizedFrame]:
        try:
            yield from flickering(taken)
        finally:
            closed.append(True)

    results = metered(frames(5), stage, Meter(None, None, None))
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert closed == [True]


def test_a_run_measures_without_changing_a_byte(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", shapes(16))
    plain, measured = tmp_path / "plain.mp4", tmp_path / "measured.mp4"
    options = {"style": "waves", "device": "cpu"}
    assert stylize_video(clip, plain, **options).measured is None  # type: ignore[arg-type]
    report = stylize_video(clip, measured, measure=True, **options)  # type: ignore[arg-type]
    assert plain.read_bytes() == measured.read_bytes()
    assert report.measured is not None
    metrics = Measured.from_json(report.measured)
    assert metrics.to_json() == report.measured
    assert (metrics.pairs, metrics.flow, metrics.is_own) == (1, "dis", True)
    assert None not in (*metrics.values.values(), *metrics.clip.values())
    assert "measured" in report.to_json()


def test_the_command_says_what_was_measured_and_that_it_flatters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", shapes(14))
    report = tmp_path / "run.json"
    arguments = ["run", str(clip), "--style", "waves", "--device", "cpu", "--measure", "--json", str(report)]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "measured: warping error" in said
    assert "style distance 0." in said
    assert "the run's own flow (dis), which flatters" in said
    assert json.loads(report.read_text())["measured"]["pairs"] == 1


def test_several_styles_are_not_measured_as_one(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", shapes(14))
    report = stylize_video(clip, tmp_path / "out.mp4", style=["waves", "ink"], device="cpu", measure=True)
    assert report.measured is not None and report.measured["style_distance"] is None
