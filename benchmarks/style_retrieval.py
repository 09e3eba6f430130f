"""Centred Gram distance, retrieval and structure of paintings, by a network that no training used.

The first line is what genuine paint reaches: a half of each style picture, compared with the other halves.

python benchmarks/style_retrieval.py --network FILE --content DIR --style DIR [--engine NAME|FILE ...]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from compare_weights import HELD_OUT, held_out, painter, square
from judges import Network, judge
from quality_tables import table

if TYPE_CHECKING:
    from torch import Tensor

    from vidstyle.frames import Pixels

_STYLE_SIDE = 256  # px: style pictures are looked at in an area of this side squared, as style_distance does
_SILENT = 0.01  # of a layer's mean deviation: channels with less count as having this much
_GREY = (0.5, 0.2)  # mean and deviation of every grey picture


def main() -> int:
    arguments = _parser().parse_args()
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as the command line does, before torch is imported
    import torch

    contents, styles = held_out(arguments.held_out, arguments.content, arguments.style)
    with torch.inference_mode():
        print(
            measured(
                judge(arguments.network, arguments.prefix), contents, styles, arguments.engine or ["stylenet"]
            )
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="style_retrieval", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--network",
        type=Path,
        required=True,
        metavar="FILE",
        help="a VGG-19 (.safetensors) or EfficientNet-Lite0 (.pth)",
    )
    parser.add_argument(
        "--prefix",
        default="encoder",
        help="what the names of a VGG-19's convolutions begin with (default: encoder)",
    )
    parser.add_argument("--content", type=Path, required=True, metavar="DIR")
    parser.add_argument("--style", type=Path, required=True, metavar="DIR")
    parser.add_argument("--held-out", type=Path, default=HELD_OUT, metavar="FILE", help="names of pictures")
    parser.add_argument("--engine", action="append", metavar="NAME|FILE", help="an engine, or its weights")
    return parser


def measured(
    network: Network, contents: Sequence[Path], styles: Sequence[Path], engines: Sequence[str]
) -> str:
    """Gram distance, share of paintings nearest to their own style, its mean rank, structure: a table."""
    from vidstyle.tensors import to_tensor
    from vidstyle.video.stills import load_style

    pictures = [square(load_style(path)) for path in contents]
    shown = [of_style_area(to_tensor(load_style(path))) for path in styles]
    aims = [look(network, picture) for picture in shown]
    head = ["paintings of", "centred Gram distance", "retrieval, rank 1", "mean rank", "structure"]
    lines = [head, ["---"] * len(head), _line("halves of the styles", *of_halves(network, shown))]
    unpainted = [look(network, to_tensor(pixels)) for pixels in pictures]
    for name in ["the contents, unpainted", *engines]:
        distances: list[float] = []
        ranks: list[int] = []
        kept: list[float] = []
        for number, style in enumerate(styles):
            looks = unpainted
            if name in engines:
                painted = list(painter(name, is_clip=False)(pictures, str(style)))
                looks = [look(network, to_tensor(pixels)) for pixels in painted]
                kept += map(structure_kept, pictures, painted)
            distances += (each.gram_distance(aims[number]) for each in looks)
            ranks += (rank_of(each, number, aims) for each in looks)
        lines.append(_line(Path(name).stem, distances, ranks, kept or [1.0]))
    return table(lines)


def _line(
    name: str, distances: Sequence[float], ranks: Sequence[int], kept: Sequence[float] = ()
) -> list[str]:
    first = sum(rank == 1 for rank in ranks) / len(ranks)
    figures = [f"{fmean(distances):.3f}", f"{first:.3f}", f"{fmean(ranks):.2f}"]
    line = [name, *figures, f"{fmean(kept):.3f}" if kept else "-"]
    print(" | ".join(line), file=sys.stderr, flush=True)
    return line


def of_halves(network: Network, styles: Sequence[Tensor]) -> tuple[list[float], list[int]]:
    """Gram distances and ranks of halves of ``styles`` (1, 3, H, W): left, right, upper and lower ones.

    Each is compared with the opposite halves of all styles: no painting can be expected to be nearer to a
    style than its own other half.
    """
    distances: list[float] = []
    ranks: list[int] = []
    for axis in (3, 2):
        halves = [[look(network, half) for half in picture.chunk(2, axis)] for picture in styles]
        for one, other in ((0, 1), (1, 0)):
            aims = [pair[other] for pair in halves]
            distances += (pair[one].gram_distance(pair[other]) for pair in halves)
            ranks += (rank_of(pair[one], number, aims) for number, pair in enumerate(halves))
    return distances, ranks


def rank_of(seen: Look, number: int, aims: Sequence[Look]) -> int:
    """The place of ``aims[number]``, from 1, among ``aims``, the nearest to ``seen`` without colour first."""
    gaps = [seen.stroke_distance(aim) for aim in aims]
    return 1 + sum(gap < gaps[number] for gap in gaps)


def structure_kept(picture: Pixels, painted: Pixels) -> float:
    """Mean correlation of the edges of a painting with those of its picture, where that has edges."""
    from vidstyle.metrics.structure import has_edges, structure
    from vidstyle.tensors import to_tensor

    source, result = to_tensor(picture), to_tensor(painted)
    return float(structure(source, result)[has_edges(source)].mean())


def gram_distance(network: Network, painted: Pixels, style: Pixels) -> float:
    """‖G - G(style)‖ / ‖G(style)‖ of centred features, mean over the layers of ``network``."""
    from vidstyle.tensors import to_tensor

    aim = look(network, of_style_area(to_tensor(style)))
    return look(network, to_tensor(painted)).gram_distance(aim)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What a network sees of one picture."""

    grams: Sequence[Tensor]
    """Of its layers' centred features, with colour."""
    strokes: Tensor
    """Without colour: correlations of channels and log deviations, all layers end to end."""

    def gram_distance(self, aim: Look) -> float:
        """‖G - G(aim)‖ / ‖G(aim)‖, mean over layers."""
        pairs = zip(self.grams, aim.grams, strict=True)
        return fmean(float((ours - wanted).norm() / wanted.norm()) for ours, wanted in pairs)

    def stroke_distance(self, aim: Look) -> float:
        return float((self.strokes - aim.strokes).square().sum())


