"""Trains the decoder of WCT in a single pass.

python -u training-state/wct_single_pass.py --out wct-single-pass.pt --minutes 60
python training-state/wct_single_pass.py --out wct-single-pass.pt --export wct-single-pass.safetensors
"""

from __future__ import annotations

import argparse
import copy
import logging
import math
import random
import signal
import sys
import time
from pathlib import Path

import cv2
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from small_vgg_networks import SmallVGG
from stylenet2_data import Pictures, recoloured, split
from stylenet2_losses import (
    content_distance,
    correlation_distance,
    feature_distance,
    grey,
    grid,
    luminance,
    pyramid,
    statistics,
    style_distance,
)
from stylenet2_teachers import RELU, Small19, wct
from torch import Tensor, nn
from wct_single_pass_networks import SinglePass

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
NAMES = ("pixel", "feature", "style", "grey", "content", "structure", "shift", "grid")
WEIGHTS = (0.7, 0.5, 1.5, 2.0, 0.3, 0.15, 3.0, 7.0)
ALPHAS = (0.7, 0.85, 0.85, 1.0)
SHIFT_FROM, SHIFT_FULLY = 0.15, 0.35  # shares of the schedule
log = logging.getLogger("wct_single_pass")


class Pool:
    """Contents, styles, WCT's paintings (uint8) and their alphas; the oldest make room for new ones."""

    def __init__(self, places: int, size: int) -> None:
        self.all = torch.empty((3, places, 3, size, size), dtype=torch.uint8)
        self.alpha = torch.empty(places)
        self.places, self.filled, self.next = places, 0, 0

    def add(self, triples: Tensor, alpha: float) -> None:
        count = triples.shape[1]
        if self.next + count > self.places:
            self.next = 0
        self.all[:, self.next : self.next + count] = (triples * 255).round().to(torch.uint8)
        self.alpha[self.next : self.next + count] = alpha
        self.next += count
        self.filled = max(self.filled, self.next)

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        chosen = torch.randint(self.filled, (count,))
        return self.all[:, chosen].float() / 255, self.alpha[chosen]


def main() -> None:
    words = _parser().parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    if words.export:
        state = torch.load(words.out, weights_only=True)
        average = {key.removeprefix("layers."): value for key, value in state["average"].items()}
        recipe = f"training-state/wct_single_pass.py, {state['step']} steps from small-vgg"
        tensors = {key: value.half().contiguous() for key, value in average.items()}
        save_file(tensors, words.export, {"recipe": recipe, "licence": "Apache-2.0"})
    else:
        _train(words)


def _train(words: argparse.Namespace) -> None:
    end = time.monotonic() + 60 * words.minutes
    judged = set((ROOT / "benchmarks" / "held_out.txt").read_text().splitlines())
    sides = [split(words.data / kind, judged)[0] for kind in ("content", "style")]
    contents, styles = (Pictures(paths, torch.device("cpu"), 1) for paths in sides)
    teacher = Small19(words.weights / "vgg19-16x-wct.safetensors", torch.float32)
    path = words.weights / "vgg19-16x-wct.safetensors"
    loss_network = Small19(path, torch.bfloat16, is_reflected=False)
    vgg = SmallVGG({key: value.float() for key, value in load_file(words.start).items()}).requires_grad_(
        False
    )
    model, step, state = SinglePass.of(vgg), 0, None
    if words.out.exists():
        state = torch.load(words.out, weights_only=True)
        model.load_state_dict(state["model"])
        step = state["step"]
    else:
        _learn_to_decode(model, vgg, contents, styles, words.first)
    trained = model.learn("decoder", "head")
    average = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.Adam(trained, lr=words.rate, betas=(0.9, 0.99))
    if state:
        average.load_state_dict({key: value.float() for key, value in state["average"].items()})
        if "optimizer" in state:  # the committed checkpoint has none
            optimizer.load_state_dict(state["optimizer"])
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopped.append(number))
    choice, pool = random.Random(step + 1), Pool(words.pool, words.size)
    torch.manual_seed(step + 1)
    first, saved, sums = step, time.monotonic(), torch.zeros(len(NAMES))
    while time.monotonic() < end and not stopped and step < words.total:
        for _ in range(6 if pool.filled < 48 else step % 8 == 0):
            pool.add(*_painted(teacher, contents, styles, 8, words.size, choice))
        share = step / words.total
        for group in optimizer.param_groups:
            cosine = 0.5 + 0.5 * math.cos(math.pi * share)
            group["lr"] = words.rate * max(0.02, cosine) * min(1, (step - first + 1) / 100)
        losses = _losses(model, loss_network, *pool.draw(words.batch), choice, share)
        optimizer.zero_grad(set_to_none=True)
        (losses @ torch.tensor(WEIGHTS)).backward()  # type: ignore[no-untyped-call]
        if torch.isfinite(nn.utils.clip_grad_norm_(trained, 5.0)):
            optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 0.003)
        sums += losses.detach()
        step += 1
        if step % 25 == 0:
            pairs = zip(NAMES, (sums / 25).tolist(), strict=True)
            log.info("step %d %s", step, " ".join(f"{name} {value:.4f}" for name, value in pairs))
            sums.zero_()
        if time.monotonic() - saved > 300:
            _save(words.out, model, average, optimizer, step)
            saved = time.monotonic()
    _save(words.out, model, average, optimizer, step)
    log.info("saved at step %d", step)


