"""A training run: steps, averaged weights, checkpoints, curves and preview sheets; it can be resumed."""

from __future__ import annotations

import json
import logging
import math
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vidstyle.errors import InputError, OptionError, OutputError, TrainingError
from vidstyle.options.empty_paths import check_not_empty
from vidstyle.outputs import check_outputs
from vidstyle.registry import RECIPES
from vidstyle.training import checkpoints
from vidstyle.training.config import TrainOptions
from vidstyle.training.curves import Curves
from vidstyle.training.data import Data, TrainingBatch
from vidstyle.training.fabric import launch, random_state, set_random
from vidstyle.training.learner import Learner
from vidstyle.training.objective import Objective, TrainingStep, style_batch
from vidstyle.training.picture_folder import CONTENT, STYLE
from vidstyle.training.recipes import Recipe
from vidstyle.training.sheets import Sheets
from vidstyle.training.stopping import Stop
from vidstyle.training.training_progress import OnStep, Trained, TrainingProgress

log = logging.getLogger(__name__)

_SHEET = (4, 6)  # contents, styles
_EXAMPLES, _EXAMPLE_SIDE = 64, 192  # style pictures that prepare students, and their side, px

_UNREADABLE = "none of the pictures that were tried can be read; give a folder of JPEG, PNG or WebP pictures"


def train(
    recipe: str,
    content: str | Path,
    style: str | Path,
    output: str | Path,
    options: TrainOptions,
    *,
    resume: bool = False,
    on_step: OnStep | None = None,
) -> Trained:
    """Train by ``recipe`` from the pictures of two folders into the folder ``output``.

    It contains ``checkpoints/``, ``previews/``, ``log.csv``, ``tensorboard/`` and ``settings.json``. A
    resumed run continues from the newest readable checkpoint, with the same losses as an uninterrupted one.
    A signal to stop ends it after the current step, with a checkpoint. Raises a ``VidstyleError``.
    """
    check_not_empty(content=content, style=style, output=output)
    run = Path(output)
    check_outputs([("--output", run)], [content, style])
    state = _state(run, recipe, resume)
    fabric = launch(options)
    rank, ranks = fabric.global_rank, fabric.world_size
    data = Data(Path(content), Path(style), options, rank=rank, ranks=ranks)
    _make_folder(run)  # last, so that a run that cannot start leaves nothing behind
    return _Run(RECIPES.load(recipe), data, run, options, fabric, state).run(on_step)


