"""Evaluation of whole files: the numbers, their conditions, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
from clips import write_clip
from numpy.typing import NDArray

from vidstyle import stylize_video
from vidstyle.cli.main import main
from vidstyle.errors import InputError, OptionError, UnknownName, WeightsMissing
from vidstyle.evaluation.evaluator import evaluate
from vidstyle.evaluation.html_report import page, write_report
from vidstyle.evaluation.results import Evaluation
from vidstyle.flow.cache import FlowCache
from vidstyle.frames import Pixels
from vidstyle.metrics.motion import ScoringFlow
from vidstyle.video.reading.probe import probe
from vidstyle.weights import SMALL_VGG, find

COUNT, HEIGHT, WIDTH = 8, 72, 104
FAST = ["warping_error", "frame_difference", "flicker_reduction", "sharpness", "temporal_loss_short"]


def ground(shift: int = 0) -> NDArray[np.float32]:
    """A picture with detail everywhere, moved to the right by ``shift`` px."""
    noise = np.random.default_rng(5).uniform(size=(HEIGHT, WIDTH + 40, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.0)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return np.ascontiguousarray(0.2 + 0.6 * smooth[:, 20 - shift : 20 - shift + WIDTH])


def soft(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 2), np.float32)


def written(path: Path, pictures: list[NDArray[np.float32]]) -> Path:
    pixels: list[Pixels] = [np.rint(np.clip(p, 0, 1) * 255).astype(np.uint8) for p in pictures]
    return write_clip(path, pixels, codec="ffv1", pixel_format="bgr0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A panning clip, a steady result, one that flickers, one that flickers and is blurred."""
    folder = tmp_path_factory.mktemp("evaluate")
    random = np.random.default_rng(7)
    frames = [ground(index) for index in range(COUNT)]
    painted = [frame[..., ::-1] for frame in frames]
    flickering = [p + random.normal(0, 0.06, p.shape).astype(np.float32) for p in painted]
    written(folder / "clip.mkv", frames)
    written(folder / "steady.mkv", painted)
    written(folder / "baseline.mkv", flickering)
    written(folder / "blurred.mkv", [soft(p) for p in flickering])
    cut = [ground(0)] * 3 + [1 - ground(9)] * 3
    written(folder / "cut.mkv", cut)
    return folder


