"""The objective of training: the student, its losses, and the frozen networks that they use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from vidstyle import weights
from vidstyle.engines.base import AnyEngine, chosen_engine, load_engine
from vidstyle.engines.stylenet import StyleNet
from vidstyle.errors import OptionError
from vidstyle.flow.base import FlowEstimator, load_flow
from vidstyle.losses.base import FramePair, Loss, Step
from vidstyle.losses.step_features import StepFeatures
from vidstyle.nn.encoder_features import Encoder
from vidstyle.nn.vgg import bundled
from vidstyle.registry import FEATURES, LOSSES, STUDENTS
from vidstyle.training.config import TrainOptions
from vidstyle.training.data import TrainingBatch
from vidstyle.training.known_motion import estimated_motion, random_motion
from vidstyle.training.learner import Learner
from vidstyle.training.memory import Key, StyleMemory
from vidstyle.training.onnx_teacher import OnnxTeacher
from vidstyle.training.recipes import Recipe
from vidstyle.training.style_batch import StyleBatch


@dataclass(frozen=True, slots=True, eq=False)
class Frozen:
    """Networks that are not trained, on the run's device. They are not in checkpoints."""

    encoder: Encoder
    """Computes the features of losses."""
    describer: StyleNet
    """Computes descriptors of style pictures."""
    teacher: AnyEngine | None
    flow: FlowEstimator | None
    memory: StyleMemory = field(default_factory=StyleMemory)

    @property
    def device(self) -> torch.device:
        """The device of all of them."""
        return next(self.describer.parameters()).device


class TrainingStep:
    """The input of one step. Not a dataclass: Fabric converts the tensors in those."""

    def __init__(self, batch: TrainingBatch, number: int, frozen: Frozen) -> None:
        self.batch, self.number, self.frozen = batch, number, frozen


