"""Trains StyleNet 2 on a GPU within minutes, resumable; needs torch, OpenCV, NumPy and safetensors alone.

python training-state/stylenet2.py --out training-state/stylenet2.pt --device cuda --minutes 9
python training-state/stylenet2.py --out training-state/stylenet2.pt --export stylenet2.safetensors
"""

from __future__ import annotations

import argparse
import copy
import csv
import logging
import math
import os
import random
import signal
import sys
import time
from pathlib import Path

import cv2
import stylenet2_losses as losses
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from stylenet2_data import Pictures, Pool, painted_triples, split
from stylenet2_networks import COVARIED, WIDTHS, StyleNet2
from stylenet2_teachers import RELU, Edges, Small19
from torch import Tensor, nn

log = logging.getLogger("stylenet2")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
WARM = 200  # steps from a start or a resumption to the full rate
EVERY = 50  # steps from one line of the log to the next
WEIGHTS = {
    "pixels": 4.0,  # these two: nearness to WCT's painting
    "features": 1.5,
    "style19": 1.0,  # these three: nearness to the style picture's statistics
    "style16": 0.7,
    "grey": 0.7,
    "content": 0.4,
    "structure": 0.5,
    "tones": 0.1,
    "shift": 6.0,  # these three: calmness, in the last part of the training
    "grid": 0.1,
    "ripple": 0.5,
}


