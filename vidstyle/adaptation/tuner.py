"""The tuning itself: steps on one style's pictures, and the averaged weights that came nearest to it."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from vidstyle.adaptation.contents import Moment, square
from vidstyle.adaptation.settings import TUNED_ENGINES, AdaptOptions
from vidstyle.adaptation.style_pictures import StylePictures
from vidstyle.device import choose_device, has_bfloat16
from vidstyle.engines.base import chosen_engine
from vidstyle.errors import TrainingError, WeightsMismatch
from vidstyle.frames import Pixels
from vidstyle.losses.step_features import at_area
from vidstyle.metrics.base import Sample, Setup
from vidstyle.metrics.perceptual_features import bundled
from vidstyle.metrics.style_distance import StyleDistance
from vidstyle.options import DEFAULT_QUALITY, QUALITIES
from vidstyle.tensors import to_tensor
from vidstyle.training.config import TrainOptions
from vidstyle.training.data import TrainingBatch
from vidstyle.training.learner import Learner
from vidstyle.training.objective import Objective, TrainingStep, style_batch
from vidstyle.training.order import random_at
from vidstyle.training.picture_folder import Cut
from vidstyle.training.recipes import WCT_SINGLE_PASS
from vidstyle.weights import find

# covariances instead of Gram matrices: with these, the pictures that are held out gain less
_LOSSES = {"covariance": 1.0, "content": 0.15, "tones": 0.5, "grid": 5.0, "shift": 2.0, "ripple": 0.5}
_OF_CLIPS = {"warped": 20.0}
_BATCH, _CROP = 4, 192  # contents a step, and their side, px
_STYLE_SIDES = (256,)  # px
_PICTURE_SIDE = 384  # px: style pictures are kept in an area of this side squared, as the engine sees them
_RATE, _WARMUP = 2e-4, 10  # Adam's learning rate, and steps over which it rises
_LARGEST_NORM = 2.0  # of a step's gradient
_KEPT = 0.98  # share of the averaged weights that is kept at each step
_LOOKS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.55, 0.7, 0.85, 1.0)
"""Shares of the run after which the averaged weights are measured: what is held out gains early."""
_MEASURED, _MEASURED_SIDE = 2, 256  # contents that are painted in each picture, and their side, px
_STYLE_CROPS = 7  # of each picture, besides the whole: with few styles others get worse
_LEAST_CROP, _LARGEST_CROP = 0.55, 0.9  # of the picture's sides
_SALT = 2  # of the random numbers of these crops


@dataclass(frozen=True, slots=True)
class AdaptProgress:
    """The progress of an adaptation after a step."""

    step: int
    share: float
    """Of the minutes or steps, 0 to 1."""
    seconds: float
    """Since the first step."""
    before: float
    """Style distance of the weights that it began with."""
    best: float
    """The lowest style distance so far."""


OnAdaptStep = Callable[[AdaptProgress], object]
"""Called after each step; False ends the run."""


@dataclass(frozen=True, slots=True, eq=False)
class Tuned:
    """The result: weights before, and the nearest ones, as the engine loads them."""

    engine: str
    """Of ``TUNED_ENGINES``."""
    begun: Mapping[str, Tensor]
    tensors: Mapping[str, Tensor]
    last: AdaptProgress


def tune(
    styles: StylePictures,
    moments: Sequence[Moment],
    options: AdaptOptions,
    on_step: OnAdaptStep | None = None,
) -> Tuned:
    """Tune a decoder to ``styles`` on ``moments``; keep the averaged weights nearest to them.

    Nearest is the lowest mean style distance, by VGG-16, to a picture that is learnt and the one that is held
    out, or to the only one. VGG-16 and not the small VGG of the losses: a distance that is trained on falls
    even where paintings get no nearer.
    Raises ``WeightsError``, ``DeviceError`` and ``TrainingError``.
    """
    return _Tuner(styles, moments, options).run(on_step)


class _Tuner:
    def __init__(self, styles: StylePictures, moments: Sequence[Moment], options: AdaptOptions) -> None:
        self._moments, self._options = moments, options
        self._engine = _engine_of(options)
        self._device = choose_device(options.device)
        self._has_pairs = all(len(moment) > 1 for moment in moments)
        settings = TrainOptions(
            losses={**_LOSSES, **(_OF_CLIPS if self._has_pairs else {})},  # type: ignore[arg-type]
            features="small",
            style_sides=_STYLE_SIDES,
            grid_period=8,
            learning_rate=_RATE,
            learns=("decoder",),
            start=str(options.weights or find(TUNED_ENGINES[self._engine])),
            clips=Path() if self._has_pairs else None,  # so that motion of pairs is estimated
            flow="dis",
        )
        self._objective = Objective(WCT_SINGLE_PASS, settings).to(self._device)
        self._frozen = self._objective.freeze(self._device)
        self._student = self._objective.student
        self._average = AveragedModel(
            self._student,
            avg_fn=_averaged,
            use_buffers=False,
        )
        self._optimizer = torch.optim.Adam(self._objective.groups())
        self._pictures = self._remembered(styles)
        measured = tuple(to_tensor(pixels, self._device) for pixels in styles.measured)
        embeddings = self._student.encode(style_batch(self._frozen, measured))
        self._measure = _Measure(embeddings, measured, moments)

    @torch.enable_grad()
    def run(self, on_step: OnAdaptStep | None) -> Tuned:
        begun = self._weights()
        best, tensors = self._measure(self._averaged), begun
        before, looked, step, share, since = best, 0, 0, 0.0, monotonic()
        while share < 1:
            self._learn(step, share)
            step += 1
            seconds = monotonic() - since
            done = seconds / (60 * self._options.minutes)
            share = min(1.0, done if self._options.steps is None else step / self._options.steps)
            due = bisect_right(_LOOKS, share)
            if due > looked:
                looked = due
                distance = self._measure(self._averaged)
                if distance < best:
                    best, tensors = distance, self._weights()
            progress = AdaptProgress(step, share, monotonic() - since, before, best)
            if on_step is not None and on_step(progress) is False:
                break
        return Tuned(self._engine, begun, tensors, progress)

    @property
    def _averaged(self) -> Learner:
        return cast(Learner, self._average.module)

    def _weights(self) -> dict[str, Tensor]:
        """The averaged weights now: copies, as later steps change the tensors themselves."""
        return {name: value.clone() for name, value in self._averaged.tensors().items()}

    def _remembered(self, styles: StylePictures) -> tuple[Tensor, ...]:
        """The pictures that are learnt and crops of them; embeddings are computed once, from originals."""
        crops = [
            pixels if number == 0 else _cropped(pixels, random_at(number, index, _SALT))
            for number in range(1 + _STYLE_CROPS)
            for index, pixels in enumerate(styles.learnt)
        ]
        originals = tuple(to_tensor(pixels, self._device) for pixels in crops)
        self._student.encode(style_batch(self._frozen, originals, tuple(range(len(originals)))))
        return tuple(at_area(original, _PICTURE_SIDE) for original in originals)

    def _learn(self, step: int, share: float) -> None:
        rate = _RATE * min(1.0, (step + 1) / _WARMUP) * (1 + math.cos(math.pi * share)) / 2
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        # the gradients of float16 would need scaling
        is_short = self._device.type == "cpu" and has_bfloat16()
        with torch.autocast(self._device.type, torch.bfloat16, enabled=is_short):
            losses = self._objective(TrainingStep(self._batch(step), step, self._frozen))
        if not math.isfinite(float(losses["total"].detach())):
            raise TrainingError(f"the loss of step {step + 1} is not finite; begin with other --weights")
        losses["total"].backward()
        torch.nn.utils.clip_grad_norm_(self._student.parameters(), _LARGEST_NORM)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._average.update_parameters(self._student)

    def _batch(self, step: int) -> TrainingBatch:
        """Contents at random; the style pictures in turn."""
        cut, random = Cut(_CROP), random_at(step, 0, 0)
        chosen = [self._moments[int(random.integers(len(self._moments)))] for _ in range(_BATCH)]
        content = torch.cat([cut(moment[0], random) for moment in chosen]).to(self._device)
        keys = tuple((step * _BATCH + number) % len(self._pictures) for number in range(_BATCH))
        pair = (self._frames(step, chosen, 0), self._frames(step, chosen, 1)) if self._has_pairs else None
        return TrainingBatch(content, tuple(self._pictures[key] for key in keys), pair, (), keys)

    def _frames(self, step: int, moments: Sequence[Moment], when: int) -> Tensor:
        """The earlier (0) or later (1) frames of half of the ``moments``, with the same crops and flips."""
        half = moments[: _BATCH // 2]
        crops = [Cut(_CROP)(moment[when], random_at(step, number, 1)) for number, moment in enumerate(half)]
        return torch.cat(crops).to(self._device)


def _averaged(average: Tensor, value: Tensor, steps: Tensor | int) -> Tensor:
    """The moving average after the next of ``steps`` values; over fewer steps in the beginning."""
    kept = min(_KEPT, float(steps) / (float(steps) + 9))
    return average.lerp(value, 1 - kept)


def _cropped(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """A part of ``pixels`` (H, W, 3), mirrored half of the time."""
    share = random.uniform(_LEAST_CROP, _LARGEST_CROP)
    height, width = (max(min(16, side), round(side * share)) for side in pixels.shape[:2])
    top, left = (
        int(random.integers(whole - part + 1))
        for whole, part in zip(pixels.shape[:2], (height, width), strict=True)
    )
    crop = pixels[top : top + height, left : left + width]
    return np.ascontiguousarray(crop[:, ::-1] if random.random() < 0.5 else crop, np.uint8)


def _engine_of(options: AdaptOptions) -> str:
    """The engine that is given, or that of the weights, or the default one."""
    engine = chosen_engine(options.engine, options.weights, QUALITIES[DEFAULT_QUALITY].engine)
    if engine not in TUNED_ENGINES:
        raise WeightsMismatch(
            f"{options.weights} holds weights of the engine {engine}, which cannot be tuned; give those of "
            f"{' or '.join(TUNED_ENGINES)}"
        )
    return str(engine)


class _Measure:
    """The mean style distance of a few contents, painted in each of some pictures, to that picture."""

    def __init__(self, embeddings: Tensor, pictures: Sequence[Tensor], moments: Sequence[Moment]) -> None:
        """``embeddings`` (N, K) of N ``pictures`` (1, 3, h, w) in [0, 1]: the encoder does not learn."""
        device = embeddings.device
        features = bundled(device)
        self._styles = [
            (embedding, StyleDistance(Setup(style=picture, features=features)))
            for embedding, picture in zip(torch.split(embeddings, 1), pictures, strict=True)
        ]
        count = min(_MEASURED, len(moments))
        chosen = (moments[number * len(moments) // count][0] for number in range(count))
        self._contents = [to_tensor(square(pixels, _MEASURED_SIDE), device) for pixels in chosen]

    @torch.no_grad()
    def __call__(self, student: Learner) -> float:
        distances = []
        for embedding, metric in self._styles:
            for content in self._contents:
                metric.add(Sample(content, student.paint(content, embedding).clamp(0, 1)), {}, {})
                assert metric.latest is not None
                distances.append(metric.latest)
        return sum(distances) / len(distances)
