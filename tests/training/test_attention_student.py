"""The engine attention in training: against the engine, and its recipe."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from folders import small
from safetensors.torch import load_file, save_file

from vidstyle import weights
from vidstyle.cli.main import main
from vidstyle.engines.attention import build
from vidstyle.training.attention_student import AttentionStudent
from vidstyle.training.style_batch import StyleBatch
from vidstyle.training.trainer import train
from vidstyle.training.weights_export import export
from vidstyle.video.stills import load_image


@pytest.fixture
def student() -> AttentionStudent:
    made = AttentionStudent()
    made.load(weights.load(AttentionStudent.bundled), "the bundled file")
    return made


def styles_of(*pictures: torch.Tensor) -> StyleBatch:
    def fail() -> torch.Tensor:
        raise AssertionError("this student has no use for descriptors")

    return StyleBatch(pictures, fail)


@torch.no_grad()
def test_the_student_paints_as_the_engine_each_picture_in_its_own_style(
    student: AttentionStudent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidstyle.engines.attention._STYLE_AREA", 192 * 192)  # that of the training
    file = tmp_path / "mine.safetensors"
    save_file(student.tensors(), file)
    engine, images = build(file), torch.rand(2, 3, 21, 40)
    styles = [torch.rand(1, 3, 192, 192) ** power for power in (1, 2)]
    painted = student.paint(images, student.encode(styles_of(*styles)))
    for item in (0, 1):
        alone = engine.stylize(images[item : item + 1], engine.encode_style(styles[item])).image
        assert (painted[item].clamp(0, 1) - alone[0]).abs().max() < 2e-3


def test_attention_and_decoders_learn(student: AttentionStudent) -> None:
    picture = torch.rand(1, 3, 32, 32)
    painted = student.paint(picture, student.encode(styles_of(torch.rand(1, 3, 64, 64))))
    torch.autograd.backward(painted.square().mean())
    learnt = {name.split(".")[0] for name, value in student.named_parameters() if value.grad is not None}
    assert learnt == {"attention", *(f"decoder{level}" for level in range(1, 5))}


def test_a_run_s_export_paints(contents: Path, styles: Path, tmp_path: Path) -> None:
    run, file = tmp_path / "run", tmp_path / "mine.safetensors"
    options = small("attention", 2, "learning_rate=1e-4", "losses=content=1,style=10,identity=1")
    train("attention", contents, styles, run, options)
    export(run, file)
    tensors = load_file(file)
    parts = {f"decoder{level}" for level in range(1, 5)} | {"attention4", "attention3"}
    assert {key.split(".")[0] for key in tensors} == parts
    assert (tensors["attention4.query.weight"] - torch.eye(192)).abs().max() > 0
    picture, target = str(contents / "0.png"), tmp_path / "painted.png"
    arguments = ["image", picture, "--style", str(styles / "0.png"), "--engine", "attention"]
    assert main([*arguments, "--weights", str(file), "-o", str(target)]) == 0
    assert load_image(target).pixels.shape == load_image(Path(picture)).pixels.shape
