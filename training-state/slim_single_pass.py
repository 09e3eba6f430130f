"""Distils WCT in a single pass into a narrower network.

python -u training-state/slim_single_pass.py --out slim-single-pass.pt --minutes 60
python training-state/slim_single_pass.py --out slim-single-pass.pt --export slim-single-pass.safetensors
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
from stylenet2_data import Pictures, recoloured, split
from stylenet2_losses import (
    content_distance,
    correlation_distance,
    feature_distance,
    grey,
    grid,
    pyramid,
    ripple,
    statistics,
    style_distance,
)
from stylenet2_teachers import RELU, Small19
from torch import Tensor, nn
from wct_single_pass import ALPHAS, _structure
from wct_single_pass_networks import SinglePass

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
NAMES = (
    "pixel",
    "feature",
    "encoder",
    "level",
    "style",
    "grey",
    "content",
    "structure",
    "shift",
    "grid",
    "ripple",
)
WEIGHTS = (1.0, 0.7, 1.0, 0.15, 1.5, 2.5, 0.2, 0.15, 3.0, 8.0, 4.0)
SHIFT_FROM, SHIFT_FULLY = 0.15, 0.35  # shares of the schedule
# channels that are the same: those of a level, and those of its decoded features
SAME = {
    "stem1": ("decoder3_0", "decoder3_2"),
    "conv3_1": ("decoder4_0", "decoder4_2"),
}
INPUT_OF = {
    "stem1": "stem0",
    "conv2_2": "stem1",
    "conv3_1": "conv2_2",
    "conv3_2": "conv3_1",
    "conv3_3": "conv3_2",
    "conv4_1": "conv3_3",
    "decoder4_0": "conv4_1",
    "decoder4_1": "conv3_1",
    "decoder4_2": "decoder4_1",
    "decoder3_0": "conv3_1",
    "decoder3_1": "stem1",
    "decoder3_2": "decoder3_1",
    "head0": "stem1",
    "head1": "head0",
}
log = logging.getLogger("slim_single_pass")


def widths(two: int, three: int, four: int) -> dict[str, int]:
    """The number of channels of each layer's result that has its own."""
    narrow = dict.fromkeys(("stem0", "stem1", "conv2_2", "decoder3_1", "head0"), two)
    middle = dict.fromkeys(("conv3_1", "conv3_2", "conv3_3", "decoder4_1"), three)
    return {**narrow, **middle, "conv4_1": four}


def pruned(teacher: SinglePass, kept: dict[str, int], image: Tensor) -> SinglePass:
    """``teacher`` with the channels of which the layers that follow take most, on ``image``."""
    loudness: dict[str, Tensor] = {}
    hooks = [
        layer.register_forward_hook(
            lambda _, __, got, name=name: loudness.__setitem__(name, got.relu().std((0, 2, 3)))
        )
        for name, layer in teacher.layers.items()
    ]
    with torch.no_grad():
        features = teacher.encode(image)
        teacher.paint(features, teacher.style(image.flip(0)), torch.full((len(image),), 0.85))
    for hook in hooks:
        hook.remove()
    chosen: dict[str, Tensor] = {}
    for name, count in kept.items():
        weight = torch.stack(
            [
                teacher.layers[user].weight.abs().sum((0, 2, 3))
                for user, source in INPUT_OF.items()
                if source == name
            ]
        ).sum(0)
        places = (weight * loudness[name]).topk(min(count, len(weight))).indices.sort().values
        chosen[name] = places
        for twin in SAME.get(name, ()):
            chosen[twin] = places
    layers: dict[str, nn.Module] = {}
    for name, layer in teacher.layers.items():
        kernel, bias = layer.weight.detach(), layer.bias.detach()
        if name in chosen:
            kernel, bias = kernel[chosen[name]], bias[chosen[name]]
        if name in INPUT_OF:
            places = chosen[INPUT_OF[name]]
            share = kernel.abs().sum() / kernel[:, places].abs().sum()
            kernel = kernel[:, places] * share.sqrt()
        layers[name] = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3)
        with torch.no_grad():
            layers[name].weight.copy_(kernel)
            layers[name].bias.copy_(bias)
    return SinglePass(layers)


