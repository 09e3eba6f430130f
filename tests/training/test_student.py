"""The student against the engine, its standardised encoder, and what it loads."""

from __future__ import annotations

import pytest
import torch

from vidstyle import weights
from vidstyle.engines.stylenet import StyleNet
from vidstyle.errors import WeightsMismatch
from vidstyle.nn.vgg import bundled
from vidstyle.registry import RECIPES, STUDENTS
from vidstyle.training.learner import Learner
from vidstyle.training.student import Student
from vidstyle.training.style_batch import StyleBatch


@pytest.fixture(scope="module")
def engine() -> StyleNet:
    return StyleNet(bundled(), weights.load(weights.STYLENET))


@pytest.fixture
def student() -> Student:
    made = Student()
    made.load(weights.load(weights.STYLENET), "the bundled file")
    return made


def described(count: int) -> StyleBatch:
    descriptors = torch.rand(count, 2816)
    return StyleBatch(tuple(torch.rand(count, 1, 3, 40, 32)), lambda: descriptors)


@pytest.mark.parametrize("size", [(16, 16), (37, 53), (48, 64)])
@torch.no_grad()
def test_the_student_paints_as_the_engine_a_batch_in_codes_of_their_own(
    student: Student, engine: StyleNet, size: tuple[int, int]
) -> None:
    images, embeddings = torch.rand(2, 3, *size), torch.randn(2, 100) * 0.7
    painted = student.paint(images, embeddings)
    for item in (0, 1):
        alone = engine.stylize(images[item : item + 1], embeddings[item]).image
        assert (painted[item] - alone[0]).abs().max() < 1e-4


@torch.no_grad()
def test_standardising_changes_no_code_and_is_folded_away(student: Student, engine: StyleNet) -> None:
    descriptors = torch.stack([engine.describe(torch.rand(1, 3, 40, 40) ** power) for power in (0.5, 1, 2)])
    styles = StyleBatch((), lambda: descriptors)
    before = student.encode(styles)
    student.prepare(styles)
    assert not torch.equal(student.deviation, torch.ones(2816))
    assert (student.encode(styles) - before).abs().max() < 1e-3
    folded = student.tensors()
    for name, value in weights.load(weights.STYLENET).items():
        assert torch.allclose(folded[name], value, rtol=1e-3, atol=1e-3), name


def test_a_student_learns_from_every_parameter(student: Student) -> None:
    painted = student.paint(torch.rand(2, 3, 32, 32), student.encode(described(2)))
    torch.autograd.backward((painted - 0.5).square().mean())
    slopes = [value.grad for value in student.parameters()]
    assert all(slope is not None and slope.abs().max() > 0 for slope in slopes)


def test_forgotten_parts_are_new_and_the_others_stay(student: Student) -> None:
    before = {name: value.clone() for name, value in student.state_dict().items()}
    student.randomise(("film",))
    changed = {name for name, value in student.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"painter.film.weight", "painter.film.bias"}


def test_weights_of_another_network_are_one_line(student: Student) -> None:
    tensors = weights.load(weights.STYLENET)
    tensors["painter.c2.bias"] = torch.zeros(7)
    with pytest.raises(WeightsMismatch, match=r"mine does not hold StyleNet's weights: painter\.c2\.bias"):
        student.load(tensors, "mine")


@pytest.mark.parametrize("name", STUDENTS)
@torch.no_grad()
def test_every_student_paints_each_picture_in_its_code_and_begins_from_what_it_exports(name: str) -> None:
    student: Learner = STUDENTS.load(name)()
    student.randomise(tuple(student.parts()))
    images, styles = torch.rand(2, 3, 19, 32), described(2)
    painted = student.paint(images, student.encode(styles))
    assert painted.shape == images.shape
    other: Learner = STUDENTS.load(name)()
    other.load(student.tensors(), "a file")
    assert torch.allclose(other.paint(images, other.encode(styles)), painted, atol=1e-5)
    with pytest.raises(WeightsMismatch, match="a file"):
        other.load({}, "a file")


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_a_recipe_teaches_is_a_part_of_its_student(recipe: str) -> None:
    made = RECIPES.load(recipe)
    student: Learner = STUDENTS.load(made.student)()
    assert set(made.defaults["learns"]) <= set(student.parts())