class Objective(nn.Module):
    """The student and its losses as one module, whose forward pass is one training step."""

    def __init__(self, recipe: Recipe, options: TrainOptions, *, is_resumed: bool = False) -> None:
        """Build student and losses on the CPU; raises ``WeightsError`` and ``OptionError``.

        If ``is_resumed``, no weights are loaded, as they are in the checkpoint.
        """
        super().__init__()
        torch.manual_seed(options.seed)
        self.student: Learner = _student(recipe, options, is_resumed=is_resumed)
        self.losses = nn.ModuleDict({_key(name): _loss(name, options) for name, _ in options.losses})
        self._weights = dict(options.losses)
        if "autoencoding" in self.needs and not self.student.is_autoencoder:
            raise OptionError(
                f"the recipe {recipe.name} trains no autoencoder, which one of the losses "
                f"{', '.join(self._weights)} needs"
            )
        self._paints = any(cast(Loss, loss).uses_painting for loss in self.losses.values())
        self._recipe, self._options = recipe, options
        for part, values in self.student.parts().items():
            for value in values:
                value.requires_grad_(part in options.learns)

    @property
    def needs(self) -> frozenset[str]:
        """The optional fields of ``Step`` that the losses need."""
        return frozenset().union(*(cast(Loss, loss).needs for loss in self.losses.values()))

    def freeze(self, device: torch.device) -> Frozen:
        """Load the frozen networks that are needed."""
        encoder = FEATURES.load(self._options.features)(device).encoder
        if unknown := [layer for layer in self._layers() if layer not in encoder.layers]:
            raise OptionError(
                f"no layer {unknown[0]!r} in the features {self._options.features!r}; there are: "
                f"{', '.join(encoder.layers)}"
            )
        describer = StyleNet(bundled().to(device), weights.load(weights.STYLENET)).to(device)
        teacher = flow = None
        if self._recipe.is_of_teacher or self.needs & {"target", "embeddings"}:
            teacher = _teacher(self._options).to(device).requires_grad_(False).eval()
        if "pair" in self.needs and self._options.clips is not None:
            flow = load_flow(self._options.flow, device)
        return Frozen(encoder, describer, teacher, flow)

    def groups(self) -> list[dict[str, Any]]:
        """Parameter groups for the optimiser; the encoder has its own learning rate."""
        parts = self.student.parts()
        encoder = parts.pop("encoder", [])
        rest = [*(value for values in parts.values() for value in values), *self.losses.parameters()]
        rates = (
            (rest, self._options.learning_rate),
            (encoder, self._options.learning_rate * self._options.encoder_rate),
        )
        groups = [
            {"params": [value for value in values if value.requires_grad], "lr": rate}
            for values, rate in rates
        ]
        return [group for group in groups if group["params"]]

    def forward(self, data: TrainingStep) -> dict[str, Tensor]:
        """The unweighted losses (scalars) of a step by name, and their weighted sum as "total"."""
        generator = torch.Generator().manual_seed(self._options.seed * 1_000_003 + data.number)
        step = self._step(data, generator)
        losses: dict[str, Tensor] = {name: self.losses[_key(name)](step) for name in self._weights}
        losses["total"] = torch.stack([self._weights[name] * value for name, value in losses.items()]).sum()
        return losses

    def _step(self, data: TrainingStep, generator: torch.Generator) -> Step:
        batch, frozen, needs = data.batch, data.frozen, self.needs
        shares = self._mix_shares(len(batch.content), generator)
        embeddings, painted = batch.content.new_empty(len(batch.content), 0), batch.content.new_empty(0)
        if self._paints or needs - {"autoencoding"}:
            styles_of_batch = style_batch(frozen, batch.styles, batch.keys)
            embeddings = self._mixed(self.student.encode(styles_of_batch), shares)
        paint = partial(self.student.paint, embeddings=embeddings, number=data.number)
        if self._paints:
            painted = paint(batch.content)
        target = teacher_embeddings = None
        if frozen.teacher is not None:
            # without autocast: engines choose their precision themselves
            with torch.autocast(batch.content.device.type, enabled=False):
                target, teacher_embeddings = self._teacher_targets(
                    batch, frozen.teacher, shares, needs, embeddings.shape[1]
                )
        styles, recall = batch.styles, frozen.memory.lookup(batch.keys) if batch.keys else None
        if self._recipe.is_of_teacher and target is not None:
            styles, recall = tuple(torch.split(target, 1)), None
        itself = None
        if "itself" in needs:
            own = style_batch(frozen, tuple(torch.split(batch.content, 1)))
            itself = paint(batch.content, embeddings=self.student.encode(own))
        return Step(
            content=batch.content,
            styles=styles,
            painted=painted,
            paint=paint,
            features=StepFeatures(frozen.encoder, self._layers(), recall),
            generator=generator,
            target=target,
            itself=itself,
            embeddings=None if teacher_embeddings is None else (embeddings, teacher_embeddings),
            pair=self._pair(data, embeddings, painted, generator) if "pair" in needs else None,
            autoencoding=self.student.autoencode(batch.content) if "autoencoding" in needs else None,
        )

    def _layers(self) -> list[str]:
        """The layers that the losses use, in order."""
        return sorted({layer for loss in self.losses.values() for layer in cast(Loss, loss).layers})

    def _mix_shares(self, count: int, generator: torch.Generator) -> Tensor:
        """For each item, the share (B, 1) of the next item's style in its mixture; 0 if it is not mixed."""
        is_mixed = torch.rand(count, 1, generator=generator) < self._options.mixtures
        return torch.rand(count, 1, generator=generator) * is_mixed

    @staticmethod
    def _mixed(embeddings: Tensor, shares: Tensor) -> Tensor:
        shares = shares.to(embeddings)
        return embeddings * (1 - shares) + embeddings.roll(-1, 0) * shares

    @torch.no_grad()
    def _teacher_targets(
        self, batch: TrainingBatch, teacher: AnyEngine, shares: Tensor, needs: frozenset[str], size: int
    ) -> tuple[Tensor | None, Tensor | None]:
        """The teacher's painting of each content, and its embeddings of the styles, mixed by ``shares``.

        ``size`` is the length of the student's embeddings.
        """
        styles = [teacher.encode_style(style) for style in batch.styles]
        count = len(styles)
        mixed = [
            teacher.mix([styles[item], styles[(item + 1) % count]], [1 - share, share])
            if share
            else styles[item]
            for item, share in enumerate(shares.flatten().tolist())
        ]
        target = embeddings = None
        if "target" in needs or self._recipe.is_of_teacher:
            pictures = zip(torch.split(batch.content, 1), mixed, strict=True)
            target = torch.cat([teacher.stylize(picture, style).image for picture, style in pictures]).float()
        if "embeddings" in needs:
            if not all(isinstance(style, Tensor) and style.shape == (size,) for style in mixed):
                raise OptionError(
                    f"the loss style-embedding needs a teacher whose embeddings are {size} numbers, as the "
                    f"student's are; those of {self._options.teacher} are not"
                )
            embeddings = torch.stack(mixed)
        return target, embeddings

    def _pair(
        self, data: TrainingStep, embeddings: Tensor, painted: Tensor, generator: torch.Generator
    ) -> FramePair:
        content, frames = data.batch.content, data.batch.frames
        if frames is None:
            later, motion, inside = random_motion(content, generator)
            painted_later = self.student.paint(later, embeddings, data.number)
            return FramePair(content, later, painted, painted_later, motion, inside)
        earlier, later = frames
        assert data.frozen.flow is not None  # it is loaded if there are clips
        motion, trusted = estimated_motion(data.frozen.flow, earlier, later)
        of_pairs = embeddings[: len(earlier)]
        before, now = (self.student.paint(frame, of_pairs, data.number) for frame in (earlier, later))
        return FramePair(earlier, later, before, now, motion, trusted)