class Heads(nn.Module):
    """1x1 convolutions from the student's features of levels 4, 3 and 2 to the teacher's."""

    def __init__(self, student: SinglePass, teacher: SinglePass) -> None:
        super().__init__()
        names = {"2": "stem1", "3": "conv3_1", "4": "conv4_1"}
        self.levels = nn.ModuleDict(
            {
                level: nn.Conv2d(student.layers[name].out_channels, teacher.layers[name].out_channels, 1)
                for level, name in names.items()
            }
        )

    def error(self, level: int, found: Tensor, wanted: Tensor) -> Tensor:
        """Squared error over the square of ``wanted`` less its mean."""
        got = self.levels[str(level)](found).float()
        wanted = wanted.float()
        spread = (wanted - wanted.mean((2, 3), keepdim=True)).square().sum()
        return (got - wanted).square().sum() / spread


def main() -> None:
    words = _parser().parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    if words.export:
        state = torch.load(words.out, weights_only=True)
        average = {key.removeprefix("layers."): value for key, value in state["average"].items()}
        recipe = f"training-state/slim_single_pass.py, {state['step']} steps after wct-single-pass"
        tensors = {key: value.half().contiguous() for key, value in average.items()}
        facts = {"engine": "wct-slim", "recipe": recipe, "licence": "Apache-2.0"}
        save_file(tensors, words.export, facts)
    else:
        _train(words)


def _of(tensors: dict[str, Tensor]) -> SinglePass:
    layers: dict[str, nn.Module] = {}
    for key, kernel in tensors.items():
        name, part = key.rsplit(".", 1)
        if part == "weight":
            layers[name] = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3)
            layers[name].load_state_dict({"weight": kernel.float(), "bias": tensors[f"{name}.bias"].float()})
    return SinglePass(layers)


def _average(path: Path) -> SinglePass:
    """The running mean of the weights in a checkpoint."""
    state = torch.load(path, weights_only=True)
    return _of({key.removeprefix("layers."): value for key, value in state["average"].items()})


def _train(words: argparse.Namespace) -> None:
    end = time.monotonic() + 60 * words.minutes
    judged = set((ROOT / "benchmarks" / "held_out.txt").read_text().splitlines())
    sides = [split(words.data / kind, judged)[0] for kind in ("content", "style")]
    contents, styles = (Pictures(paths, torch.device("cpu"), 1) for paths in sides)
    teacher = _of(load_file(words.teacher)).requires_grad_(False)
    network = Small19(words.weights / "vgg19-16x-wct.safetensors", torch.bfloat16, is_reflected=False)
    state = torch.load(words.out, weights_only=True) if words.out.exists() else None
    if state:
        student = _of({key.removeprefix("layers."): value for key, value in state["model"].items()})
    else:
        wider = _average(words.start) if words.start else teacher
        student = pruned(wider, widths(*words.widths), contents.crops(8, 128, 0.5, random.Random(0)))
    heads, step = Heads(student, teacher), state["step"] if state else 0
    if state:
        heads.load_state_dict(state["heads"])
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopped.append(number))
    if step < words.first:
        step = _learn_features(student, heads, teacher, contents, styles, words.first)
        _save(words.out, student, copy.deepcopy(student), heads, None, step)
        state = None
    trained = [*student.parameters(), *heads.parameters()]
    average = copy.deepcopy(student).requires_grad_(False)
    optimizer = torch.optim.Adam(trained, lr=words.rate, betas=(0.9, 0.99))
    if state:
        average.load_state_dict({key: value.float() for key, value in state["average"].items()})
        if state.get("optimizer"):
            optimizer.load_state_dict(state["optimizer"])
    choice = random.Random(step + 1)
    torch.manual_seed(step + 1)
    first, saved, sums, began = step, time.monotonic(), torch.zeros(len(NAMES)), time.monotonic()
    while time.monotonic() < end and not stopped and step < words.total:
        share = (step - words.first) / (words.total - words.first)
        for group in optimizer.param_groups:
            cosine = 0.5 + 0.5 * math.cos(math.pi * share)
            group["lr"] = words.rate * max(0.02, cosine) * min(1, (step - first + 1) / 50)
        losses = _losses(student, heads, teacher, network, (contents, styles), words, choice, share)
        optimizer.zero_grad(set_to_none=True)
        (losses @ torch.tensor(WEIGHTS)).backward()  # type: ignore[no-untyped-call]
        if torch.isfinite(nn.utils.clip_grad_norm_(trained, 5.0)):
            optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(list(average.parameters()), list(student.parameters()), 0.004)
        sums += losses.detach()
        step += 1
        if step % 25 == 0:
            pairs = zip(NAMES, (sums / 25).tolist(), strict=True)
            seconds = (time.monotonic() - began) / 25
            text = " ".join(f"{name} {value:.4f}" for name, value in pairs)
            log.info("step %d %s; %.2f s", step, text, seconds)
            sums.zero_()
            began = time.monotonic()
        if time.monotonic() - saved > 300:
            _save(words.out, student, average, heads, optimizer, step)
            saved = time.monotonic()
    _save(words.out, student, average, heads, optimizer, step)
    log.info("saved at step %d", step)


