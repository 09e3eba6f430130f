"""Losses on the features of other encoders."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from vidstyle.losses.base import Step
from vidstyle.losses.step_features import StepFeatures
from vidstyle.losses.style import RelativeStyle
from vidstyle.nn import small_vgg, vgg
from vidstyle.nn.encoder_features import Encoder


def test_a_picture_that_follows_the_small_vgg_comes_nearer_to_its_style_by_vgg16_too() -> None:
    generator = torch.Generator().manual_seed(0)
    content, style = torch.rand(2, 1, 3, 64, 64, generator=generator)
    style = F.avg_pool2d(style, 5, 1, 2)
    painted = content.clone().requires_grad_()

    def distance(encoder: Encoder) -> torch.Tensor:
        layers = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
        step = Step(
            content=content,
            styles=(style,),
            painted=painted,
            paint=lambda image: image,
            features=StepFeatures(encoder, layers),
            generator=generator,
        )
        loss: torch.Tensor = RelativeStyle()(step)
        return loss

    judge, teacher = vgg.bundled(), small_vgg.bundled()
    before = distance(judge).item()
    optimizer = torch.optim.Adam([painted], lr=0.02)
    for _ in range(15):
        optimizer.zero_grad()
        distance(teacher).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert distance(judge).item() < 0.7 * before