class Trainer:
    """The networks, the pictures and the pool, and what one step does with them."""

    def __init__(self, words: argparse.Namespace) -> None:
        self.words, self.device = words, torch.device(words.device)
        half = torch.bfloat16
        self.edges = Edges(words.weights / "vgg16-edges.safetensors", half).to(self.device)
        small = words.weights / "vgg19-16x-wct.safetensors"
        self.small = Small19(small, half, is_reflected=False).to(self.device)
        self.wct = Small19(small, torch.float32).to(self.device)
        self.choice = random.Random(words.seed)
        listed = ROOT / "benchmarks" / "held_out.txt"
        judged = set(listed.read_text().splitlines()) if listed.exists() else set()
        folders = [split(words.data / kind, judged) for kind in ("content", "style")]
        self.contents, self.styles = (Pictures(some, self.device) for some, _ in folders)
        self.shown = [Pictures(rest, self.device).middles(6, words.size) for _, rest in folders]
        log.info("%d contents, %d styles", len(self.contents.all), len(self.styles.all))
        self.pool = Pool(words.pool, words.size, self.device)
        self.model = StyleNet2().to(self.device).to(memory_format=torch.channels_last)

    def prepare(self) -> None:
        """Axes and scales of the encoder, from random crops of styles."""
        count, rest = 16, self.words.described
        found = []
        with torch.no_grad():
            while rest > 0:
                crops = self.styles.crops(count, self.words.size, 0.6, self.choice)
                found.append(losses.statistics(self.edges(crops, tuple(WIDTHS)), every=False))
                rest -= count
            each = {layer: zip(*(part[layer] for part in found), strict=True) for layer in WIDTHS}
            joined = {
                layer: (torch.cat(means), torch.cat(spreads)) for layer, (means, spreads) in each.items()
            }
            self.model.encoder.prepare(joined)

    def teach(self, count: int) -> Tensor:
        """Adds ``count`` new paintings to the pool, and returns them."""
        words = self.words
        triples = painted_triples(
            self.wct, self.contents, self.styles, count, words.size, words.alpha, self.choice
        )
        self.pool.add(triples)
        return triples

    def step(self, count: int, calm: float) -> Tensor:
        """(11,) the losses of one batch in the order of WEIGHTS; ``calm`` from 0 to 1 is calmness's share."""
        content, style, target = self.pool.draw(count)
        zero = content.new_zeros(())
        with torch.no_grad():
            aim16 = losses.statistics(self.edges(style, tuple(WIDTHS)), every=False)
            both = self.small(torch.cat([content, target]), "41")
            of_content, of_target = ({key: part.chunk(2)[at] for key, part in both.items()} for at in (0, 1))
            aim19 = losses.statistics(self.small(style))
            aim_grey = losses.statistics(self.small(losses.grey(style), "41"))
        code = self.model.encoder(aim16, 0.1)
        code = code + 0.1 * torch.rand(count, 1, device=self.device) * torch.randn_like(code)
        with torch.autocast(self.device.type, torch.bfloat16):
            painted, moments = self.model.paint(content, code)
        ours = self.small(painted)
        ours16 = losses.statistics(self.edges(painted, COVARIED))
        ours19 = losses.statistics(ours)
        ours_grey = losses.statistics(self.small(losses.grey(painted), "41"))
        found = [
            losses.pyramid(painted, target),
            losses.feature_distance(ours, of_target, RELU[:4]),
            losses.style_distance(ours19, aim19, RELU),
            losses.style_distance(ours16, aim16, COVARIED),
            losses.correlation_distance(ours_grey, aim_grey, RELU[:4]),
            losses.content_distance(ours, of_content, RELU[2:4]),
            losses.structure(painted, content),
            losses.tones(painted, style),
        ]
        if calm > 0:
            again, before = self._again(content, code, painted, [part.detach() for part in moments])
            found += [calm * (again - before)[..., 8:-8, 8:-8].abs().mean()]
            found += [calm * losses.grid(painted), calm * losses.ripple(painted, style)]
        else:
            found += [zero, zero, zero]
        return torch.stack(found)

    def _again(
        self, content: Tensor, code: Tensor, painted: Tensor, moments: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """A moved picture, painted, and the painting moved alike: by whole pixels, or zoomed a little."""
        count, size = len(content), content.shape[-1] - 16
        if self.choice.random() < 0.5:
            down, right = self.choice.randint(0, 12), self.choice.randint(0, 12)
            view, before = (
                part[..., down : down + size, right : right + size] for part in (content, painted)
            )
        else:
            move = torch.rand(count, 2, 3, device=self.device) * 2 - 1
            move = move * losses.constant((0.015, 0.015, 3 / size), self.device)
            move[:, :, :2] += torch.eye(2, device=self.device) * (size / content.shape[-1])
            grid = F.affine_grid(move, [count, 3, size, size], align_corners=False)
            view, before = losses.moved(content, grid).clamp(0, 1), losses.moved(painted, grid)
        view = view + torch.randn_like(view) * (0.02 * self.choice.random())
        with torch.autocast(self.device.type, torch.bfloat16):
            again, _ = self.model.paint(view, code, moments)
        return again, before

    @torch.no_grad()
    def sheet(self, model: StyleNet2, path: Path) -> None:
        """Six contents left out of training in six styles left out, beside them, as a JPEG."""
        contents, styles = self.shown
        codes = model.encoder(losses.statistics(self.edges(styles, tuple(WIDTHS)), every=False))
        rows = [torch.cat([torch.ones_like(contents[:1]), styles])]
        for content in contents:
            images = content.expand(len(codes), -1, -1, -1)
            with torch.autocast(self.device.type, torch.bfloat16):
                painted, _ = model.paint(images, codes)
            rows.append(torch.cat([content[None], painted.float()]))
        write_sheet(rows, path)


def main() -> None:
    """Trains for the minutes asked, or exports what the checkpoint holds."""
    start, words = time.monotonic(), _parser().parse_args()
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    if words.export:
        _export(words)
        return
    is_gpu = words.device.startswith("cuda")
    torch.set_num_threads(min(8, os.cpu_count() or 1) if is_gpu else 1)
    cv2.setNumThreads(1)
    torch.manual_seed(words.seed)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = False  # whitening makes small errors large; the rest is bfloat16
    words.out.parent.mkdir(parents=True, exist_ok=True)
    _train(words, Trainer(words), start)


def _train(words: argparse.Namespace, trainer: Trainer, start: float) -> None:
    model, device = trainer.model, trainer.device
    trained = list(model.parameters())
    optimizer = torch.optim.Adam(trained, lr=words.rate, betas=(0.9, 0.99), fused=device.type == "cuda")
    step, behind, is_again = 0, 0.0, False
    average = copy.deepcopy(model).requires_grad_(False)
    if words.out.exists():
        step, behind, is_again = _load(words.out, model, average, optimizer, device)
    else:
        trainer.prepare()
        average.load_state_dict(model.state_dict())
    log.info("prepared after %.0f s", time.monotonic() - start)
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stop.append(number))
    first = trainer.teach(min(words.taught, words.pool))
    write_sheet([part[:7] for part in first], words.out.with_name(f"{words.out.stem}-teacher.jpg"))
    while trainer.pool.filled + words.taught <= min(words.pool, words.filled):
        trainer.teach(words.taught)
    log.info("%d paintings after %.0f s", trainer.pool.filled, time.monotonic() - start)
    weights = torch.tensor(list(WEIGHTS.values()), device=device)
    sums, bad = torch.zeros(len(WEIGHTS) + 1, device=device), torch.zeros((), device=device)
    batch, begun, done = words.batch, step, behind
    since = saved = shown = time.monotonic()
    while not stop and done < 1 and time.monotonic() - start < 60 * words.minutes:
        calm = words.calm if is_again else words.calm * min(1.0, max(0.0, (done - 0.6) / 0.15))
        rate = words.rate * max(0.01, 0.5 * (1 + math.cos(math.pi * done)))
        rate *= min(1.0, (step - begun + 1) / WARM)
        for group in optimizer.param_groups:
            group["lr"] = rate
        try:
            if step % words.teach_every == 0:
                trainer.teach(words.taught)
            found = trainer.step(batch, calm)
            (found * weights).sum().backward()  # type: ignore[no-untyped-call]
        except torch.OutOfMemoryError:
            if batch <= 4:
                raise
            batch //= 2
            found = torch.zeros(0)  # lets go of the graph
            optimizer.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
            log.info("out of memory: batches of %d from here", batch)
            continue
        bad, norm = _clip(trained, found, bad, words.longest)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        with torch.no_grad():
            share = max(1 - words.average, 1 / (step + 1))
            torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), share)
            sums += torch.cat([found.detach(), norm.view(1)]).nan_to_num(0.0, 0.0, 0.0)
        now = time.monotonic()
        done = _done(words, step, behind, now - start)
        if step % EVERY == 0:
            means, row = (sums / EVERY).tolist(), int(bad.item())
            now = time.monotonic()
            _note(words.out.with_suffix(".csv"), step, done, rate, (now - since) * 1000 / EVERY, means, row)
            if row >= words.patience:
                raise SystemExit(f"{row} steps in a row were not finite: the last checkpoint is whole")
            since, sums = now, torch.zeros_like(sums)
        if now - saved > 60:
            _save(words.out, model, average, optimizer, (step, done, is_again))
            saved = time.monotonic()
        if now - shown > 90:
            trainer.sheet(average, words.out.with_suffix(".jpg"))
            shown = time.monotonic()
    _save(words.out, model, average, optimizer, (step, done, is_again))
    log.info("saved at step %d, %.0f %% done, after %.0f s", step, 100 * done, time.monotonic() - start)
    trainer.sheet(average, words.out.with_suffix(".jpg"))