def _losses(
    student: SinglePass,
    heads: Heads,
    teacher: SinglePass,
    network: Small19,
    pictures: tuple[Pictures, Pictures],
    words: argparse.Namespace,
    choice: random.Random,
    share: float,
) -> Tensor:
    """(11,) errors, as NAMES."""
    count, size = words.batch, words.size
    content = recoloured(pictures[0].crops(count, size, 0.6, choice), 0.5)
    style = recoloured(pictures[1].crops(count, size, 0.6, choice), 1.0)
    alpha = torch.tensor([choice.choice(ALPHAS) for _ in range(count)])
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            wanted_at = teacher.encode(content)
            target, theirs_at = _painted(teacher, wanted_at, style, alpha)
            aims = student.style(style)
        # the encoder learns from the teacher's features only: paintings would teach it to ignore contents
        found_at = student.encode(content)
        encoder = sum(heads.error(key, found_at[key], wanted_at[key]) for key in (2, 3, 4))
        own = {key: value.detach() for key, value in found_at.items()}
        decoded: dict[int, Tensor] = {}
        picture, taken = student.paint(own, aims, alpha, decoded=decoded)
        level = sum(heads.error(key, decoded[key], theirs_at[key]) for key in (3, 2))
    picture, target = picture.float(), target.float()
    with torch.no_grad():
        features = network(torch.cat([content, target, style]).bfloat16())
        theirs, aim, styled = (
            {key: value.float().chunk(3)[number] for key, value in features.items()} for number in range(3)
        )
        wanted, wanted_grey = statistics(styled), statistics(network(grey(style).bfloat16(), "31"))
    ours = network(picture.bfloat16())
    shift = picture.new_zeros(())
    if share > SHIFT_FROM:  # a picture that has moved is painted like before, moved
        half, side = max(1, count // 2), size - 8
        down, right = choice.randint(1, 7), choice.randint(1, 7)
        moved = content[:half, :, down : down + side, right : right + side]
        moved = (moved + torch.randn_like(moved) * choice.choice((0.0, 0.0, 1.5 / 255))).clamp(0, 1)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                again = student.encode(moved)
            known = [(mean[:half].detach(), spread[:half].detach()) for mean, spread in taken]
            styles = [(mean[:half], spread[:half]) for mean, spread in aims]
            repainted, _ = student.paint(again, styles, alpha[:half], known)
        gap = repainted.float() - picture[:half, :, down : down + side, right : right + side]
        shift = gap[..., 12:-12, 12:-12].abs().mean()
        shift = shift * min(1.0, (share - SHIFT_FROM) / (SHIFT_FULLY - SHIFT_FROM))
    return torch.stack(
        [
            pyramid(picture, target),
            feature_distance(ours, aim, ("11", "21", "31", "41")),
            encoder,
            level,
            style_distance(statistics(ours), wanted, RELU),
            correlation_distance(
                statistics(network(grey(picture).bfloat16(), "31")), wanted_grey, ("11", "21", "31")
            ),
            content_distance(ours, theirs, ("41",)),
            _structure(picture, content),
            shift,
            grid(picture, 8) + 0.5 * grid(picture, 4) + 0.5 * grid(picture, 2),
            ripple(picture, style),
        ]
    )


def _painted(
    network: SinglePass, features: dict[int, Tensor], style: Tensor, alpha: Tensor
) -> tuple[Tensor, dict[int, Tensor]]:
    decoded: dict[int, Tensor] = {}
    picture, _ = network.paint(features, network.style(style), alpha, decoded=decoded)
    return picture.clamp(0, 1), decoded


def _learn_features(
    student: SinglePass, heads: Heads, teacher: SinglePass, contents: Pictures, styles: Pictures, steps: int
) -> int:
    """First steps, all layers: the teacher's features, and pictures back from those of levels 4, 3 and 2."""
    trained = [*student.parameters(), *heads.parameters()]
    optimizer = torch.optim.Adam(trained, lr=2e-3)
    choice, weights = random.Random(0), torch.tensor([1.0, 1.0, 1.0, 20.0, 40.0, 60.0])
    for number in range(steps):
        for group in optimizer.param_groups:
            cosine = 0.5 + 0.5 * math.cos(math.pi * number / steps)
            group["lr"] = 2e-3 * min(1, (number + 1) / 50) * max(0.02, cosine)
        image = recoloured((contents if number % 2 else styles).crops(8, 128, 0.5, choice), 0.5)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                wanted = teacher.encode(image)
            got, pictures = student.encode(image), []
            for level in (4, 3, 2):
                value = got[level]
                for below in range(level, 1, -1):
                    value = student.decode(value, below)
                pictures.append(F.pixel_shuffle(value, 2).float())
            errors = [heads.error(level, got[level], wanted[level]) for level in (2, 3, 4)]
        losses = torch.stack([*errors, *(F.mse_loss(picture, image) for picture in pictures)])
        optimizer.zero_grad(set_to_none=True)
        (losses @ weights).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, 5.0)
        optimizer.step()
        if number % 50 == 49:
            log.info("first step %d: %s", number + 1, [round(value, 4) for value in losses.tolist()])
    return steps