class _Run:
    """One process of a run, from its start or a checkpoint to its end."""

    def __init__(
        self,
        recipe: Recipe,
        data: Data,
        run: Path,
        options: TrainOptions,
        fabric: Any,
        state: Mapping[str, Any] | None,
    ) -> None:
        """Start, or resume from ``state``; raises ``WeightsMismatch`` if that is from another network."""
        self._recipe, self._data, self._run, self._options, self._fabric = recipe, data, run, options, fabric
        random.seed(options.seed)
        torch.manual_seed(options.seed)
        self._objective = Objective(recipe, options, is_resumed=state is not None)
        self._steps = data.steps()
        self._step = 0
        self._saved = 0
        self._learning_rate = 0.0  # of the last step
        self._sheets: Sheets | None = None
        self._skipped: dict[str, None] = {}
        groups = self._objective.groups()
        if not groups:
            parts = ", ".join(self._objective.student.parts())
            raise OptionError(f"nothing learns; set learns to some of {parts}")
        optimizer = torch.optim.Adam(groups)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        self._frozen = self._objective.freeze(fabric.device)
        self._model, self._optimizer = fabric.setup(self._objective, optimizer)
        self._average = AveragedModel(
            self._objective.student,
            multi_avg_fn=get_ema_multi_avg_fn(options.ema),  # type: ignore[no-untyped-call]
            use_buffers=False,
        )
        if state is not None:
            self._restore(state)

    def _restore(self, state: Mapping[str, Any]) -> None:
        model = self._objective.state_dict()
        checkpoints.check_architecture(state, model, self._run)
        self._objective.load_state_dict(state["model"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self._schedule.base_lrs = [group["lr"] for group in self._objective.groups()]
        self._fabric.strategy.precision.load_state_dict(state["precision"])
        set_random(state["random"])
        self._step = self._saved = int(state["step"])
        # the same as before, unless the learning rate or the number of steps was changed
        for group, highest in zip(self._groups, self._schedule.base_lrs, strict=True):
            group["lr"] = highest * self._rate(self._step)
        self._skipped = dict.fromkeys(state["data"]["skipped"])

    def run(self, on_step: OnStep | None) -> Trained:
        """Train to the last step."""
        if self._step == 0:
            self._prepare()
        begun, since = self._step, monotonic()
        losses: dict[str, float] = {}
        curves = self._curves()
        try:
            with Stop() as stop:
                if self._step < self._steps:
                    self._sheet()
                elif self._fabric.is_global_zero:
                    log.warning("finished at step %d already; --steps N lets it learn longer", self._step)
                for batch in self._batches():
                    losses = self._learn(batch)
                    rate = (self._step - begun) / max(1e-9, monotonic() - since)
                    self._record(curves, losses, rate)
                    if on_step is not None and self._fabric.is_global_zero:
                        on_step(TrainingProgress(self._step, self._steps, losses, rate, len(self._skipped)))
                    if self._fabric.broadcast(stop.is_requested):
                        self._save()
                        if self._fabric.is_global_zero:
                            log.warning("stopped at step %d; --resume goes on from there", self._step)
                        stop.deliver()
                        break
            if self._step > self._saved:
                self._save()
        finally:
            if curves is not None:
                curves.close()
        return Trained(self._run, self._step, monotonic() - since, losses, tuple(self._skipped))

    @property
    def _groups(self) -> list[dict[str, Any]]:
        """The optimiser's own groups: Fabric's wrapper has those from before a checkpoint was loaded."""
        return self._schedule.optimizer.param_groups

    @property
    def _averaged(self) -> Learner:
        return cast(Learner, self._average.module)

    def _batches(self) -> Iterator[TrainingBatch]:
        stream = self._data.batches(self._step)
        while self._step < self._steps:
            yield next(stream).to(self._fabric.device)

    def _learn(self, batch: TrainingBatch) -> dict[str, float]:
        """Do one step; returns the losses."""
        for file in batch.skipped:
            if file not in self._skipped:
                self._skipped[file] = None
                log.warning("skipped a picture or clip that cannot be read: %s", file)
        values: dict[str, Tensor] = self._model(TrainingStep(batch, self._step, self._frozen))
        # one synchronisation with the device instead of one for each loss
        losses = dict(zip(values, torch.stack(list(values.values())).detach().float().tolist(), strict=True))
        if not math.isfinite(losses["total"]):
            kept = (
                f"the checkpoint of step {self._saved:,} is kept" if self._saved else "nothing was saved yet"
            )
            raise TrainingError(
                f"the loss is {losses['total']} at step {self._step + 1:,}: it diverged; {kept}; try a lower "
                "learning_rate, or clip=1"
            )
        self._fabric.backward(values["total"])
        if self._options.clip:
            self._fabric.clip_gradients(
                self._model, self._optimizer, max_norm=self._options.clip, error_if_nonfinite=False
            )
        self._learning_rate = float(self._groups[0]["lr"])
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._schedule.step()
        self._average.update_parameters(self._objective.student)
        self._step += 1
        return losses

    def _rate(self, step: int) -> float:
        """Factor of the learning rate at ``step``: linear warm-up, then cosine decay."""
        warmup, low = self._options.warmup, self._options.final_rate
        if step < warmup:
            return (step + 1) / (warmup + 1)
        done = min(1.0, (step - warmup) / max(1, self._steps - warmup))
        return low + (1 - low) * (1 + math.cos(math.pi * done)) / 2

    def _record(self, curves: Curves | None, losses: Mapping[str, float], rate: float) -> None:
        options = self._options
        if curves is not None and (self._step % options.log_every == 0 or self._step == self._steps):
            extra = {"learning_rate": self._learning_rate, "steps_per_second": rate}
            curves.add(self._step, {**losses, **extra, "skipped": float(len(self._skipped))})
        if self._step % options.checkpoint_every == 0 or self._step == self._steps:
            self._save()
        if self._step % options.preview_every == 0 or self._step == self._steps:
            self._sheet()

    def _save(self) -> None:
        if self._fabric.is_global_zero:
            model = self._objective.state_dict()
            state = {
                "recipe": self._recipe.name,
                "options": self._options.plain(),
                "step": self._step,
                "architecture": checkpoints.architecture(model),
                "model": model,
                "average": self._average.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "schedule": self._schedule.state_dict(),
                "precision": self._fabric.strategy.precision.state_dict(),
                "random": random_state(),
                "data": {**self._data.summary(), "skipped": list(self._skipped), "batches": self._step},
                "weights": self._averaged.tensors(),
            }
            checkpoints.save(self._run, state, self._options.keep)
        self._fabric.barrier()
        self._saved = self._step

    def _sheet(self) -> None:
        if self._fabric.is_global_zero:
            path = self._run / "previews" / f"step-{self._step:08}.jpg"
            if self._sheets is None:
                self._sheets = self._new_sheets()
            try:
                self._sheets.save(path, self._averaged)
            except (OSError, OutputError) as error:
                log.warning("no sheet of step %d: %s", self._step, error)

    def _new_sheets(self) -> Sheets:
        contents, styles = (
            self._data.examples(salt, count, self._options.preview_size)
            for salt, count in zip((CONTENT, STYLE), _SHEET, strict=True)
        )
        if not contents or not styles:
            raise InputError(_UNREADABLE)
        return Sheets(contents, styles, self._frozen)

    def _curves(self) -> Curves | None:
        if not self._fabric.is_global_zero:
            return None
        columns = (*self._objective.losses, "total", "learning_rate", "steps_per_second", "skipped")
        text = json.dumps({"recipe": self._recipe.name, **self._options.plain()}, indent=2)
        try:
            (self._run / "settings.json").write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"cannot write into {self._run}: {error.strerror or error}") from error
        return Curves(self._run, columns, begun=self._step)

    def _prepare(self) -> None:
        """Prepare the student by some style pictures."""
        pictures = self._data.examples(STYLE, _EXAMPLES, _EXAMPLE_SIDE)
        if not pictures:
            raise InputError(_UNREADABLE)
        device = self._fabric.device
        styles = style_batch(self._frozen, tuple(picture.to(device) for picture in pictures))
        for student in (self._objective.student, self._averaged):
            student.prepare(styles)


def _state(run: Path, recipe: str, resume: bool) -> dict[str, Any] | None:
    """The checkpoint to resume from, or None; ``OutputError`` for a new run in another's folder."""
    if resume:
        state = checkpoints.newest(run)
        checkpoints.check_recipe(state, recipe, run)
        return state
    if saved := checkpoints.files_of(run):
        raise OutputError(
            f"{run} holds a run at step {saved[-1][0]:,}; --resume goes on with it, or give another --output"
        )
    return None


def _make_folder(run: Path) -> None:
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {run}: {error.strerror or error}") from error