def look(network: Network, picture: Tensor) -> Look:
    """What ``network`` sees of ``picture`` (1, 3, H, W) in [0, 1]."""
    from vidstyle.nn.encoder_features import gram

    # centred: some small networks learn a VGG's features but for their means, which would drown all else
    centred = [features - features.mean((2, 3), keepdim=True) for features in network(picture).values()]
    return Look([gram(features) for features in centred], _strokes(network, picture))


def _strokes(network: Network, picture: Tensor) -> Tensor:
    """Correlations of channels and log deviations, by layer, of ``picture`` in grey of a fixed contrast."""
    import torch

    red, green, blue = picture.unbind(1)
    grey = 0.299 * red + 0.587 * green + 0.114 * blue  # ITU-R BT.601
    grey = (grey - grey.mean()) / grey.std().clamp_min(1e-6) * _GREY[1] + _GREY[0]
    parts = []
    for features in network(grey.unsqueeze(1).expand(-1, 3, -1, -1)).values():
        flat = features.double().flatten(2)[0]
        deviations = flat.std(1)
        deviations = deviations.clamp_min(_SILENT * float(deviations.mean()))
        flat = (flat - flat.mean(1, keepdim=True)) / deviations.unsqueeze(1)
        parts += [(flat @ flat.T / flat.shape[1]).flatten(), deviations.log()]
    return torch.cat(parts)


def of_style_area(picture: Tensor) -> Tensor:
    """``picture`` (1, 3, H, W) resized to the area at which styles are looked at, in its aspect ratio."""
    import torch.nn.functional as F

    height, width = picture.shape[-2:]
    factor = _STYLE_SIDE / (height * width) ** 0.5
    size = (round(height * factor), round(width * factor))
    return F.interpolate(picture.contiguous(), size=size, mode="bilinear", antialias=True)


if __name__ == "__main__":
    sys.exit(main())
