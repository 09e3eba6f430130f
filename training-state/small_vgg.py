"""Trains the small VGG and its decoders, resumable at any step.

python training-state/small_vgg.py --out training-state/small-vgg.pt --minutes 60 --total 40000
python training-state/small_vgg.py --out training-state/small-vgg.pt --export small-vgg.safetensors
python training-state/small_vgg.py --out training-state/small-vgg.pt --judge sheet.jpg
"""

from __future__ import annotations

import argparse
import copy
import logging
import math
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from small_vgg_data import ROOT, Crops, Resident, Split, held_out_crops
from small_vgg_networks import LEVELS, SmallVGG, Teacher, rescale, revive, wct_picture, widen
from small_vgg_wct import judge, transformed_loss
from torch import Tensor, nn

log = logging.getLogger("small_vgg")

SHARED = ROOT.parent / "shared"
WARM = 200  # steps from a start or a resumption to the full rate
TRANSFORMED_FROM, TRANSFORMED_FULLY = 0.6, 0.65  # shares of the schedule


def main() -> None:
    """Trains for the minutes asked, exports what the checkpoint holds, or paints with it."""
    words = _parser().parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    split, device = Split.of(words.data), torch.device(words.device)
    if words.export:
        _export(words, split)
    elif words.judge:
        judge(words.out, words.judge, words.yardstick, Teacher(words.teacher).to(device), split)
    else:
        _train(words, split, device)


def _train(words: argparse.Namespace, split: Split, device: torch.device) -> None:
    end = time.monotonic() + 60 * words.minutes
    torch.backends.cudnn.benchmark = True
    teacher = Teacher(words.teacher, torch.bfloat16).to(device)
    state = torch.load(words.out, map_location="cpu", weights_only=True) if words.out.exists() else None
    model, step = (SmallVGG(state["model"]), state["step"]) if state else _started(words, split.training)
    model.to(device)
    average = copy.deepcopy(model).requires_grad_(False)
    trained = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=words.rate)
    if state:
        average.load_state_dict({key: value.float() for key, value in state["average"].items()})
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state["moments"]})
    judged, draw = held_out_crops(split.held_out).to(device), _source(words, split.training, step, device)
    size, count = sum(value.numel() for value in model.encoder.parameters()), len(split.training)
    log.info("encoder of %d numbers, %d pictures, %d held out", size, count, len(split.held_out))
    log.info("from step %d to %s: %s", step, "the end" if words.by_time else words.total, device)
    log.info("step %d  held out: %s", step, _figures(average, teacher, judged))

    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopped.append(number))
    # three levels' mean, so each counts thrice
    weights = torch.tensor([1.0, 3.0, 180.0, 3 * words.perceptual, 60.0, 0.0], device=device)
    begin = since = saved = time.monotonic()
    first, logged, sums, lost = step, step, torch.zeros(6, device=device), torch.zeros((), device=device)
    while time.monotonic() < end and not stopped and (words.by_time or step < words.total):
        share = (time.monotonic() - begin) / (end - begin) if words.by_time else step / words.total
        for group in optimizer.param_groups:
            cosine = 0.5 + 0.5 * math.cos(math.pi * min(1.0, share))
            group["lr"] = words.rate * max(cosine, 0.005) * min(1.0, (step - first + 1) / WARM)
        ramp = (share - TRANSFORMED_FROM) / (TRANSFORMED_FULLY - TRANSFORMED_FROM)
        factor = words.transformed * min(1.0, max(0.0, ramp))
        weights[5] = factor
        levels = [4, 3, 2] if words.all_levels else [4 - step % 3]
        losses = _losses(model, teacher, draw(step), levels, 4 - step % 3 if factor else 0)
        optimizer.zero_grad(set_to_none=True)
        (losses @ weights).backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(trained, 20.0)  # norms are mostly 4 to 10
        for value in trained:
            if value.grad is not None:  # all are NaN or 0 where the norm is not finite: a lost step
                value.grad.nan_to_num_(0.0, 0.0, 0.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 0.001)
            lost += (~torch.isfinite(norm)).float()
            sums += losses.detach().nan_to_num(0.0, 0.0, 0.0)
        step += 1
        if step % 100 == 0:
            _log(step, sums / (step - logged), int(lost), (time.monotonic() - since) / (step - logged))
            if int(lost) > 20:
                raise SystemExit(f"{int(lost)} of the last steps had no finite gradient")
            since, logged = time.monotonic(), step
            sums.zero_(), lost.zero_()
        if step % 1000 == 0:
            log.info("step %d  held out: %s", step, _figures(average, teacher, judged))
        if time.monotonic() - saved > words.save:
            _save(words.out, model, average, optimizer, step)
            saved = time.monotonic()
    _save(words.out, model, average, optimizer, step)
    log.info("saved at step %d: %s", step, _figures(average, teacher, judged))


