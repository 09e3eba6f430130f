"""What an evaluation must never do: hide a NaN, write over its inputs, or leave out how it measured."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from clips import shapes, write_clip
from PIL import Image

from vidstyle.cli.main import main
from vidstyle.errors import InputError, OutputError
from vidstyle.evaluation.evaluator import evaluate
from vidstyle.evaluation.html_report import page
from vidstyle.evaluation.results import Evaluation
from vidstyle.flow.cache import FlowCache
from vidstyle.metrics.base import Motion, Sample
from vidstyle.metrics.frame_difference import FrameDifference


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clip and a result, in a cache of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pictures = shapes(4, 96, 64)
    write_clip(tmp_path / "clip.mp4", pictures)
    write_clip(tmp_path / "result.mp4", [255 - picture for picture in pictures])
    return tmp_path


def measured(clips: Path, **options: object) -> Evaluation:
    settings: dict[str, object] = {
        "source": clips / "clip.mp4",
        "flow": "dis",
        "metrics": ["warping_error", "frame_difference", "temporal_loss_short"],
        "cache": FlowCache(clips / "cache"),
        **options,
    }
    return evaluate(clips / "result.mp4", **settings)  # type: ignore[arg-type]


class Broken(FrameDifference):
    """A measure that has lost its way."""

    def add(self, now: Sample, past: Mapping[int, Sample], motion: Mapping[int, Motion]) -> None:
        self._mean.add(math.nan)


def test_a_nan_is_left_out_and_said(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidstyle.metrics.frame_difference.FrameDifference", Broken)
    evaluation = measured(clips)
    assert evaluation.value("frame_difference") is None
    assert evaluation.value("warping_error") is not None
    table = evaluation.table()
    assert "frame_difference of result came out as no number (NaN) and is left out" in table
    assert "frame_difference of clip came out as no number" in page(evaluation)
    text = json.dumps(evaluation.to_json(), allow_nan=False)
    assert "came out as no number" in text and '"-inf"' not in text
    assert "nan" not in evaluation.to_csv()


def test_a_metric_that_had_too_few_frames_says_so(clips: Path) -> None:
    evaluation = measured(clips, metrics=["tof", "frame_difference"])
    assert set(evaluation.values["tof"].values()) == {None}
    assert "tof had nothing to measure: too few frames" in evaluation.table()
    assert "frame_difference had" not in evaluation.table()


@pytest.mark.parametrize("option", ["--json", "--csv", "--report", "--heatmap"])
@pytest.mark.parametrize("name", ["result.mp4", "clip.mp4", "../{}/result.mp4"])
def test_an_input_is_never_written_over(
    option: str, name: str, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = name.format(clips.name)
    before = Path(target).read_bytes()
    arguments = ["result.mp4", "--source", "clip.mp4", "--metrics", "psnr", option, target, "--overwrite"]
    assert main(["evaluate", *arguments]) == 1
    assert "itself, which is never replaced" in capsys.readouterr().err
    assert Path(target).read_bytes() == before


def test_the_library_does_not_write_over_inputs_either(clips: Path) -> None:
    before = (clips / "clip.mp4").read_bytes()
    with pytest.raises(OutputError, match="itself, which is never replaced"):
        measured(clips, heatmap=clips / "clip.mp4", overwrite=True)
    assert (clips / "clip.mp4").read_bytes() == before


def test_two_outputs_of_one_name_are_refused(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["result.mp4", "--source", "clip.mp4", "--json", "numbers", "--csv", "./numbers"]
    assert main(["evaluate", *arguments]) == 1
    assert "--json and --csv are both numbers" in capsys.readouterr().err
    assert not Path("numbers").exists()


def test_an_empty_result_says_that_it_is_empty(clips: Path) -> None:
    (clips / "result.mp4").write_bytes(b"")
    with pytest.raises(InputError, match=r"result\.mp4 is empty \(0 bytes\)"):
        measured(clips)


def test_interval_and_normalisation_stand_with_the_numbers(clips: Path) -> None:
    evaluation = measured(clips)
    for text in (evaluation.table(), page(evaluation)):
        assert "warping_error: mean squared difference over trusted pixels, between frames 1 apart" in text
        assert "temporal_loss_short: root mean square over all pixels" in text
    conditions = evaluation.to_json()["conditions"]
    assert conditions["intervals"] == {
        "warping_error": [1],
        "frame_difference": [1],
        "temporal_loss_short": [1],
    }
    assert conditions["normalisation"]["frame_difference"] == "mean absolute difference over trusted pixels"


def test_the_worst_moments_show_the_change_along_the_motion(clips: Path) -> None:
    """Three pictures a row: before, now, and the map of the change."""
    evaluation = measured(clips)
    assert evaluation.worst
    moment = evaluation.worst[0]
    assert set(moment.heat) == set(moment.pictures) == {"clip", "result"}
    assert moment.heat["result"].shape == moment.pictures["result"][0].shape
    strips = re.findall(r"data:image/jpeg;base64,([^\"]+)", page(evaluation))
    strip = np.asarray(Image.open(io.BytesIO(base64.b64decode(strips[0]))))
    height, width = moment.heat["result"].shape[:2]
    assert strip.shape == (2 * height, 3 * width, 3)
