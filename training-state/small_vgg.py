"""Trains the small VGG and its decoders, resumable at any step.

python training-state/small_vgg.py --out training-state/small-vgg.pt --minutes 60 --total 40000
python training-state/small_vgg.py --out training-state/small-vgg.pt --export small-vgg.safetensors
"""

from __future__ import annotations

import argparse
import copy
import logging
import math
import signal
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from small_vgg_networks import LEVELS, SmallVGG, Teacher, rescale, wct_picture
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

log = logging.getLogger("small_vgg")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
CROP, BATCH = 160, 4  # px, pictures
WARM = 200  # steps from a start or a resumption to the full rate


class Crops(Dataset[Tensor]):
    """Batches (B, 3, 160, 160) RGB in [0, 1]; batch n is the same whenever it is asked for."""

    def __init__(self, paths: list[Path], total: int) -> None:
        self.paths, self.total = paths, total

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, step: int) -> Tensor:
        random = np.random.default_rng(step)
        chosen = [self.paths[index] for index in random.integers(len(self.paths), size=BATCH)]
        return torch.stack([_random_crop(_read(path), random) for path in chosen])


def main() -> None:
    """Trains for the minutes asked, or exports what the checkpoint holds."""
    words = _parser().parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    paths = sorted(path for kind in ("content", "style") for path in (words.data / kind).iterdir())
    # benchmarks judge by these
    judged = set((ROOT / "scripts" / "held_out.txt").read_text().splitlines())
    held_out = [path for path in paths if zlib.crc32(path.name.encode()) % 20 == 0]
    training = [path for path in paths if path not in held_out and path.name not in judged]
    if words.export:
        _export(words, training, held_out)
    else:
        _train(words, training, held_out)


def _train(words: argparse.Namespace, paths: list[Path], held_out: list[Path]) -> None:
    end, device = time.monotonic() + 60 * words.minutes, torch.device(words.device)
    model = SmallVGG(load_file(words.start)).to(device)
    teacher = Teacher(words.teacher, torch.bfloat16).to(device)
    average, step = copy.deepcopy(model), 0
    trained = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=words.rate)
    if words.out.exists():
        state = torch.load(words.out, map_location=device, weights_only=True)
        step = state["step"]
        model.load_state_dict(state["model"])
        average.load_state_dict({key: value.float() for key, value in state["average"].items()})
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state["moments"]})
    log.info("%d pictures, %d held out; from step %d to %d", len(paths), len(held_out), step, words.total)

    # three levels take turns, so each counts thrice
    weights = torch.tensor([1.0, 3.0, 180.0, 3 * words.perceptual, 60.0], device=device)
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopped.append(number))
    judged = _held_out_crops(held_out).to(device)
    first, saved, since, sums = step, time.monotonic(), time.monotonic(), torch.zeros(5)
    batches = _batches(paths, step, words)
    while step < words.total and time.monotonic() < end and not stopped:
        image = next(batches).to(device).contiguous(memory_format=torch.channels_last)
        for group in optimizer.param_groups:
            cosine = 0.5 + 0.5 * math.cos(math.pi * step / words.total)
            group["lr"] = words.rate * max(cosine, 0.005) * min(1.0, (step - first + 1) / WARM)
        loss = (losses := _losses(model, teacher, image, step)) @ weights
        if not torch.isfinite(loss):
            raise SystemExit(f"the loss is {loss.item()} at step {step}; the last checkpoint is whole")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, 20.0)  # norms are mostly 4 to 10
        optimizer.step()
        with torch.no_grad():
            for old, new in zip(average.parameters(), model.parameters(), strict=True):
                old.lerp_(new, 0.001)
        step += 1
        sums += losses.detach().cpu()
        if step % 100 == 0:
            now, count = time.monotonic(), min(100, step - first)
            text = "distillation %.4f  block %.4f  squared %.5f  perceptual %.4f  first %.5f  %.0f ms a step"
            log.info(f"step %d  {text}", step, *(sums / count).tolist(), (now - since) * 1000 / count)
            since, sums = now, torch.zeros(5)
        if step % 1000 == 0:
            log.info("step %d  held out: %s", step, _figures(average, teacher, judged))
        if time.monotonic() - saved > 300:
            _save(words.out, model, average, optimizer, step)
            saved = time.monotonic()
    _save(words.out, model, average, optimizer, step)
    log.info("saved at step %d: %s", step, _figures(average, teacher, judged))


