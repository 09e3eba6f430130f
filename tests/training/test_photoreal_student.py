"""The decoders of the engine photoreal in training: against the engine's network, and their recipe."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from folders import small
from safetensors.torch import load_file, save_file

from vidstyle import weights
from vidstyle.cli.main import main
from vidstyle.engines.photoreal import build
from vidstyle.errors import OptionError
from vidstyle.nn.small_vgg import with_encoder
from vidstyle.styles.pictures import bundled_styles, load
from vidstyle.tensors import to_tensor
from vidstyle.training.config import TrainOptions
from vidstyle.training.photoreal_student import PhotorealStudent
from vidstyle.training.recipes import PHOTOREAL
from vidstyle.training.style_batch import StyleBatch
from vidstyle.training.trainer import train
from vidstyle.training.weights_export import export
from vidstyle.video.stills import load_image


@pytest.fixture
def student() -> PhotorealStudent:
    made = PhotorealStudent()
    made.load(weights.load(weights.PHOTOREAL), "the bundled file")
    return made


def styles_of(*pictures: torch.Tensor) -> StyleBatch:
    def fail() -> torch.Tensor:
        raise AssertionError("this student has no use for descriptors")

    return StyleBatch(pictures, fail)


def options(steps: int, *pairs: str) -> TrainOptions:
    losses = ",".join(f"{name}={weight}" for name, weight in PHOTOREAL.defaults["losses"].items())
    return small("photoreal", steps, f"losses={losses}", "batch=1", "learning_rate=1e-3", *pairs)


@torch.no_grad()
def test_the_student_decodes_as_the_engine(student: PhotorealStudent) -> None:
    image, network = torch.rand(2, 3, 24, 32), build().network
    made = student.autoencode(image)
    levels = network.all_levels(image)
    expected = network.decode(levels[0], 1), network.reconstructed(levels)
    assert all(
        (ours - theirs).abs().max() < 1e-4 for ours, theirs in zip(made.pictures, expected, strict=True)
    )
    for place, (decoded, target) in enumerate(made.blocks):
        assert torch.allclose(target, F.avg_pool2d(levels[place], 2), atol=1e-5)
        assert torch.allclose(decoded, network.decode(levels[place + 1], place + 2), atol=1e-4)


@torch.no_grad()
def test_a_picture_in_its_own_style_is_its_reconstruction(student: PhotorealStudent) -> None:
    image = F.interpolate(to_tensor(load(next(iter(bundled_styles())))), (96, 128), mode="area")
    painted = student.paint(image, student.encode(styles_of(image)))
    assert painted.shape == image.shape
    assert (painted - student.autoencode(image).pictures[-1]).abs().mean() < 0.02


def test_only_decoders_learn(student: PhotorealStudent) -> None:
    made = student.autoencode(torch.rand(1, 3, 32, 32))
    torch.autograd.backward(torch.stack([picture.square().mean() for picture in made.pictures]).sum())
    learnt = {name.split(".")[0] for name, value in student.named_parameters() if value.grad is not None}
    assert learnt == {"decoder1", "decoder2", "decoder3"}
    assert set(student.parts()) == {"decoder"}


def test_an_encoder_other_than_the_bundled_one_is_exported_too(student: PhotorealStudent) -> None:
    bundled = weights.load(weights.PHOTOREAL)
    assert set(student.tensors()) == set(bundled)
    whole = with_encoder(bundled)
    whole["encoder.conv1_1.bias"] = whole["encoder.conv1_1.bias"] + 1
    student.load(whole, "a file")
    exported = student.tensors()
    assert torch.equal(exported["encoder.conv1_1.bias"], whole["encoder.conv1_1.bias"].float())
    build_from = PhotorealStudent()
    build_from.load(exported, "a file")
    assert all(torch.equal(value, exported[key]) for key, value in build_from.tensors().items())


def test_a_run_from_the_small_vgg_learns_to_give_pictures_back_and_its_export_paints(
    contents: Path, styles: Path, tmp_path: Path
) -> None:
    start, run, file = tmp_path / "vgg.safetensors", tmp_path / "run", tmp_path / "mine.safetensors"
    save_file(weights.load(weights.SMALL_VGG), start)
    train("photoreal", contents, styles, run, options(30, f"start={start}", "learning_rate=3e-4", "ema=0"))
    assert (run / "previews" / "step-00000030.jpg").exists()
    export(run, file)
    assert set(load_file(file)) == set(weights.load(weights.PHOTOREAL))
    assert _error(file, contents) < 0.8 * _error(start, contents)
    picture, target = str(contents / "0.png"), tmp_path / "painted.png"
    arguments = ["image", picture, "--style", str(styles / "0.png"), "--engine", "photoreal"]
    assert main([*arguments, "--weights", str(file), "-o", str(target)]) == 0
    assert load_image(target).pixels.shape == load_image(Path(picture)).pixels.shape


def test_a_loss_that_teaches_an_encoder_is_refused(contents: Path, styles: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="trains none"):
        train("photoreal", contents, styles, tmp_path, options(1, "losses=feature-distillation=1"))


@torch.no_grad()
def _error(file: Path, contents: Path) -> float:
    """The mean square error of pictures that weights in ``file`` encode and decode."""
    student = PhotorealStudent()
    student.load(load_file(file), file.name)
    pictures = [to_tensor(load_image(path).pixels) for path in sorted(contents.rglob("*.png"))]
    made = [student.autoencode(picture) for picture in pictures]
    return sum(float((each.pictures[-1] - each.image).square().mean()) for each in made)
