"""The contract of losses, as tests, and a small training step to try one on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from vidstyle.flow.warp import warp
from vidstyle.losses.base import Autoencoding, FramePair, Loss, Step
from vidstyle.losses.step_features import StepFeatures
from vidstyle.nn.vgg import LAYERS, VGG, bundled
from vidstyle.testing.devices import devices


class LossContract(ABC):
    """Checks one loss, on each device there is; a subclass defines ``make``."""

    @abstractmethod
    def make(self) -> Loss:
        """The loss, new, on the CPU."""

    def test_it_is_a_positive_number_with_a_gradient(self) -> None:
        for device in devices():
            loss = self._new(device)
            step = make_step(loss.layers, device=device)
            value = loss(step)
            assert value.shape == (), f"a loss is one number of shape (), it is {tuple(value.shape)}"
            assert torch.isfinite(value), f"a loss must be finite, it is {value.item()}"
            assert value > 0, f"the loss of a random step must be above 0, it is {value.item()}"
            value.backward()
            gradients = [image.grad for image in _learnt(step) if image.grad is not None]
            assert gradients, "no picture that is painted has a gradient: the loss must be of what is painted"
            assert all(torch.isfinite(gradient).all() for gradient in gradients), "gradients must be finite"
            assert any(gradient.abs().max() > 0 for gradient in gradients), "all gradients are 0"

    def test_of_the_same_step_it_is_the_same(self) -> None:
        loss = self._new("cpu")
        first, again = (loss(make_step(loss.layers)) for _ in (0, 1))
        assert torch.equal(first, again), (
            f"the same step gives {first.item()}, then {again.item()}; chance is drawn from step.generator"
        )

    def test_it_says_which_part_of_the_step_it_lacks(self) -> None:
        loss = self._new("cpu")
        step = make_step(loss.layers)
        bare = replace(step, target=None, itself=None, embeddings=None, pair=None, autoencoding=None)
        if not loss.needs:
            assert torch.isfinite(loss(bare)), "without needs a loss must be finite for a step without parts"
            return
        try:
            loss(bare)
        except ValueError as error:
            assert any(part in str(error) for part in loss.needs), (
                f"the ValueError for a step without {', '.join(sorted(loss.needs))} must name it: {error}"
            )
        else:
            raise AssertionError(f"no ValueError for a step without {', '.join(sorted(loss.needs))}")

    def test_it_is_the_same_without_a_painting_if_it_uses_none(self) -> None:
        loss = self._new("cpu")
        step = make_step(loss.layers)
        if not loss.uses_painting:
            bare = replace(step, painted=step.painted.new_empty(0))
            assert torch.equal(loss(step), loss(bare)), "a loss with uses_painting = False reads no painting"

    def test_pictures_of_half_precision_give_a_finite_number(self) -> None:
        for device in devices():
            loss = self._new(device)
            step = make_step(loss.layers, device=device)
            coarse = replace(step, painted=step.painted.detach().bfloat16().requires_grad_())
            assert torch.isfinite(loss(coarse)), "a loss of bfloat16 pictures must be finite"

    def _new(self, device: str) -> Loss:
        torch.manual_seed(3)  # some have layers of their own
        return self.make().to(device)


def _learnt(step: Step) -> list[Tensor]:
    assert step.pair is not None and step.embeddings is not None and step.itself is not None
    made = step.autoencoding
    assert made is not None
    return [
        *made.heads.values(),
        *(decoded for decoded, _ in made.blocks),
        *made.pictures,
        step.painted,
        step.itself,
        step.embeddings[0],
        step.pair.painted_earlier,
        step.pair.painted_later,
    ]


@cache
def vgg(device: str = "cpu") -> VGG:
    return bundled().to(device)


def paint(picture: Tensor) -> Tensor:
    """A formula that depends on absolute columns, so that the painting does not move with its content."""
    stripes = (torch.arange(picture.shape[-1]) % 4).to(picture) / 10
    return (picture.flip(1) * 0.6 + 0.1 + stripes).clamp(0, 1)


def make_step(layers: Collection[str] = LAYERS, *, device: str = "cpu") -> Step:
    """A small training step: two random pictures, painted by ``paint``."""
    size, count = (24, 32), 2
    generator = torch.Generator().manual_seed(5)

    def picture() -> Tensor:
        rough = torch.rand(count, 3, 5, 5, generator=generator)
        return torch.nn.functional.interpolate(rough, size, mode="bicubic").clamp(0, 1).to(device)

    content, earlier = picture(), picture()
    motion = torch.randn(count, 2, *size, generator=generator).to(device) * 1.5
    later = (warp(earlier, motion)[0] * 0.9 + 0.05).clamp(0, 1)
    painted = [paint(image).requires_grad_() for image in (content, earlier, later)]
    trusted = torch.rand(count, 1, *size, generator=generator).to(device) > 0.3
    return Step(
        content=content,
        styles=tuple(
            torch.rand(1, 3, 20 + 4 * number, 24, generator=generator).to(device) for number in range(count)
        ),
        painted=painted[0],
        paint=paint,
        features=StepFeatures(vgg(device), layers),
        generator=torch.Generator().manual_seed(6),
        target=(content * 0.8 + 0.1),
        itself=(content * 0.9 + 0.02).requires_grad_(),
        embeddings=(
            torch.linspace(-1, 1, 8, device=device).view(2, 4).requires_grad_(),
            torch.ones(2, 4, device=device),
        ),
        autoencoding=_autoencoding(content, generator),
        pair=FramePair(earlier, later, painted[1], painted[2], motion, trusted),
    )


def _autoencoding(image: Tensor, generator: torch.Generator) -> Autoencoding:
    """An autoencoder of two levels."""

    def features(channels: int, level: int) -> Tensor:
        size = len(image), channels, *(side >> (level - 1) for side in image.shape[-2:])
        return torch.rand(size, generator=generator).to(image.device)

    return Autoencoding(
        image=image,
        heads={"conv1_1": features(64, 1).requires_grad_(), "conv2_1": features(128, 2).requires_grad_()},
        blocks=((features(6, 1).requires_grad_(), features(6, 1)),),
        pictures=tuple((image * share).requires_grad_() for share in (0.9, 0.8)),
    )
