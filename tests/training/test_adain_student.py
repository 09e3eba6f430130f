"""The decoders of the engine adain in training: against the engine, and their recipe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from folders import small
from safetensors.torch import load_file, save_file

from vidstyle import weights
from vidstyle.cli.main import main
from vidstyle.engines.adain import build
from vidstyle.training import checkpoints
from vidstyle.training.adain_student import AdaINStudent
from vidstyle.training.objective import Objective
from vidstyle.training.recipes import ADAIN
from vidstyle.training.style_batch import StyleBatch
from vidstyle.training.trainer import train
from vidstyle.training.weights_export import export
from vidstyle.video.stills import load_image


@pytest.fixture
def student() -> AdaINStudent:
    made = AdaINStudent()
    made.load(weights.load(AdaINStudent.bundled), "the bundled file")
    return made


def styles_of(*pictures: torch.Tensor) -> StyleBatch:
    def fail() -> torch.Tensor:
        raise AssertionError("this student has no use for descriptors")

    return StyleBatch(pictures, fail)


@pytest.mark.parametrize(("number", "levels"), [(None, "432"), (1, "4"), (2, "43"), (3, "432")])
@torch.no_grad()
def test_the_student_paints_as_the_engine_each_picture_in_its_own_style(
    student: AdaINStudent, tmp_path: Path, number: int | None, levels: str
) -> None:
    file = tmp_path / "mine.safetensors"
    save_file(student.tensors(), file)
    engine = build(file, levels=levels)
    images = torch.rand(2, 3, 21, 40)
    styles = [torch.rand(1, 3, 384, 384) ** power for power in (1, 2)]  # of the engine's own size
    painted = student.paint(images, student.encode(styles_of(*styles)), number)
    for item in (0, 1):
        alone = engine.stylize(images[item : item + 1], engine.encode_style(styles[item])).image
        assert (painted[item].clamp(0, 1) - alone[0]).abs().max() < 2e-3


def test_only_decoders_learn(student: AdaINStudent) -> None:
    picture = torch.rand(1, 3, 32, 32)
    student.paint(picture, student.encode(styles_of(picture))).square().mean().backward()  # type: ignore[no-untyped-call]
    learnt = {name.split(".")[0] for name, value in student.named_parameters() if value.grad is not None}
    assert learnt == {f"decoder{level}" for level in range(1, 5)}
    assert set(student.parts()) == {"decoder"}


def test_a_run_resumes_and_its_export_holds_decoders_that_paint(
    contents: Path, styles: Path, tmp_path: Path
) -> None:
    run, stopped, file = tmp_path / "whole", tmp_path / "stopped", tmp_path / "mine.safetensors"
    options = small("adain", 4, "checkpoint_every=2", "learning_rate=1e-4", "losses=content=1,style=10")
    totals: list[float] = []
    train("adain", contents, styles, run, options, on_step=lambda step: totals.append(step.losses["total"]))
    assert len(set(totals)) == 4
    run.rename(stopped)
    checkpoints.files_of(stopped)[-1][1].unlink()
    again: list[float] = []
    train(
        "adain",
        contents,
        styles,
        stopped,
        options,
        resume=True,
        on_step=lambda step: again.append(step.losses["total"]),
    )
    assert again == totals[2:]
    export(stopped, file)
    tensors = load_file(file)
    assert {key.split(".")[0] for key in tensors} == {f"decoder{level}" for level in range(1, 5)}
    begun = Objective(ADAIN, replace(options, start=str(file))).student.tensors()
    assert all(torch.equal(begun[name], tensors[name]) for name in tensors)
    picture, target = str(contents / "0.png"), tmp_path / "painted.png"
    arguments = ["image", picture, "--style", str(styles / "0.png"), "--engine", "adain"]
    assert main([*arguments, "--weights", str(file), "-o", str(target)]) == 0
    assert load_image(target).pixels.shape == load_image(Path(picture)).pixels.shape


def test_the_features_of_the_losses_are_not_those_of_the_encoder() -> None:
    assert small("adain").features == "vgg16"
