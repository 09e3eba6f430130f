"""What --quality stands for, and what takes precedence over it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import save_file

from vidstyle import weights
from vidstyle.cli.main import main
from vidstyle.engines.base import chosen_engine
from vidstyle.engines.wct_slim import WCTSlim
from vidstyle.errors import OptionError, WeightsMismatch
from vidstyle.options import QUALITIES, PaintOptions
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.registry import ENGINES


def engine_of(options: PaintOptions) -> object:
    return chosen_engine(options.engine, options.weights, options.quality_engine)


def test_a_draft_is_painted_at_half_of_a_frame_s_size() -> None:
    painter = Stylizer("waves", quality="draft", device="cpu")._painter
    assert isinstance(painter.engine, WCTSlim)
    assert painter.working_shape(360, 640) == (180, 320)
    assert painter.working_shape(2160, 3840) == (480, 853)
    picture = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    drawn = Stylizer("waves", quality="draft", detail=0).image(picture)
    assert drawn.shape == picture.shape
    usual = Stylizer("waves", detail=0).image(picture)
    finest = [float(np.abs(np.diff(each.astype(float), axis=1)).mean()) for each in (drawn, usual)]
    assert finest[0] < 0.9 * finest[1]


def test_high_quality_paints_finer_strokes_in_large_frames() -> None:
    painter = Stylizer("waves", quality="high", device="cpu")._painter
    assert isinstance(painter.engine, WCTSlim)
    assert painter.working_shape(1080, 1920) == (720, 1280)
    assert painter.working_shape(360, 640) == (360, 640)


def test_the_default_is_normal_and_options_that_are_given_take_precedence() -> None:
    assert PaintOptions() == PaintOptions(quality="normal")
    given = PaintOptions(quality="high", engine="stylenet", working_size=300)
    assert (engine_of(given), given.chosen_working_size) == ("stylenet", 300)
    assert engine_of(PaintOptions(quality="draft", engine="wct")) == "wct"


def test_weights_that_name_their_engine_are_painted_by_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    save_file(weights.load(weights.SMALL_VGG), file, {"engine": "wct"})
    assert engine_of(PaintOptions(weights=file)) == "wct"
    assert engine_of(PaintOptions(weights=file, engine="wct")) == "wct"
    assert engine_of(PaintOptions(weights=file, engine="my.engine:make")) == "my.engine:make"


def test_weights_of_another_engine_are_refused_though_it_could_load_them() -> None:
    given = PaintOptions(weights=weights.find(weights.WCT_SINGLE_PASS), engine="wct-slim")
    told = "holds weights of the engine wct-single-pass, not of wct-slim; leave out --engine"
    with pytest.raises(WeightsMismatch, match=told):
        Stylizer("waves", weights=given.weights, engine=given.engine)


@pytest.mark.parametrize("engine", [{}, {"engine": "os:getcwd"}, {"engine": "unheard-of"}])
def test_weights_cannot_name_what_is_not_registered_as_an_engine(
    engine: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.safetensors"
    save_file(weights.load(weights.SMALL_VGG), file, engine)
    assert engine_of(PaintOptions(weights=file)) == QUALITIES["normal"].engine


def test_every_quality_names_an_engine_that_there_is() -> None:
    assert {quality.engine for quality in QUALITIES.values()} <= set(ENGINES)


def test_an_unknown_quality_is_refused() -> None:
    with pytest.raises(OptionError, match="--quality cannot be 'hihg'; did you mean 'high'"):
        Stylizer("waves", quality="hihg")  # type: ignore[arg-type]


def test_a_run_s_report_says_quality_and_engine(plain_clip: Path, tmp_path: Path) -> None:
    target, report = tmp_path / "out.mp4", tmp_path / "report.json"
    words = ["run", str(plain_clip), "--style", "waves", "--quality", "high", "-o", str(target), "-q"]
    assert main([*words, "--frames", "2", "--json", str(report)]) == 0
    options = json.loads(report.read_text())["options"]
    assert (options["quality"], options["engine"], options["working_size"]) == (
        "high",
        "wct-slim",
        720,
    )


def test_a_preview_says_how_long_its_quality_takes(
    plain_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for quality in QUALITIES:
        picture = tmp_path / f"{quality}.png"
        words = ["run", str(plain_clip), "--style", "waves", "--quality", quality, "-o", str(picture)]
        assert main([*words, "--preview"]) == 0
        told = capsys.readouterr()
        assert picture.is_file()
        assert "frames at" in told.out + told.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quality": None}, "--quality cannot be None; leave it out for 'normal'"),
        ({"quality": ["high"]}, "--quality cannot be .'high'."),
        ({"precision": None}, "--precision cannot be None; leave it out for 'auto'"),
        ({"strength": None}, "--strength cannot be None; leave it out for 1.0"),
    ],
)
def test_an_option_that_is_no_value_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        PaintOptions(**options)