@torch.no_grad()
def _painted(
    teacher: Small19, contents: Pictures, styles: Pictures, count: int, size: int, choice: random.Random
) -> tuple[Tensor, float]:
    """(3, count, 3, size, size): contents, styles and WCT's paintings, and their alpha."""
    alpha = choice.choice(ALPHAS)
    content = recoloured(contents.crops(count, size, 0.6, choice), 0.5)
    style = recoloured(styles.crops(count, size, 0.6, choice), 1.0)
    painting = wct(teacher, content, style, alpha)
    is_same = ~torch.isfinite(painting).flatten(1).all(1) | (torch.rand(count) < 0.04)
    style[is_same], painting[is_same] = content[is_same], content[is_same]
    return torch.stack([content, style, painting]), alpha


def _losses(
    model: SinglePass, network: Small19, triples: Tensor, alpha: Tensor, choice: random.Random, share: float
) -> Tensor:
    """(8,) errors, as NAMES."""
    content, style, target = triples.flip(4) if choice.random() < 0.5 else triples
    style = triples[1]
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            own, aims = model.encode(content), model.style(style)
        picture, taken = model.paint(own, aims, alpha)
    picture = picture.float()
    with torch.no_grad():
        features = network(torch.cat([content, target, style]).bfloat16())
        theirs, aim, styled = (
            {key: value.float().chunk(3)[number] for key, value in features.items()} for number in range(3)
        )
        wanted, wanted_grey = statistics(styled), statistics(network(grey(style).bfloat16(), "31"))
    ours = network(picture.bfloat16())
    shift = picture.new_zeros(())
    if share > SHIFT_FROM:  # a picture that has moved is painted like before, moved
        half, side = max(1, len(content) // 2), content.shape[-1] - 8
        down, right = choice.randint(1, 7), choice.randint(1, 7)
        moved = content[:half, :, down : down + side, right : right + side]
        moved = (moved + torch.randn_like(moved) * choice.choice((0.0, 0.0, 1.5 / 255))).clamp(0, 1)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                again = model.encode(moved)
            known = [(mean[:half].detach(), spread[:half].detach()) for mean, spread in taken]
            styles = [(mean[:half], spread[:half]) for mean, spread in aims]
            repainted, _ = model.paint(again, styles, alpha[:half], known)
        gap = repainted.float() - picture[:half, :, down : down + side, right : right + side]
        shift = gap[..., 12:-12, 12:-12].abs().mean()
        shift = shift * min(1.0, (share - SHIFT_FROM) / (SHIFT_FULLY - SHIFT_FROM))
    return torch.stack(
        [
            pyramid(picture, target),
            feature_distance(ours, aim, ("21", "31", "41")),
            style_distance(statistics(ours), wanted, RELU),
            correlation_distance(
                statistics(network(grey(picture).bfloat16(), "31")), wanted_grey, ("11", "21", "31")
            ),
            content_distance(ours, theirs, ("41",)),
            _structure(picture, content),
            shift,
            grid(picture, 8) + 0.5 * grid(picture, 4) + 0.5 * grid(picture, 2),
        ]
    )


def _structure(painted: Tensor, content: Tensor) -> Tensor:
    """1 less the correlation of edges in squares of 24 px; much faster than that of stylenet2_losses."""
    ours, theirs = _edges(painted), _edges(content)
    one, two = (F.avg_pool2d(part, 24, 8) for part in (ours, theirs))
    both = F.avg_pool2d(ours * theirs, 24, 8) - one * two
    first = (F.avg_pool2d(ours.square(), 24, 8) - one.square()).clamp_min(0) + 1e-5
    second = (F.avg_pool2d(theirs.square(), 24, 8) - two.square()).clamp_min(0) + 1e-5
    return 1 - (both * (first * second).rsqrt() * second.sqrt()).sum() / second.sqrt().sum()


def _edges(image: Tensor) -> Tensor:
    value = F.avg_pool2d(luminance(image), 3, 1)
    across = value[..., :-2, 2:] - value[..., :-2, :-2]
    down = value[..., 2:, :-2] - value[..., :-2, :-2]
    return F.avg_pool2d((across.square() + down.square() + 1e-4).sqrt(), 3, 1)


def _learn_to_decode(
    model: SinglePass, vgg: SmallVGG, contents: Pictures, styles: Pictures, steps: int
) -> None:
    """First steps: the stem after conv2_1, and pictures back from their features at levels 4, 3 and 2."""
    trained = model.learn("stem", "decoder", "head")
    optimizer = torch.optim.Adam(trained, lr=2e-3)
    choice, weights = random.Random(0), torch.tensor([1.0, 1.0, 1.0, 20.0, 40.0, 60.0])
    for number in range(steps):
        for group in optimizer.param_groups:
            cosine = 0.5 + 0.5 * math.cos(math.pi * number / steps)
            group["lr"] = 2e-3 * min(1, (number + 1) / 50) * cosine
        image = recoloured((contents if number % 2 else styles).crops(8, 128, 0.5, choice), 0.5)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                wanted = vgg.scaled(vgg.encode(image))
            got, pictures = model.encode(image), []
            for level in (4, 3, 2):
                value = got[level].detach()
                for below in range(level, 1, -1):
                    value = model.decode(value, below)
                pictures.append(F.pixel_shuffle(value, 2).float())
        errors = [
            (got[level].float() - wanted[level - 1]).square().sum() / wanted[level - 1].float().square().sum()
            for level in (2, 3, 4)
        ]
        losses = torch.stack([*errors, *(F.mse_loss(picture, image) for picture in pictures)])
        optimizer.zero_grad(set_to_none=True)
        (losses @ weights).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, 5.0)
        optimizer.step()
        if number % 50 == 49:
            log.info("first step %d: %s", number + 1, [round(value, 4) for value in losses.tolist()])


def _save(path: Path, model: SinglePass, average: SinglePass, optimizer: torch.optim.Adam, step: int) -> None:
    """The checkpoint, replaced only once the new one is whole."""
    halved = {key: value.half() for key, value in average.state_dict().items()}
    state = {"step": step, "model": model.state_dict(), "average": halved}
    part = path.with_suffix(".part")
    torch.save({**state, "optimizer": optimizer.state_dict()}, part)
    part.replace(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="checkpoint; gone on with if it exists")
    parser.add_argument("--export", type=Path, help="write the weights here instead of training")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--total", type=int, default=5000, help="steps of the whole schedule")
    parser.add_argument("--first", type=int, default=800, help="steps that only decode")
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--batch", type=int, default=4, help="pictures")
    parser.add_argument("--size", type=int, default=192, help="px, a multiple of 8")
    parser.add_argument("--pool", type=int, default=768, help="paintings of the teacher that are kept")
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "small")
    parser.add_argument("--weights", type=Path, default=SHARED / "weights")
    parser.add_argument("--start", type=Path, default=ROOT / "training-state" / "small-vgg.safetensors")
    return parser


if __name__ == "__main__":
    main()