def _done(words: argparse.Namespace, step: int, behind: float, seconds: float) -> float:
    """The share of the schedule that is over: of ``--total`` steps if given, else of the minutes."""
    if words.total:
        return step / float(words.total)
    return behind + (1 - behind) * seconds / float(60 * words.minutes)


@torch.no_grad()
def _clip(trained: list[nn.Parameter], found: Tensor, bad: Tensor, longest: float) -> tuple[Tensor, Tensor]:
    """Shortens gradients to ``longest``, and makes them 0 in a step that is not finite; nothing waits.

    Returns how many steps in a row were not finite, and the gradients' norm.
    """
    gradients = [value.grad for value in trained if value.grad is not None]
    norm = torch.stack(torch._foreach_norm(gradients)).norm()
    is_good = torch.isfinite(norm) & torch.isfinite(found).all()
    factor = torch.where(is_good, (longest / (norm + 1e-6)).clamp(max=1.0), 0.0)
    for gradient in gradients:
        gradient.nan_to_num_(0.0, 0.0, 0.0).mul_(factor)
    return torch.where(is_good, 0.0, bad + 1), norm


def _note(path: Path, step: int, done: float, rate: float, each: float, means: list[float], bad: int) -> None:
    """One line for people and one for the table."""
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        lines = csv.writer(file)
        if is_new:
            lines.writerow(["step", "done", "rate", "ms", *WEIGHTS, "norm", "bad"])
        rounded = [f"{value:.4f}" for value in means]
        lines.writerow([step, f"{done:.4f}", f"{rate:.2e}", f"{each:.1f}", *rounded, bad])
    if step % (2 * EVERY) == 0:
        text = "  ".join(f"{key} {value:.3f}" for key, value in zip(WEIGHTS, means, strict=False))
        log.info("step %d, %.1f %%, %.0f ms: %s  norm %.1f", step, 100 * done, each, text, means[-1])


