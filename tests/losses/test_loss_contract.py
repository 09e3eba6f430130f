"""Facts that every registered loss meets."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from steps import make_step

from vidstyle.losses.base import Loss
from vidstyle.losses.style import Style
from vidstyle.registry import LOSSES


@pytest.fixture(params=LOSSES)
def loss(request: pytest.FixtureRequest) -> Loss:
    torch.manual_seed(3)  # one of them has layers of its own
    kind = LOSSES.load(request.param)
    made: Loss = kind(sides=(32,)) if issubclass(kind, Style) else kind()
    return made


def test_a_loss_is_a_positive_number_with_a_slope(loss: Loss) -> None:
    step = make_step(loss.layers)
    value = loss(step)
    assert value.shape == ()
    assert torch.isfinite(value)
    assert value > 0
    value.backward()
    assert step.pair is not None
    assert step.codes is not None
    slopes = [
        image.grad
        for image in (
            step.painted,
            step.itself,
            step.codes[0],
            step.pair.painted_earlier,
            step.pair.painted_later,
        )
        if image is not None and image.grad is not None
    ]
    assert slopes
    assert all(torch.isfinite(slope).all() for slope in slopes)
    assert any(slope.abs().max() > 0 for slope in slopes)


def test_a_loss_of_the_same_step_is_the_same(loss: Loss) -> None:
    assert torch.equal(loss(make_step(loss.layers)), loss(make_step(loss.layers)))


def test_a_loss_says_which_part_of_the_step_it_lacks(loss: Loss) -> None:
    bare = replace(make_step(loss.layers), target=None, itself=None, codes=None, pair=None)
    if not loss.needs:
        assert torch.isfinite(loss(bare))
        return
    with pytest.raises(ValueError, match=next(iter(loss.needs))):
        loss(bare)


def test_pictures_of_half_precision_give_finite_losses(loss: Loss) -> None:
    step = make_step(loss.layers)
    coarse = replace(step, painted=step.painted.detach().bfloat16().requires_grad_())
    assert torch.isfinite(loss(coarse))