@torch.no_grad()
def _started(words: argparse.Namespace, paths: list[Path]) -> tuple[SmallVGG, int]:
    """The model of ``--start``, weights or a checkpoint's average, and its steps; wider if asked."""
    if words.start.suffix == ".pt":
        state = torch.load(words.start, map_location="cpu", weights_only=True)
        step, tensors = state["step"], {key: value.float() for key, value in state["average"].items()}
    else:
        step, tensors = 0, {key: value.float() for key, value in load_file(words.start).items()}
    if not words.widen and not words.revive:
        return SmallVGG(tensors), step
    batches = [Crops(paths, 8, 8, 160)[number].to(words.device) for number in range(8)]
    started, lively = _activity(SmallVGG(tensors).to(words.device), batches)
    if words.revive:
        log.info("%s channels never are alive by level and start anew", [len(part) for part in started])
        tensors = revive(tensors, started, lively)
    else:
        started = [part[:0] for part in started]
    old = [len(tensors[f"scale.{level}"]) for level in LEVELS]
    model = SmallVGG(widen(tensors, words.widen or old, lively)).to(words.device)
    for level, scale, few, part in zip(LEVELS, _deviations(model, batches), old, started, strict=True):
        fresh = torch.cat([part, torch.arange(few, len(scale))]).to(words.device)
        model.scale[level][fresh] = scale[fresh]
    return model, step


