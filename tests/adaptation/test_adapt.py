"""Adaptation: what is learnt and held out, what is written, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clips import number_of, shapes, write_clip
from folders import make_pictures
from safetensors.torch import save_file

import vidstyle
from vidstyle import weights
from vidstyle.adaptation import before_and_after, tuner
from vidstyle.adaptation.contents import BUNDLED, load_moments, square
from vidstyle.adaptation.settings import AdaptOptions
from vidstyle.adaptation.style_pictures import StylePictures, load_styles, style_files
from vidstyle.engines.wct_slim import build
from vidstyle.errors import InputError, OptionError, OutputError, WeightsMismatch, WeightsMissing
from vidstyle.metrics.base import Sample, Setup
from vidstyle.metrics.style_distance import StyleDistance
from vidstyle.options import ReadOptions
from vidstyle.styles.pictures import find_style
from vidstyle.tensors import to_tensor
from vidstyle.training.data import TrainingBatch
from vidstyle.training.learner import Learner
from vidstyle.training.objective import Objective, TrainingStep
from vidstyle.video.stills import load_image, load_style


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of a tenth of a second."""
    monkeypatch.setattr(tuner, "_BATCH", 2)
    monkeypatch.setattr(tuner, "_CROP", 48)
    monkeypatch.setattr(tuner, "_STYLE_SIDES", (64,))
    monkeypatch.setattr(tuner, "_MEASURED_SIDE", 64)
    monkeypatch.setattr(tuner, "_WARMUP", 1)
    monkeypatch.setattr(tuner, "_STYLE_CROPS", 0)
    monkeypatch.setattr(before_and_after, "_SIDE", 64)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return make_pictures(tmp_path / "style", 3, seed=5)


@torch.no_grad()
def distance(content: torch.Tensor, style: Path, file: Path | None) -> float:
    """Style distance of ``content`` painted by the engine with the weights of ``file``."""
    engine, picture = build(file), to_tensor(load_style(style))
    metric = StyleDistance(Setup(style=picture))
    painted = engine.stylize(content, engine.encode_style(picture)).image
    metric.add(Sample(content, painted), {}, {})
    result = metric.result()
    assert result is not None
    return result


