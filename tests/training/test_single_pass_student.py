"""The student of wct-single-pass against the engine, and the gradient of its whitening."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vidstyle import weights
from vidstyle.engines.wct_single_pass import build
from vidstyle.errors import OptionError, WeightsMismatch
from vidstyle.nn.vgg import bundled
from vidstyle.registry import RECIPES
from vidstyle.training.config import settings
from vidstyle.training.objective import Objective
from vidstyle.training.single_pass_student import SinglePassStudent, _InverseRoot
from vidstyle.training.style_batch import StyleBatch


@pytest.fixture(scope="module")
def student() -> SinglePassStudent:
    made = SinglePassStudent()
    made.load(weights.load(weights.WCT_SINGLE_PASS), "the bundled file")
    return made


def styles(*pictures: torch.Tensor) -> StyleBatch:
    return StyleBatch(pictures, lambda: torch.empty(0))


@pytest.mark.parametrize("size", [(16, 16), (37, 53)])
@torch.no_grad()
def test_the_student_paints_as_the_engine_a_batch_in_styles_of_their_own(
    student: SinglePassStudent, size: tuple[int, int]
) -> None:
    engine, images, pictures = build(), torch.rand(2, 3, *size), torch.rand(2, 1, 3, 40, 64)
    painted = student.paint(images, student.encode(styles(*pictures))).clamp(0, 1)
    for item, picture in enumerate(pictures):
        alone = engine.stylize(images[item : item + 1], engine.encode_style(picture)).image
        assert (painted[item] - alone[0]).abs().max() < 1e-3


def test_the_decoder_learns_and_the_encoder_does_not(student: SinglePassStudent) -> None:
    painted = student.paint(torch.rand(1, 3, 32, 32), student.encode(styles(torch.rand(1, 3, 40, 40))))
    torch.autograd.backward((painted - 0.5).square().mean())
    learnt = {name for name, value in student.named_parameters() if value.grad is not None}
    assert {name.split(".")[0] for name in learnt} == {
        *(f"decoder{level}_{part}" for level in (4, 3) for part in range(3)),
        *("head0", "head1"),
    }


@torch.no_grad()
def test_a_narrowed_student_paints_as_the_engine_with_its_weights(tmp_path: Path) -> None:
    student = SinglePassStudent()
    student.load(weights.load(weights.WCT_SINGLE_PASS), "the bundled file")
    whole = student.tensors()
    student.narrow(0.67)
    tensors = student.tensors()
    widths = {name.split(".")[0]: len(value) for name, value in tensors.items() if value.ndim == 1}
    assert [widths[name] for name in ("stem1", "conv3_1", "conv4_1", "head0", "head1")] == [
        32,
        64,
        128,
        32,
        12,
    ]
    assert sum(value.numel() for value in tensors.values()) < 0.5 * sum(
        each.numel() for each in whole.values()
    )
    file = tmp_path / "slim.safetensors"
    save_file(tensors, file)
    engine, image, picture = build(file), torch.rand(1, 3, 37, 53), torch.rand(1, 3, 40, 64)
    alone = engine.stylize(image, engine.encode_style(picture)).image
    assert (student.paint(image, student.encode(styles(picture))).clamp(0, 1) - alone).abs().max() < 1e-3


def test_encoder_and_heads_learn_from_pictures_without_a_style() -> None:
    student = SinglePassStudent()
    student.load(weights.load(weights.WCT_SINGLE_PASS), "the bundled file")
    image = torch.rand(1, 3, 48, 48)
    student.prepare(styles(image))
    made = student.autoencode(image)
    teacher = bundled(padding="reflect")
    targets = teacher.features(image, tuple(made.heads))
    for layer, value in made.heads.items():  # fitted to this picture; new heads have an error of 1
        target = targets[layer] / teacher.scale(layer).view(1, -1, 1, 1)
        assert (value - target).square().sum() < 0.7 * target.square().sum()
    torch.autograd.backward(torch.stack([value.mean() for value in made.heads.values()]).sum())
    learnt = {name.split(".")[0] for name, value in student.named_parameters() if value.grad is not None}
    assert learnt == {"stem0", "stem1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv4_1", "heads"}
    assert [picture.shape for picture in made.pictures] == [image.shape] * 3


def test_weights_of_another_network_are_one_line() -> None:
    tensors = dict(weights.load(weights.WCT_SINGLE_PASS))
    tensors["decoder4_1.weight"] = torch.zeros(96, 95, 3, 3)
    with pytest.raises(WeightsMismatch, match=r"mine does not hold a single-pass VGG: decoder4_1\.weight"):
        SinglePassStudent().load(tensors, "mine")
    with pytest.raises(WeightsMismatch, match=r"mine does not hold a single-pass VGG: conv4_1\.weight"):
        SinglePassStudent().load({}, "mine")


def test_students_of_a_fixed_size_refuse_a_width() -> None:
    with pytest.raises(OptionError, match="stylenet has a fixed number of channels; leave it out"):
        Objective(RECIPES.load("stylenet"), settings("stylenet", pairs=["width=0.5"]))


def test_the_gradient_of_the_whitening_is_finite_where_eigenvalues_are_equal() -> None:
    torch.manual_seed(0)
    plain = torch.eye(4, dtype=torch.float64)[None] * 0.3
    mixed = torch.randn(1, 4, 6, dtype=torch.float64)
    covariances = torch.cat([plain, mixed @ mixed.mT]).requires_grad_()
    assert torch.autograd.gradcheck(lambda value: _InverseRoot.apply((value + value.mT) / 2), covariances)