def _activity(model: SmallVGG, batches: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """By level: channels that neither the encoder nor a decoder makes alive; those the encoder often does."""
    alive = [torch.zeros_like(model.scale[level]) for level in LEVELS]
    often = [torch.zeros_like(part) for part in alive]
    for batch in batches:
        scaled = model.scaled(model.encode(batch))
        for start in (4, 3, 2, 1):
            value = scaled[start - 1]
            often[start - 1] += (value > 0).float().mean((0, 2, 3)) / len(batches)
            for level in range(start, 0, -1):
                alive[level - 1] += (value > 0).float().mean((0, 2, 3))
                value = model.decode(value, level)
    dead = [(part < 1e-4 * len(batches)).nonzero().flatten().cpu() for part in alive]
    return dead, [(part > 0.1).nonzero().flatten().cpu() for part in often]


def _source(
    words: argparse.Namespace, paths: list[Path], step: int, device: torch.device
) -> Callable[[int], Tensor]:
    """What gives the batch of a step, on the device."""
    if words.resident:
        return Resident(paths, words.batch, words.crop, device)
    total = 10_000_000 if words.by_time else words.total
    batches = Crops(paths, total, words.batch, words.crop).batches(step, words.workers)
    return lambda _: next(batches).to(device).contiguous(memory_format=torch.channels_last)


def _log(step: int, losses: Tensor, lost: int, seconds: float) -> None:
    names = "distillation %.4f  block %.4f  squared %.5f  perceptual %.4f  first %.5f  transformed %.4f"
    text = names % tuple(losses.tolist())
    log.info("step %d  %s  %.0f ms a step%s", step, text, 1000 * seconds, f"  {lost} lost" if lost else "")


def _losses(model: SmallVGG, teacher: Teacher, image: Tensor, levels: list[int], transformed: int) -> Tensor:
    """(6,) errors: distillation; block, picture, perceptual, means of ``levels``; the first level's picture;
    paintings from features of level ``transformed`` that were whitened and coloured (0: none).
    """
    half = max(1, len(image) // 2)
    with torch.no_grad():
        wanted = teacher.features(image)
    with torch.autocast(image.device.type, torch.bfloat16):
        features = model.encode(image)
        guesses = {key: F.relu(model.head[key](features[key])) for key in LEVELS}
        scaled = model.scaled(features)
        lowest = model.picture(scaled[0], 1)
        pictures = [model.picture(scaled[level - 1], level) for level in levels]
        blocks = [model.decode(scaled[level - 1].detach(), level) for level in levels]
    painted = teacher.features(torch.cat([picture[:half] for picture in pictures]), last="conv3_1")
    perceptual = [
        _relative(part, wanted[key][:half]) for key in LEVELS[1:3] for part in painted[key].chunk(len(levels))
    ]
    distilled = torch.stack([_relative(guesses[key], wanted[key]) for key in LEVELS]).sum()
    pairs = zip(blocks, levels, strict=True)
    errors = [_relative(block, scaled[level - 2].detach()) for block, level in pairs]
    squared = [F.mse_loss(picture.float(), image) for picture in pictures]
    first, last = F.mse_loss(lowest.float(), image), image.new_zeros(())
    if transformed:
        last = transformed_loss(model, teacher, scaled[transformed - 1], wanted, transformed)
    means = [torch.stack(part).sum() / len(levels) for part in (errors, squared, perceptual)]
    return torch.stack([distilled, *means, first, last])


def _relative(value: Tensor, wanted: Tensor) -> Tensor:
    wanted = wanted.float()
    return (value.float() - wanted).square().sum() / wanted.square().sum().clamp_min(1e-6)


@torch.no_grad()
def _deviations(model: SmallVGG, batches: list[Tensor]) -> list[Tensor]:
    """Deviations of every channel by level, none smaller than 0.3 of their mean."""
    features = [model.encode(batch) for batch in batches]
    joined = [torch.cat([part[level].transpose(0, 1).flatten(1) for part in features], 1) for level in LEVELS]
    found = [part.std(1) for part in joined]
    return [part.clamp_min(0.3 * part.mean().item()) for part in found]


@torch.no_grad()
def _figures(model: SmallVGG, teacher: Teacher, images: Tensor) -> str:
    """Distillation error and mean PSNR by level over ``images`` (B, 3, H, W), in words."""
    features, wanted = model.encode(images), teacher.features(images)
    errors = [_relative(F.relu(model.head[level](features[level])), wanted[level]).item() for level in LEVELS]
    scaled = model.scaled(features)
    pictures = [model.picture(scaled[level - 1], level) for level in (1, 2, 3, 4)]
    each = " ".join(f"{error:.3f}" for error in errors)
    return f"distillation {sum(errors):.3f} ({each}), {_psnr(pictures, images)}"


def _psnr(pictures: list[Tensor], images: Tensor) -> str:
    squared = [(picture.clamp(0, 1) - images).square().mean((1, 2, 3)) for picture in pictures]
    return "PSNR " + " ".join(f"{-10 * value.log10().mean().item():.2f}" for value in squared) + " dB"


def _export(words: argparse.Namespace, split: Split) -> None:
    """Writes the averaged weights in fp16, with scales measured anew, and prints figures beside others'."""
    state = torch.load(words.out, map_location="cpu", weights_only=True)
    model = SmallVGG({key: value.float() for key, value in state["average"].items()})
    crops = Crops(split.training, 32, 4, 160)
    for number, scale in enumerate(_deviations(model, [crops[step] for step in range(32)]), 1):
        rescale(model, number, scale)
    tensors = {key: value.half().contiguous() for key, value in model.state_dict().items()}
    recipe = f"training-state/small_vgg.py, {state['step']} steps from small-vgg-trial"
    save_file(tensors, words.export, {"recipe": recipe, "licence": "Apache-2.0"})
    judged, teacher = held_out_crops(split.held_out), Teacher(words.teacher)
    log.info("%s, step %d: %s", words.export, state["step"], _figures(SmallVGG(tensors), teacher, judged))
    if words.start.suffix != ".pt":
        log.info("%s: %s", words.start.name, _figures(SmallVGG(load_file(words.start)), teacher, judged))
    wct = {key: value.float() for key, value in load_file(words.yardstick).items()}
    pictures = [wct_picture(wct, judged, level) for level in (1, 2, 3, 4)]
    log.info("%s: %s", words.yardstick.name, _psnr(pictures, judged))


def _save(path: Path, model: SmallVGG, average: SmallVGG, optimizer: torch.optim.Adam, step: int) -> None:
    """The checkpoint, replaced only once the new one is whole; crops follow from the step alone."""
    moments = {
        number: {key: part.bfloat16() if part.dim() else part for key, part in state.items()}
        for number, state in optimizer.state_dict()["state"].items()
    }
    halved = {key: value.half() for key, value in average.state_dict().items()}
    part = path.with_suffix(".part")
    torch.save({"step": step, "model": model.state_dict(), "average": halved, "moments": moments}, part)
    part.replace(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="checkpoint; gone on with if it exists")
    parser.add_argument("--export", type=Path, help="write the weights here instead of training")
    parser.add_argument("--judge", type=Path, help="paint held-out pictures onto such sheets (.jpg) instead")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--by-time", action="store_true", help="the schedule ends with the minutes")
    parser.add_argument("--total", type=int, default=40_000, help="steps of the whole schedule")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--perceptual", type=float, default=0.1, help="weight of the perceptual term")
    parser.add_argument("--transformed", type=float, default=0.0, help="weight of their paintings' error")
    parser.add_argument("--batch", type=int, default=4, help="pictures")
    parser.add_argument("--crop", type=int, default=160, help="px, a multiple of 8")
    parser.add_argument("--all-levels", action="store_true", help="levels 4 to 2 at every step, not in turn")
    parser.add_argument("--widen", type=int, nargs=4, help="channels of levels 1 to 4 of a new start")
    parser.add_argument("--revive", action="store_true", help="dead channels of a new start begin anew")
    parser.add_argument("--save", type=float, default=300.0, help="seconds between checkpoints")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=0, help="processes that read pictures")
    parser.add_argument("--resident", action="store_true", help="all pictures (small) in the device's memory")
    parser.add_argument("--data", type=Path, default=SHARED / "data")
    parser.add_argument("--start", type=Path, default=SHARED / "weights" / "small-vgg-trial.safetensors")
    parser.add_argument("--teacher", type=Path, default=SHARED / "weights" / "vgg16-edges.safetensors")
    parser.add_argument("--yardstick", type=Path, default=SHARED / "weights" / "vgg19-16x-wct.safetensors")
    return parser


if __name__ == "__main__":
    main()