def _save(
    path: Path,
    model: SinglePass,
    average: SinglePass,
    heads: Heads,
    optimizer: torch.optim.Adam | None,
    step: int,
) -> None:
    """The checkpoint, replaced only once the new one is whole."""
    halved = {key: value.half() for key, value in average.state_dict().items()}
    state = {"step": step, "model": model.state_dict(), "average": halved, "heads": heads.state_dict()}
    part = path.with_suffix(".part")
    torch.save({**state, "optimizer": optimizer.state_dict() if optimizer else None}, part)
    part.replace(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="checkpoint; gone on with if it exists")
    parser.add_argument("--export", type=Path, help="write the weights here instead of training")
    parser.add_argument("--start", type=Path, help="checkpoint of a wider network to begin from")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--total", type=int, default=6000, help="steps of the whole schedule")
    parser.add_argument("--first", type=int, default=1200, help="steps that learn features")
    parser.add_argument("--widths", type=int, nargs=3, default=(32, 64, 128), help="of levels 2, 3 and 4")
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--batch", type=int, default=4, help="pictures")
    parser.add_argument("--size", type=int, default=192, help="px, a multiple of 8")
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "small")
    parser.add_argument("--weights", type=Path, default=SHARED / "weights")
    bundled = ROOT / "vidstyle" / "assets" / "wct-single-pass.safetensors"
    parser.add_argument("--teacher", type=Path, default=bundled)
    return parser


if __name__ == "__main__":
    main()
