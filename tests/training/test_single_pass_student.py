"""The student of wct-single-pass against the engine, and the gradient of its whitening."""

from __future__ import annotations

import pytest
import torch

from vidstyle import weights
from vidstyle.engines.wct_single_pass import build
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


def test_the_gradient_of_the_whitening_is_finite_where_eigenvalues_are_equal() -> None:
    torch.manual_seed(0)
    plain = torch.eye(4, dtype=torch.float64)[None] * 0.3
    mixed = torch.randn(1, 4, 6, dtype=torch.float64)
    covariances = torch.cat([plain, mixed @ mixed.mT]).requires_grad_()
    assert torch.autograd.gradcheck(lambda value: _InverseRoot.apply((value + value.mT) / 2), covariances)