def test_adapted_weights_paint_nearer_to_their_style(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_CROP", 96), ("_STYLE_SIDES", (128,)), ("_MEASURED_SIDE", 128)):
        monkeypatch.setattr(tuner, name, value)
    file, style = tmp_path / "mine.safetensors", find_style("waves")
    adapted = vidstyle.adapt("waves", file, content=BUNDLED, steps=3)
    assert adapted.after < adapted.before
    content = to_tensor(square(load_style(BUNDLED / "astronaut.jpg"), 128))
    assert distance(content, style, file) < distance(content, style, None)
    assert load_image(adapted.sheet).width > load_image(adapted.sheet).height / 2
    metadata = weights.metadata(file)
    assert metadata["engine"] == "wct-slim"
    assert json.loads(metadata["styles"]) == ["waves.jpg"]
    assert json.loads(metadata["content"]) == ["contents"]
    assert "held_out" not in metadata
    changed = {name for name, value in weights.load(file).items() if not value.equal(bundled()[name])}
    assert {re.sub(r"_?\d\..*", "", name) for name in changed} == {"decoder4", "decoder3", "head"}


def bundled() -> dict[str, torch.Tensor]:
    return {name: value.float() for name, value in weights.load(weights.WCT_SLIM).items()}


def test_the_last_picture_is_held_out_and_the_nearest_weights_are_kept(
    pictures: Path, contents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[TrainingBatch] = []
    learn = Objective.forward

    def watched(objective: Objective, data: TrainingStep) -> dict[str, torch.Tensor]:
        batches.append(data.batch)
        return learn(objective, data)

    monkeypatch.setattr(Objective, "forward", watched)
    measured = iter((0.9, 0.5, 0.7, 0.4, 0.6, *[0.8] * 20))
    averages: list[dict[str, torch.Tensor]] = []

    def measure(self: object, student: Learner) -> float:
        averages.append({name: value.clone() for name, value in student.tensors().items()})
        return next(measured)

    monkeypatch.setattr(tuner._Measure, "__call__", measure)
    seen: list[float] = []
    adapted = vidstyle.adapt(
        [pictures],
        tmp_path / "mine.safetensors",
        content=contents,
        steps=10,
        on_step=lambda progress: seen.append(progress.best),
    )
    learnt = {style.mean().item() for batch in batches for style in batch.styles}
    assert len(learnt) == 2  # of three
    assert adapted.measured_on == "0.png and 2.png"
    assert seen[:6] == [0.5, 0.5, 0.4, 0.4, 0.4, 0.4]
    assert (adapted.before, adapted.after) == (0.9, 0.4)
    assert weights.metadata(adapted.weights)["held_out"] == "2.png"
    kept = weights.load(adapted.weights)
    assert all(value.equal(averages[3][name]) for name, value in kept.items())  # not the last ones
    assert not kept["head1.bias"].equal(averages[-1]["head1.bias"])


def test_steps_have_the_same_result_each_time(pictures: Path, contents: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.safetensors" for name in "ab"]
    for file in files:
        vidstyle.adapt(pictures, file, content=contents, steps=1)
    first, second = (weights.metadata(file)["sha256"] for file in files)
    assert first == second


def test_a_clip_is_painted_in_pairs_of_its_frames(tmp_path: Path, pictures: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", shapes(6, 96, 64))
    moments = load_moments([clip])
    assert {len(moment) for moment in moments} == {2}
    assert all(np.abs(earlier.astype(int) - later).mean() > 0 for earlier, later in moments)
    adapted = vidstyle.adapt(pictures, tmp_path / "mine.safetensors", content=clip, steps=1)
    assert adapted.steps == 1


@pytest.mark.parametrize(
    ("part", "painted"),
    [
        ({"frames": 5}, range(5)),
        ({"frames": 3, "start": "0.39"}, range(10, 13)),
        ({"start": "0.4", "end": "0.6"}, range(10, 15)),
        ({"end": "0.2"}, range(5)),
        ({"frames": 2}, range(2)),
        ({"frames": 1}, range(1)),
        ({"frames": 100}, range(20)),
    ],
)
def test_moments_lie_in_the_part_that_is_read(part: dict[str, Any], painted: range, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", shapes(20))
    seen = {number_of(pixels) for moment in load_moments([clip], ReadOptions(**part)) for pixels in moment}
    assert seen <= set(painted)
    assert len(seen) >= min(2, len(painted))


def test_moments_of_a_number_of_frames_do_not_follow_the_mean_rate(tmp_path: Path) -> None:
    """Ten frames in 0.4 s, then ten in 10 s."""
    ticks = [*range(10), *range(10, 260, 25)]
    clip = write_clip(tmp_path / "clip.mkv", shapes(20), ticks=ticks)
    moments = load_moments([clip], ReadOptions(frames=6))
    assert {number_of(pixels) for moment in moments for pixels in moment} == set(range(1, 6))


def test_without_content_bundled_pictures_are_painted() -> None:
    moments = load_moments([])
    assert len(moments) >= 4
    assert all(min(moment[0].shape[:2]) == 288 for moment in moments)


def test_clips_and_pictures_of_a_folder_share_the_moments(tmp_path: Path) -> None:
    make_pictures(tmp_path / "all", 40)
    write_clip(tmp_path / "all" / "clip.mp4", shapes(3, 96, 64))
    assert len(load_moments([tmp_path / "all"])) <= 24


def test_a_run_that_is_ended_keeps_the_best_weights_so_far(
    pictures: Path, contents: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.safetensors"
    adapted = vidstyle.adapt(pictures, file, content=contents, steps=1000, on_step=lambda progress: False)
    assert adapted.steps == 1
    build(file)
    assert adapted.sheet.is_file()


def test_minutes_end_a_run(contents: Path, pictures: Path) -> None:
    tuned = tuner.tune(
        load_styles(style_files([pictures / "0.png"])),
        load_moments([contents]),
        AdaptOptions(minutes=0.001),
    )
    assert tuned.last.share == 1.0
    assert tuned.last.step >= 1


def test_weights_may_be_those_of_an_earlier_adaptation(
    pictures: Path, contents: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    vidstyle.adapt(pictures / "0.png", first, content=contents, steps=1)
    vidstyle.adapt(pictures / "0.png", second, content=contents, steps=1, weights=first)
    assert weights.metadata(second)["begun_with"] == "first.safetensors"
    assert weights.metadata(second)["engine"] == "wct-slim"


def test_another_engine_may_be_tuned_and_goes_on_from_its_own_weights(
    pictures: Path, contents: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    vidstyle.adapt(pictures / "0.png", first, content=contents, steps=1, engine="wct-single-pass")
    vidstyle.adapt(pictures / "0.png", second, content=contents, steps=1, weights=first)
    assert {weights.engine_of(file) for file in (first, second)} == {"wct-single-pass"}
    begun, tuned = weights.load(weights.WCT_SINGLE_PASS), weights.load(second)
    assert {name: value.shape for name, value in tuned.items()} == {
        name: value.shape for name, value in begun.items()
    }


@pytest.mark.parametrize("count", [1, 2, 20])
def test_one_to_twenty_pictures_are_taken_and_all_but_the_last_are_learnt(count: int) -> None:
    pixels = tuple(np.zeros((16, 16, 3), np.uint8) for _ in range(count))
    styles = StylePictures(tuple(map(str, range(count))), pixels)
    assert len(styles.learnt) == max(1, count - 1)
    assert style_files(["waves"] * count)


def nothing(style: Path) -> dict[str, object]:
    return {"style": []}


REFUSED: list[tuple[Callable[[Path], dict[str, object]], type[Exception], str]] = [
    (nothing, OptionError, "no pictures to adapt to; give 1 to 20"),
    (lambda folder: {"style": ["waves"] * 21}, OptionError, "21 pictures are more than the 20"),
    (lambda folder: {"style": "weaves"}, InputError, "did you mean 'waves'"),
    (lambda folder: {"style": folder / "broken.jpg"}, InputError, "broken.jpg"),
    (lambda folder: {"style": folder / "empty"}, OptionError, "holds no pictures"),
    (lambda folder: {"minutes": 0}, OptionError, "--minutes must be a number of minutes above 0, got 0"),
    (lambda folder: {"minutes": float("nan")}, OptionError, "a number of minutes above 0"),
    (lambda folder: {"steps": 0}, OptionError, "--steps must be 1 or more"),
    (lambda folder: {"target": folder / "old.safetensors"}, OutputError, "--overwrite"),
    (lambda folder: {"target": folder / "sheet.safetensors"}, OutputError, "sheet.jpg exists already"),
    (lambda folder: {"target": folder / "mine.pt"}, OptionError, "written as .safetensors, not as 'mine.pt'"),
    (lambda folder: {"target": folder / "no" / "mine.safetensors"}, OutputError, "no folder"),
    (lambda folder: {"content": folder / "empty"}, InputError, "holds no pictures and no clips"),
    (lambda folder: {"content": folder / "no.mp4"}, InputError, "no.mp4"),
    (lambda folder: {"content": "-"}, InputError, "give a file"),
    (lambda folder: {"weights": folder / "no.safetensors"}, WeightsMissing, "no weights file"),
    (
        lambda folder: {"weights": weights.ASSETS / weights.SMALL_VGG.file, "engine": "wct-slim"},
        WeightsMismatch,
        "does not hold a single-pass VGG",
    ),
    (lambda folder: {"weights": folder / "wct.safetensors"}, WeightsMismatch, "which cannot be tuned; give"),
    (
        lambda folder: {"weights": weights.find(weights.WCT_SINGLE_PASS), "engine": "wct-slim", "steps": 1},
        WeightsMismatch,
        "holds weights of the engine wct-single-pass, not of wct-slim; leave out --engine",
    ),
    (lambda folder: {"engine": "wct"}, OptionError, "--engine cannot be 'wct'"),
    (lambda folder: {"device": "tpu"}, OptionError, "--device cannot be 'tpu'"),
    (lambda folder: {"minuets": 3}, OptionError, "did you mean 'minutes'"),
]


@pytest.mark.parametrize(("wrong", "error", "said"), REFUSED)
def test_what_cannot_be_is_one_line_and_leaves_nothing(
    wrong: Callable[[Path], dict[str, object]], error: type[Exception], said: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "old.safetensors").write_bytes(b"old")
    (tmp_path / "sheet.jpg").write_bytes(b"old")
    save_file({"w": torch.zeros(1)}, tmp_path / "wct.safetensors", {"engine": "wct"})
    before = set(tmp_path.rglob("*"))
    keywords: dict[str, object] = {"style": "waves", "target": tmp_path / "mine.safetensors", "steps": 1}
    keywords |= wrong(tmp_path)
    with pytest.raises(error) as caught:
        vidstyle.adapt(**keywords)  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert set(tmp_path.rglob("*")) == before
    assert (tmp_path / "old.safetensors").read_bytes() == b"old"