def style_batch(frozen: Frozen, pictures: tuple[Tensor, ...], keys: tuple[Key, ...] = ()) -> StyleBatch:
    """Style pictures (1, 3, h, w) in [0, 1]; descriptors are computed once for each key but None."""
    known = keys or (None,) * len(pictures)

    def recall(number: int, compute: Callable[[], Tensor]) -> Tensor:
        return frozen.memory.descriptor(known[number], compute)

    @torch.no_grad()
    def describe() -> Tensor:
        with torch.autocast(pictures[0].device.type, enabled=False):
            return torch.stack(
                [
                    recall(number, partial(frozen.describer.describe, picture))
                    for number, picture in enumerate(pictures)
                ]
            )

    return StyleBatch(pictures, describe, recall)


def _teacher(options: TrainOptions) -> AnyEngine:
    if options.teacher.lower().endswith(".onnx"):
        return OnnxTeacher(Path(options.teacher), options.teacher_weights)
    chosen = chosen_engine(options.teacher, options.teacher_weights, options.teacher)
    return load_engine(chosen, options.teacher_weights)


def _student(recipe: Recipe, options: TrainOptions, *, is_resumed: bool) -> Learner:
    student: Learner = STUDENTS.load(recipe.student)()
    if options.start not in ("bundled", "random"):
        # the numbers of channels may be those of the file, which is not needed otherwise
        if not is_resumed or Path(options.start).is_file():
            student.load(weights.load(Path(options.start)), options.start)
    elif not is_resumed:  # also with start=random, as only ``learns`` is reset then
        student.load(weights.load(student.bundled), student.bundled.file)
    if options.width < 1:
        student.narrow(options.width)
    if is_resumed:
        return student
    if options.start == "random":
        student.randomise(options.learns)
    return student


def _key(name: str) -> str:
    """A loss's name as the name of a torch module: without the dots of "package.module:Class"."""
    return name.replace(".", "/")


def _loss(name: str, options: TrainOptions) -> Loss:
    kind = LOSSES.load(name)
    if not (isinstance(kind, type) and issubclass(kind, Loss)):
        raise OptionError(f"the loss {name!r} must be a subclass of vidstyle.losses.base.Loss, got {kind!r}")
    return kind.of(options)
