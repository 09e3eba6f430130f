"""The small VGG in training: against the engine's network, what teaches which part, and its two recipes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from folders import small
from safetensors.torch import load_file, save_file

from vidstyle import weights
from vidstyle.cli.main import main
from vidstyle.engines.wct import WCT
from vidstyle.errors import OptionError, WeightsMismatch
from vidstyle.losses.autoencoding import FeatureDistillation
from vidstyle.nn.small_vgg import LEVELS, bundled
from vidstyle.testing.losses import make_step
from vidstyle.training import checkpoints, curves
from vidstyle.training.config import TrainOptions
from vidstyle.training.recipes import SMALL_VGG, WCT_DECODER
from vidstyle.training.small_vgg_student import SmallVGGStudent
from vidstyle.training.style_batch import StyleBatch
from vidstyle.training.trainer import train
from vidstyle.training.weights_export import export
from vidstyle.video.stills import load_image

RECIPES = ("small-vgg", "wct-decoder")


@pytest.fixture
def student() -> SmallVGGStudent:
    made = SmallVGGStudent()
    made.load(weights.load(weights.SMALL_VGG), "the bundled file")
    return made


def styles_of(*pictures: torch.Tensor) -> StyleBatch:
    def fail() -> torch.Tensor:
        raise AssertionError("descriptors take longer than the student itself, which has no use for them")

    return StyleBatch(pictures, fail)


def options(recipe: str, steps: int, *pairs: str) -> TrainOptions:
    losses = {"small-vgg": SMALL_VGG, "wct-decoder": WCT_DECODER}[recipe].defaults["losses"]
    chosen = ",".join(f"{name}={weight}" for name, weight in losses.items())
    return small(recipe, steps, f"losses={chosen}", "batch=1", "learning_rate=1e-4", *pairs)


@torch.no_grad()
def test_the_student_encodes_and_decodes_as_the_engine(student: SmallVGGStudent) -> None:
    image, network = torch.rand(2, 3, 24, 32), bundled()
    made = student.autoencode(image)
    for level, picture in zip(LEVELS, made.pictures, strict=True):
        expected = network.picture(network.encode(image, level), level)
        assert (picture.clamp(0, 1) - expected).abs().max() < 1e-5
    for level, (decoded, target) in zip(LEVELS[1:], made.blocks, strict=True):
        assert torch.allclose(target, network.encode(image, level - 1), atol=1e-5)
        assert torch.allclose(decoded, network.decode(network.encode(image, level), level), atol=1e-4)


@torch.no_grad()
def test_a_sheet_shows_paintings_of_the_engine_at_full_strength(student: SmallVGGStudent) -> None:
    # large enough for covariances of full rank: small eigenvalues are noise
    image, style = torch.rand(1, 3, 125, 136), torch.rand(1, 3, 384, 384)
    engine = WCT(bundled())
    aim = engine.at_strength(engine.encode_style(style), 10)
    expected = engine.stylize(image, aim).image
    painted = student.paint(image, student.encode(styles_of(style)))
    assert (painted - expected).abs().mean() < 1e-3


@torch.no_grad()
def test_embeddings_are_mixed_as_the_engine_mixes_styles(student: SmallVGGStudent) -> None:
    styles = torch.rand(1, 3, 384, 384), torch.rand(1, 3, 384, 384) ** 3
    engine = WCT(bundled())
    mixed = engine.mix([engine.encode_style(style) for style in styles], [0.25, 0.75])
    embeddings = student.encode(styles_of(*styles))
    ours = 0.25 * embeddings[0] + 0.75 * embeddings[1]
    in_order = [part for level in (3, 2, 1, 0) for part in (mixed.means[level], mixed.covariances[level])]
    assert torch.allclose(ours, torch.cat([part.flatten() for part in in_order]).float(), atol=1e-4)


def test_each_step_paints_from_one_level_in_turn(student: SmallVGGStudent) -> None:
    embeddings = student.encode(styles_of(torch.rand(1, 3, 40, 40)))
    for step, level in enumerate((4, 3, 2, 1)):
        student.zero_grad()
        torch.autograd.backward(student.paint(torch.rand(1, 3, 32, 32), embeddings, step).square().mean())
        learnt = {name.split(".")[0] for name, value in student.named_parameters() if value.grad is not None}
        assert learnt == {f"decoder{below}" for below in range(1, level + 1)}


def test_every_part_learns_from_autoencoding(student: SmallVGGStudent) -> None:
    made = student.autoencode(torch.rand(1, 3, 32, 32))
    terms = [*made.heads.values(), *made.pictures, *(decoded for decoded, _ in made.blocks)]
    torch.autograd.backward(torch.stack([term.square().mean() for term in terms]).sum())
    assert all(value.grad is not None for value in student.parameters())


def test_a_block_teaches_its_decoder_only(student: SmallVGGStudent) -> None:
    made = student.autoencode(torch.rand(1, 3, 32, 32))
    decoded, target = made.blocks[1]
    torch.autograd.backward((decoded - target).square().mean())
    learnt = {name.split(".")[0] for name, value in student.named_parameters() if value.grad is not None}
    assert learnt == {"decoder3"}


def test_heads_are_loaded_from_a_file_that_has_them_and_are_not_exported(student: SmallVGGStudent) -> None:
    torch.nn.init.ones_(student.get_parameter("head.conv1_1.weight"))
    with_heads = {key: value.clone() for key, value in student.state_dict().items()}
    other = SmallVGGStudent()
    other.load(with_heads, "a file")
    assert all(torch.equal(value, with_heads[key]) for key, value in other.state_dict().items())
    other.load(student.tensors(), "a file")
    assert other.get_parameter("head.conv1_1.weight").abs().max() == 0
    assert set(student.tensors()) == set(weights.load(weights.SMALL_VGG))
    del with_heads["head.conv4_1.bias"]
    with pytest.raises(WeightsMismatch, match=r"a file does not hold a small VGG .* head\.conv4_1\.bias"):
        other.load(with_heads, "a file")


def test_new_heads_are_fitted_to_vgg16_before_the_first_step_and_others_stay(
    student: SmallVGGStudent,
) -> None:
    loss, step = FeatureDistillation(), make_step()
    before = student.tensors()
    pictures = F.interpolate(torch.rand(4, 3, 12, 12), 96, mode="bicubic").clamp(0, 1)
    student.prepare(styles_of(*torch.split(pictures, 1)))
    fitted = loss(replace(step, autoencoding=student.autoencode(pictures)))
    assert fitted < 1  # of 4, the sum of four relative errors, where all heads give 0
    assert all(torch.equal(value, before[name]) for name, value in student.tensors().items())
    heads = {name: value.clone() for name, value in student.head.state_dict().items()}
    student.prepare(styles_of(torch.zeros(1, 3, 32, 32)))
    assert all(torch.equal(value, heads[name]) for name, value in student.head.state_dict().items())


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_recipe_resumes_to_equal_losses_and_its_export_paints(
    recipe: str, contents: Path, styles: Path, tmp_path: Path
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train(recipe, contents, styles, whole, options(recipe, 4, "checkpoint_every=2"))
    shutil.copytree(whole, stopped)
    checkpoints.files_of(stopped)[-1][1].unlink()
    train(recipe, contents, styles, stopped, options(recipe, 4), resume=True)
    first, again = (
        [{key: value for key, value in row.items() if key != "steps_per_second"} for row in curves.read(run)]
        for run in (whole, stopped)
    )
    assert first == again
    assert (whole / "previews" / "step-00000004.jpg").exists()
    file = tmp_path / "mine.safetensors"
    export(whole, file)
    before, after = weights.load(weights.SMALL_VGG), load_file(file)
    changed = {key.split(".")[0] for key in before if not torch.equal(before[key].float(), after[key])}
    decoders = {f"decoder{level}" for level in LEVELS}
    assert changed == (decoders | {"encoder"} if recipe == "small-vgg" else decoders)
    picture, target = str(contents / "0.png"), tmp_path / "painted.png"
    arguments = ["image", picture, "--style", str(styles / "0.png"), "--engine", "wct"]
    assert main([*arguments, "--weights", str(file), "-o", str(target)]) == 0
    assert load_image(target).pixels.shape == load_image(Path(picture)).pixels.shape


def test_training_from_random_weights_lessens_every_loss(
    contents: Path, styles: Path, tmp_path: Path
) -> None:
    chosen = options("small-vgg", 12, "start=random", "learning_rate=3e-3")
    train("small-vgg", contents, styles, tmp_path, chosen)
    rows = curves.read(tmp_path)
    for name in SMALL_VGG.defaults["losses"]:
        early, late = (sum(row[name] for row in part) for part in (rows[:3], rows[-3:]))
        assert late < early, name


def test_a_run_begins_from_a_file_with_heads(
    student: SmallVGGStudent, contents: Path, styles: Path, tmp_path: Path
) -> None:
    file = tmp_path / "start.safetensors"
    save_file({key: value.half() for key, value in student.state_dict().items()}, file)
    train("small-vgg", contents, styles, tmp_path / "run", options("small-vgg", 1, f"start={file}"))
    assert curves.read(tmp_path / "run")[0]["reconstruction"] < 0.01


def test_losses_of_autoencoders_are_refused_for_other_students(
    contents: Path, styles: Path, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=r"stylenet trains no autoencoder.*reconstruction"):
        train("stylenet", contents, styles, tmp_path, small("stylenet", 1, "losses=reconstruction=1"))