def _save(
    path: Path,
    model: StyleNet2,
    average: StyleNet2,
    optimizer: torch.optim.Adam,
    place: tuple[int, float, bool],
) -> None:
    """The checkpoint in 6 bytes a number, replaced only once the new one is whole.

    ``place``: steps, share of the schedule done, whether an earlier schedule was finished before. Of Adam's
    moments the second alone: the first is there again after ten steps.
    """
    step, done, is_again = place
    kept, other = ({k: v.half().cpu() for k, v in net.state_dict().items()} for net in (model, average))
    if not all(value.isfinite().all() for value in kept.values()):
        log.info("not saved at step %d: weights that are not finite", step)
        return
    squares = [
        optimizer.state[value]["exp_avg_sq"].bfloat16().cpu() if value in optimizer.state else None
        for value in model.parameters()
    ]
    state = {
        "step": step,
        "done": done,
        "again": is_again,
        "model": kept,
        "average": other,
        "squares": squares,
    }
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def _load(
    path: Path, model: StyleNet2, average: StyleNet2, optimizer: torch.optim.Adam, device: torch.device
) -> tuple[int, float, bool]:
    """Steps and share of the schedule done so far; a finished one starts again, calm from its beginning."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    average.load_state_dict(state["average"])
    for value, square in zip(model.parameters(), state["squares"], strict=True):
        if square is not None:
            second = torch.zeros_like(value).copy_(square)
            count = torch.tensor(float(state["step"]), device=device if device.type == "cuda" else "cpu")
            optimizer.state[value] = {"step": count, "exp_avg": torch.zeros_like(value), "exp_avg_sq": second}
    is_over = state["done"] >= 0.99
    log.info("goes on from step %d, %.0f %% done", state["step"], 100 * state["done"])
    return state["step"], 0.0 if is_over else state["done"], is_over or state["again"]


def _export(words: argparse.Namespace) -> None:
    """Writes the averaged weights in fp16."""
    state = torch.load(words.out, map_location="cpu", weights_only=True)
    tensors = {key: value.half().contiguous() for key, value in state["average"].items()}
    recipe = f"training-state/stylenet2.py, {state['step']} steps"
    save_file(tensors, words.export, {"recipe": recipe, "licence": "Apache-2.0"})
    log.info("%s: %d numbers, step %d", words.export, sum(v.numel() for v in tensors.values()), state["step"])


def write_sheet(rows: list[Tensor], path: Path, limit: int = 1_400_000) -> None:
    """Rows of pictures (N, 3, H, W) in [0, 1] as one JPEG of at most ``limit`` bytes."""
    sheet = torch.cat([torch.cat(list(row), 2) for row in rows], 1).clamp(0, 1)
    pixels = (sheet * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    for quality in (90, 80, 65, 45):
        _, data = cv2.imencode(".jpg", pixels[..., ::-1].copy(), [cv2.IMWRITE_JPEG_QUALITY, quality])
        if len(data) <= limit:
            break
    path.write_bytes(data.tobytes())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--out", type=Path, required=True, help="checkpoint; gone on with if it exists")
    add("--export", type=Path, help="write the averaged weights here instead of training")
    add("--minutes", type=float, default=9.0, help="of the whole run; the schedule ends with them")
    add("--total", type=int, default=0, help="steps of the whole schedule, over several runs; 0: minutes say")
    add("--device", default="cpu")
    add("--data", type=Path, default=SHARED / "data" / "small", help="folder with content/ and style/")
    add("--weights", type=Path, default=SHARED / "weights", help="folder of the frozen networks' files")
    add("--rate", type=float, default=1e-3)
    add("--batch", type=int, default=16)
    add("--size", type=int, default=256, help="px, a multiple of 16")
    add("--alpha", type=float, default=0.75, help="WCT's share in its paintings")
    add("--pool", type=int, default=4096, help="paintings kept")
    add("--filled", type=int, default=512, help="paintings made before the first step")
    add("--taught", type=int, default=32, help="paintings made at a time")
    add("--teach-every", type=int, default=4, help="steps from one time to the next")
    add("--described", type=int, default=512, help="style crops that the encoder is prepared with")
    add("--average", type=float, default=0.999, help="of the running mean of the weights")
    add("--calm", type=float, default=1.0, help="factor of the losses of calmness")
    add("--longest", type=float, default=20.0, help="norm that gradients are shortened to")
    add("--patience", type=int, default=50, help="steps in a row that may be not finite")
    add("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    main()