def measured(folder: Path, *results: str, **options: object) -> Evaluation:
    settings: dict[str, object] = {
        "source": folder / "clip.mkv",
        "baseline": folder / "baseline.mkv",
        "flow": "dis",
        "metrics": FAST,
        "cache": FlowCache(folder / "cache"),
    }
    settings.update(options)
    return evaluate([folder / result for result in results], **settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def compared(folder: Path) -> Evaluation:
    return measured(folder, "steady.mkv", "blurred.mkv")


def test_a_steady_result_lies_between_the_clip_and_each_frame_alone(compared: Evaluation) -> None:
    row = compared.values["warping_error"]
    clip, steady, baseline = row["clip"], row["steady"], row["baseline"]
    assert clip is not None and steady is not None and baseline is not None
    assert steady == pytest.approx(clip, rel=0.3)
    assert baseline > 3 * steady


def test_blur_cannot_pass_for_steadiness(compared: Evaluation) -> None:
    reduction, sharpness = compared.values["flicker_reduction"], compared.values["sharpness"]
    assert (reduction["blurred"] or 0) > 3  # this is how one would fool it
    assert (sharpness["blurred"] or 1) < 0.2  # and this is where it shows


def test_flicker_reduction_is_the_ratio_of_the_errors(compared: Evaluation) -> None:
    row = compared.values["warping_error"]
    baseline, steady = row["baseline"], row["steady"]
    assert baseline is not None and steady is not None
    assert compared.value("flicker_reduction") == pytest.approx(baseline / steady, rel=1e-6)


def test_json_has_value_clip_and_alone(compared: Evaluation) -> None:
    record = json.loads(json.dumps(compared.to_json(), allow_nan=False))
    assert set(record["metrics"]["warping_error"]) == {"value", "clip", "baseline", "unit"}
    assert record["metrics"]["warping_error"]["value"] == compared.value("warping_error")
    assert record["results"]["blurred"]["metrics"]["sharpness"]["value"] < 0.2
    assert record["conditions"]["flow"] == "dis"
    assert record["conditions"]["mask"].startswith("Lai 2018")
    assert record["frames"] == COUNT


def test_csv_has_a_line_a_metric_and_a_column_a_result(compared: Evaluation) -> None:
    rows = list(csv.DictReader(io.StringIO(compared.to_csv())))
    assert [row["metric"] for row in rows] == FAST
    assert float(rows[0]["steady"]) == compared.value("warping_error")
    assert rows[2]["baseline"] == ""  # flicker is not reduced against itself


def test_the_table_names_flow_mask_and_what_is_good(compared: Evaluation) -> None:
    table = compared.table()
    assert table.splitlines()[0].split() == ["metric", "steady", "blurred", "clip", "baseline", "good", "is"]
    for text in ("flow: dis", "mask: Lai 2018", "an unknown flow, if any", "near the clip's own", "104x72"):
        assert text in table


def test_what_cannot_be_measured_says_what_it_needs(folder: Path) -> None:
    evaluation = measured(folder, "steady.mkv", baseline=None, metrics=[*FAST, "style_distance"])
    assert evaluation.missing == {
        "flicker_reduction": "needs --baseline or --engine",
        "sharpness": "needs --baseline or --engine",
        "style_distance": "needs --style",
    }
    assert "needs --style" in evaluation.table()


def test_pairs_across_a_cut_do_not_count(folder: Path) -> None:
    evaluation = measured(
        folder, "cut.mkv", source=folder / "cut.mkv", baseline=None, metrics=["warping_error"]
    )
    assert [float(cut) for cut in evaluation.cuts] == [0.12]
    assert evaluation.value("warping_error") == pytest.approx(0, abs=1e-6)
    assert evaluation.curves["cut"]["warping_error"][3] is None


def test_one_in_three_frames_is_measured(folder: Path) -> None:
    evaluation = measured(folder, "steady.mkv", every=3)
    assert evaluation.times == (0.0, 0.12, 0.24)
    assert evaluation.value("warping_error") is not None


def test_a_result_named_as_a_column_keeps_apart(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "clip.mkv").write_bytes((folder / "steady.mkv").read_bytes())
    evaluation = evaluate(
        [tmp_path / "clip.mkv", folder / "clip.mkv"], source=folder / "clip.mkv", flow="dis",
        metrics=["warping_error"], cache=FlowCache(folder / "cache"),
    )  # fmt: skip
    assert list(evaluation.results) == ["clip-2", "clip-3"]


def test_frames_painted_alone_are_made_on_the_way(folder: Path) -> None:
    evaluation = measured(
        folder, "steady.mkv", baseline=None, engine="stylenet", style="waves", metrics=["sharpness"]
    )
    assert evaluation.values["sharpness"].keys() == {"steady", "clip"}
    assert evaluation.value("sharpness") is not None


def test_the_baselines_engine_takes_weights_and_options_of_its_own(folder: Path) -> None:
    arguments = [
        "evaluate",
        str(folder / "steady.mkv"),
        "--source",
        str(folder / "clip.mkv"),
        "--style",
        "waves",
    ]
    arguments += ["--engine", "wct", "--metrics", "sharpness", "--every", "4", "-q", "--frames", "2"]
    kept: list[float] = []
    for levels in ("1", "4321"):
        target = folder / f"{levels}.json"
        more = ["--engine-option", f"levels={levels}", "--weights", str(find(SMALL_VGG))]
        assert main([*arguments, *more, "--json", str(target)]) == 0
        kept.append(json.loads(target.read_text(encoding="utf-8"))["metrics"]["sharpness"]["value"])
    assert kept[0] != kept[1]


def test_style_and_content_are_measured_with_the_bundled_features(folder: Path) -> None:
    evaluation = measured(
        folder, "steady.mkv", style="waves", metrics=["style_distance", "content_distance"], every=4
    )
    assert evaluation.conditions.flow == ""  # nothing moved
    style, clip = evaluation.values["style_distance"]["steady"], evaluation.values["style_distance"]["clip"]
    assert style is not None and clip is not None and style > 0
    content = evaluation.value("content_distance")
    assert content is not None and 0 < content < 2
    assert "flow:" not in evaluation.table()


def test_the_same_flow_as_warped_is_said_to_flatter(folder: Path, tmp_path: Path) -> None:
    pixels = [np.rint(ground(i)[..., ::-1] * 255).astype(np.uint8) for i in range(COUNT)]
    tagged = write_clip(tmp_path / "ours.mkv", pixels, metadata={"comment": "vidstyle 0.1.0, flow: dis"})
    evaluation = evaluate(
        tagged, source=folder / "clip.mkv", flow="dis", metrics=["warping_error"], cache=FlowCache(tmp_path)
    )
    assert evaluation.conditions.warped_by == {"ours": "dis"}
    assert "which flatters" in evaluation.table()


@pytest.mark.parametrize(
    ("temporal", "description"), [("map", "steadied with dis"), ("none", "not steadied")]
)
def test_results_of_vidstyle_say_what_steadied_them(
    folder: Path, tmp_path: Path, temporal: Literal["map", "none"], description: str
) -> None:
    target = tmp_path / "ours.mp4"
    stylize_video(folder / "clip.mkv", target, style="waves", temporal=temporal, device="cpu", frames=2)
    evaluation = measured(folder, str(target), baseline=None, metrics=["warping_error"], frames=2)
    assert f"ours was {description}" in evaluation.table()


def test_auto_scores_with_a_flow_that_warped_none(folder: Path, tmp_path: Path) -> None:
    pixels = [np.rint(ground(i)[..., ::-1] * 255).astype(np.uint8) for i in range(COUNT)]
    tagged = write_clip(
        tmp_path / "ours.mkv", pixels, metadata={"comment": "vidstyle 0.1.0, flow: raft-small"}
    )
    evaluation = evaluate(
        tagged, source=folder / "clip.mkv", metrics=["warping_error"], cache=FlowCache(tmp_path / "cache")
    )
    assert evaluation.conditions.flow == "dis"


@pytest.mark.parametrize("used", [("dis", "raft-small"), ("dis", "raft-small", "raft-large")])
def test_auto_takes_a_flow_that_is_here_though_all_have_warped_a_result(
    folder: Path, tmp_path: Path, used: tuple[str, ...]
) -> None:
    pixels = [np.rint(ground(i)[..., ::-1] * 255).astype(np.uint8) for i in range(2)]
    results = [
        write_clip(tmp_path / f"{flow}.mkv", pixels, metadata={"comment": f"vidstyle 0.1.0, flow: {flow}"})
        for flow in used
    ]
    evaluation = evaluate(
        results, source=folder / "clip.mkv", metrics=["warping_error"], frames=2,
        cache=FlowCache(tmp_path / "cache"),
    )  # fmt: skip
    assert evaluation.conditions.flow in ("raft-small", "raft-large")
    assert evaluation.conditions.flow not in used or "which flatters" in evaluation.table()


def test_motion_is_found_on_disk_the_second_time(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = []
    for _ in (0, 1):
        values.append(measured(folder, "steady.mkv", cache=FlowCache(tmp_path)).values)
        monkeypatch.delattr(ScoringFlow, "_estimate", raising=False)  # the second time nothing is estimated
    assert values[0] == values[1]


def test_the_heat_map_clip_is_as_long_as_the_clip(folder: Path, tmp_path: Path) -> None:
    measured(folder, "baseline.mkv", heatmap=tmp_path / "heat.mkv", metrics=["warping_error"])
    assert probe(tmp_path / "heat.mkv").frames in (COUNT, None)


def test_heat_is_where_it_flickers(folder: Path, tmp_path: Path) -> None:
    pictures = [ground(0) for _ in range(6)]
    for index, picture in enumerate(pictures):
        picture[20:40, 60:90] += 0.2 * (-1) ** index
    still = written(tmp_path / "still.mkv", [ground(0)] * 6)
    patch = written(tmp_path / "patch.mkv", pictures)
    evaluation = evaluate(
        patch, source=still, flow="dis", metrics=["warping_error"], cache=FlowCache(tmp_path)
    )
    heat = evaluation.heat["patch"]
    assert heat[22:38, 62:88].mean() == pytest.approx(0.4, rel=0.1)  # from -0.2 to 0.2 and back
    outside = heat.copy()
    outside[18:42, 58:92] = 0
    assert outside.max() < 0.02


def test_the_report_is_one_page_without_network(compared: Evaluation, tmp_path: Path) -> None:
    write_report(compared, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text == page(compared) and text.endswith("</html>\n")
    assert "http" not in text and "<script" not in text
    assert len(re.findall(r"data:image/(?:png|jpeg);base64,", text)) >= 3  # curves, a worst moment, heat maps
    for metric in FAST:
        assert metric in text
    assert not list(tmp_path.glob(".*.part"))


def test_names_in_the_report_are_escaped(folder: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a<b>&c.mkv"
    odd.write_bytes((folder / "steady.mkv").read_bytes())
    text = page(measured(folder, str(odd), metrics=["frame_difference"]))
    assert "a&lt;b&gt;&amp;c" in text and "<b>" not in text


def test_infinity_is_a_word_in_json(folder: Path) -> None:
    evaluation = measured(folder, "clip.mkv", metrics=["psnr"], baseline=None)
    assert evaluation.value("psnr") == math.inf
    assert evaluation.to_json()["metrics"]["psnr"]["value"] == "inf"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "--every must be 1 or more, got 0"),
        ({"engine": "stylenet"}, "--baseline and --engine both give"),
        ({"engine": "stylenet", "baseline": None}, "--engine needs --style"),
        ({"weights": "small.safetensors"}, "--weights and --engine-option are the engine's; give --engine"),
        ({"engine_option": ["levels=21"]}, "--weights and --engine-option are the engine's"),
        (
            {"engine": "wct", "baseline": None, "style": "waves", "engine_option": {"level": 21}},
            "the engine 'wct' has no option 'level'; did you mean 'levels'",
        ),
        ({"metrics": ["warping_eror"]}, "did you mean 'warping_error'"),
        ({"metrics": []}, "nothing can be measured: no metric was named"),
        ({"metrics": ["style_distance"]}, "nothing can be measured: style_distance needs --style"),
        ({"flow": "rafts"}, "did you mean 'raft-"),
        ({"features": "vgg"}, "no perceptual encoder named 'vgg'; did you mean 'vgg1"),
    ],
)
def test_wrong_options_are_one_line(folder: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises((OptionError, UnknownName)) as caught:
        measured(folder, "steady.mkv", **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_vgg19_that_is_not_on_disk_says_where_it_belongs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(WeightsMissing, match=r"no weights for vgg19 at .*--features vgg16"):
        measured(folder, "steady.mkv", features="vgg19")


def test_no_result_is_refused() -> None:
    with pytest.raises(OptionError, match="no result to evaluate"):
        evaluate([], source="clip.mp4")


def test_a_missing_result_is_one_line(folder: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.mp4"):
        measured(folder, "nothing.mp4")