def _losses(model: SmallVGG, teacher: Teacher, image: Tensor, step: int) -> Tensor:
    """(5,) distillation; block, picture, perceptual error of the level in turn; the first level's picture."""
    level = 4 - step % 3  # levels 4 to 2 in turn: every one at every step would cost twice as much
    with torch.no_grad():
        wanted = teacher.features(image)
    with torch.autocast(image.device.type, torch.bfloat16):
        features = model.encode(image)
        guesses = {key: F.relu(model.head[key](features[key])) for key in LEVELS}
        scaled = model.scaled(features)
        lowest, picture = model.picture(scaled[0], 1), model.picture(scaled[level - 1], level)
        block = model.decode(scaled[level - 1].detach(), level)
    painted = teacher.features(picture[: BATCH // 2], last="conv3_1")
    perceptual = [_relative(painted[key], wanted[key][: BATCH // 2]) for key in LEVELS[1:3]]
    distilled = torch.stack([_relative(guesses[key], wanted[key]) for key in LEVELS]).sum()
    error = _relative(block, scaled[level - 2].detach())
    squared, first = F.mse_loss(picture.float(), image), F.mse_loss(lowest.float(), image)
    return torch.stack([distilled, error, squared, torch.stack(perceptual).sum(), first])


def _relative(value: Tensor, wanted: Tensor) -> Tensor:
    wanted = wanted.float()
    return (value.float() - wanted).square().sum() / wanted.square().sum().clamp_min(1e-6)


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


def _export(words: argparse.Namespace, training: list[Path], held_out: list[Path]) -> None:
    """Writes the averaged weights in fp16, with scales measured anew, and prints figures beside others'."""
    state = torch.load(words.out, map_location="cpu", weights_only=True)
    model = SmallVGG({key: value.float() for key, value in state["average"].items()})
    with torch.no_grad():
        crops = torch.cat([Crops(training, 32)[step] for step in range(32)])
        features = [model.encode(part) for part in torch.chunk(crops, 16)]
        for number, level in enumerate(LEVELS, 1):
            joined = torch.cat([part[level].transpose(0, 1).flatten(1) for part in features], 1)
            deviation = joined.std(1)
            rescale(model, number, deviation.clamp_min(0.3 * deviation.mean().item()))
    tensors = {key: value.half().contiguous() for key, value in model.state_dict().items()}
    recipe = f"training-state/small_vgg.py, {state['step']} steps from small-vgg-trial"
    save_file(tensors, words.export, {"recipe": recipe, "licence": "Apache-2.0"})
    judged, teacher = _held_out_crops(held_out), Teacher(words.teacher)
    log.info("%s, step %d: %s", words.export, state["step"], _figures(SmallVGG(tensors), teacher, judged))
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


def _batches(paths: list[Path], step: int, words: argparse.Namespace) -> Iterator[Tensor]:
    crops, steps = Crops(paths, words.total), range(step, words.total)
    return iter(DataLoader(crops, sampler=steps, batch_size=None, num_workers=words.workers))


def _held_out_crops(paths: list[Path]) -> Tensor:
    """(32, 3, 128, 128): the middles of 32 pictures whose shorter side is 256 px."""
    chosen = sorted(paths, key=lambda path: zlib.crc32(path.name.encode()))[:32]
    return torch.stack([_crop(_read(path), 256, 128, 0.5, 0.5) for path in chosen])


def _random_crop(pixels: np.ndarray, random: np.random.Generator) -> Tensor:
    shorter = random.uniform(176, max(177, min(400, *pixels.shape[:2])))
    crop = _crop(pixels, shorter, CROP, random.random(), random.random())
    return crop.flip(2) if random.random() < 0.5 else crop


def _crop(pixels: np.ndarray, shorter: float, size: int, down: float, across: float) -> Tensor:
    """(3, size, size) of ``pixels`` as if resized to a ``shorter`` side; at these shares of the rest."""
    side = min(round(size * min(pixels.shape[:2]) / shorter), *pixels.shape[:2])
    top, left = int(down * (pixels.shape[0] - side)), int(across * (pixels.shape[1] - side))
    kind = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    crop = cv2.resize(pixels[top : top + side, left : left + side], (size, size), interpolation=kind)
    return torch.from_numpy(crop).permute(2, 0, 1).float() / 255


def _read(path: Path) -> np.ndarray:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise SystemExit(f"{path} is no picture that OpenCV reads")
    return pixels


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="checkpoint; gone on with if it exists")
    parser.add_argument("--export", type=Path, help="write the weights here instead of training")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--total", type=int, default=40_000, help="steps of the whole schedule")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--perceptual", type=float, default=0.1, help="weight of the perceptual term")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=0, help="processes that read pictures")
    parser.add_argument("--data", type=Path, default=SHARED / "data")
    parser.add_argument("--start", type=Path, default=SHARED / "weights" / "small-vgg-trial.safetensors")
    parser.add_argument("--teacher", type=Path, default=SHARED / "weights" / "vgg16-edges.safetensors")
    parser.add_argument("--yardstick", type=Path, default=SHARED / "weights" / "vgg19-16x-wct.safetensors")
    return parser


if __name__ == "__main__":
    main()
