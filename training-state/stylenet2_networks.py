"""StyleNet 2: the code of a style from VGG statistics, and a painter whose kernels and norms depend on it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HALF, QUARTER, EIGHTH = 24, 40, 64  # channels at these shares of the size
BODY, REFINING = 3, 2  # residual blocks at an eighth and at a quarter
CODE, HIDDEN = 128, 160
KERNELS, RANK = 3, 4  # kernels mixed by each styled convolution; rank of the mixing of its channels
SKIP_RANK = 8
PROJECTED = 16  # directions of each layer whose covariance is described
SLACK = 1e-4  # added to a variance before its root is taken
WIDTHS = {"conv1_1": 64, "conv1_2": 64, "conv2_1": 128, "conv2_2": 128, "conv3_1": 256, "conv3_2": 256}
WIDTHS |= {"conv4_1": 512}
COVARIED = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
PAIRS = PROJECTED * (PROJECTED - 1) // 2
DESCRIBED = 2 * sum(WIDTHS.values()) + len(COVARIED) * (PROJECTED + PAIRS)
Statistics = dict[str, tuple[Tensor, Tensor]]
"""By layer: means (B, C), and covariances (B, C, C) or, where nobody asks for more, variances (B, C)."""


class Encoder(nn.Module):
    """Statistics of the VGG features of a style picture to its code (B, 128)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.ParameterDict(
            {layer: nn.Parameter(torch.randn(PROJECTED, WIDTHS[layer]) * 0.1) for layer in COVARIED}
        )
        self.register_buffer("mean", torch.zeros(DESCRIBED))
        self.register_buffer("deviation", torch.ones(DESCRIBED))
        self.first = nn.Linear(DESCRIBED, HIDDEN)
        self.straight = nn.Linear(HIDDEN, CODE)
        self.bent = nn.Linear(HIDDEN, CODE)

    def describe(self, statistics: Statistics) -> Tensor:
        """(B, 3360): means, log deviations; of projections of four layers log deviations, correlations."""
        parts = []
        for layer in WIDTHS:
            mean, spread = statistics[layer]
            variance = spread if spread.dim() == 2 else spread.diagonal(dim1=1, dim2=2)
            parts += [mean, 0.5 * (variance.clamp_min(0.0) + 1e-3).log()]
        for layer in COVARIED:
            rows = self.project[layer]
            covariance = rows @ statistics[layer][1] @ rows.T
            variance = covariance.diagonal(dim1=1, dim2=2).clamp_min(0.0) + 1e-4
            scale = variance.rsqrt()
            correlation = covariance * scale.unsqueeze(1) * scale.unsqueeze(2)
            first, second = torch.triu_indices(PROJECTED, PROJECTED, 1, device=rows.device)
            parts += [0.5 * variance.log(), correlation[:, first, second]]
        return torch.cat(parts, 1)

    def forward(self, statistics: Statistics, dropped: float = 0.0) -> Tensor:
        """The code; ``dropped`` is the share of described numbers that are left out, for training."""
        standard = ((self.describe(statistics) - self.mean) / self.deviation).clamp(-6, 6)
        inner = self.first(F.dropout(standard, dropped, training=dropped > 0))
        code: Tensor = self.straight(inner) + self.bent(F.gelu(inner))
        return code

    @torch.no_grad()
    def prepare(self, statistics: Statistics) -> None:
        """From many style pictures: principal axes, the scale of descriptions, codes near white."""
        for layer in COVARIED:
            values, axes = torch.linalg.eigh(statistics[layer][1].mean(0).double().cpu())
            rows = (axes / (values.clamp_min(values[-1] * 1e-4)).sqrt()).flip(1).T[:PROJECTED]
            self.project[layer].copy_(rows.float())
        described = self.describe(statistics)
        self.mean.copy_(described.mean(0))
        self.deviation.copy_(described.std(0).clamp_min(1e-2))
        standard = ((described - self.mean) / self.deviation).clamp(-6, 6).double().cpu()
        values, axes = torch.linalg.eigh(standard @ standard.T / len(standard))
        values, axes = values.flip(0)[:HIDDEN].clamp_min(values[-1] * 1e-6), axes.flip(1)[:, :HIDDEN]
        rows = (axes / (values * len(standard)).sqrt()).T @ standard  # unit principal directions
        gains = values.pow(-0.3)  # not quite whitened: the last directions are mostly noise
        spread = (gains * values.sqrt())[:CODE].square().mean().sqrt()
        self.first.weight.zero_()
        self.first.weight[: len(rows)] = (rows * (gains / spread).unsqueeze(1)).float()
        self.first.bias.zero_()
        self.straight.weight.copy_(torch.eye(CODE, HIDDEN))
        self.straight.bias.zero_()
        self.bent.weight.mul_(0.3)


class Moments:
    """Means and mean squares, (2, B, C) of each norm in order: taken from what is painted, or given."""

    def __init__(self, given: list[Tensor] | None = None) -> None:
        self.all: list[Tensor] = []
        self._given = iter(given) if given is not None else None

    def norm(self, value: Tensor) -> Tensor:
        """``value`` (B, C, h, w) less its mean and over its deviation, in float32."""
        value = value.float()
        if self._given is None:
            both = torch.stack([value.mean((2, 3)), value.square().mean((2, 3))])
        else:
            both = next(self._given)
        self.all.append(both)
        mean, square = both[0, ..., None, None], both[1, ..., None, None]
        scale: Tensor = (square - mean.square()).clamp_min(0.0).add(SLACK).rsqrt()
        return (value - mean) * scale


class Styled(nn.Module):
    """A 3x3 convolution, reflected at the border, then a norm; both depend on the style.

    The kernel is (I + U·V)·(W_0 + a_1·W_1 + a_2·W_2): a_e a number for each output channel, U and V of rank
    4. While training the mixing is done on the output; at use it folds into one kernel, as the norm does.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        gain = (2 / (9 * channels)) ** 0.5
        self.weight = nn.Parameter(torch.randn(KERNELS * channels, channels, 3, 3) * gain)
        self.parts = [channels * (KERNELS - 1), channels * RANK, channels * RANK, channels, channels]
        self.count = sum(self.parts)

    def first_bias(self) -> Tensor:
        """(count,) what the style's numbers are before any training."""
        shares, left, right, scale, shift = (torch.randn(part) for part in self.parts)
        return torch.cat([0.5 * shares, 0.2 * left, right / self.channels**0.5, 1 + 0 * scale, 0 * shift])

    def forward(self, value: Tensor, numbers: Tensor, moments: Moments) -> Tensor:
        *mixing, scale, shift = torch.split(numbers, self.parts, 1)
        value = F.conv2d(F.pad(value, (1, 1, 1, 1), mode="reflect"), self.weight)
        value = moments.norm(_mixed(value, self._matrix(*mixing)))
        return value * scale[..., None, None] + shift[..., None, None]

    def kernel(self, numbers: Tensor) -> Tensor:
        """(B, C, C, 3, 3): the one kernel of each style, as a painter at use has it."""
        shares, left, right, *_ = torch.split(numbers, self.parts, 1)
        return torch.einsum("bok,kixy->boixy", self._matrix(shares, left, right), self.weight)

    def _matrix(self, shares: Tensor, left: Tensor, right: Tensor) -> Tensor:
        """(B, C, 3·C) from all kernels' outputs to the channels."""
        among = low_rank(left, right, RANK)
        weighted = [among * part.unsqueeze(1) for part in shares.chunk(KERNELS - 1, 1)]
        return torch.cat([among, *weighted], 2)


class Skip(nn.Module):
    """A norm and a mixing of channels (I + U·V, rank 8) that depend on the style, for what is added later."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.parts = [channels * SKIP_RANK, channels * SKIP_RANK, channels, channels]
        self.count = sum(self.parts)

    def first_bias(self) -> Tensor:
        left, right, scale, shift = (torch.randn(part) for part in self.parts)
        return torch.cat([0.2 * left, right / self.channels**0.5, 0.5 + 0 * scale, 0 * shift])

    def forward(self, value: Tensor, numbers: Tensor, moments: Moments) -> Tensor:
        left, right, scale, shift = torch.split(numbers, self.parts, 1)
        value = moments.norm(value) * scale[..., None, None]
        return _mixed(value, low_rank(left, right, SKIP_RANK)) + shift[..., None, None]


class Painter(nn.Module):
    """A frame to a painting: 11.6 kMAC a pixel, none of it at full size; sides multiples of 8.

    Half: 6x6 stride 2. Quarter: 4x4 stride 2. Eighth: 4x4 stride 2, three residual blocks. Back to a quarter
    (nearest), plus its skip, two residual blocks. Back to half, plus its skip, a styled convolution; a last
    one to 12 channels, which are 2x2 pixels of RGB.
    """

    def __init__(self) -> None:
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(3, HALF, 6, 2), nn.Conv2d(HALF, QUARTER, 4, 2)
        self.c3 = nn.Conv2d(QUARTER, EIGHTH, 4, 2, bias=False)
        self.entry = Affine(EIGHTH)
        self.body = nn.ModuleList(Styled(EIGHTH) for _ in range(2 * BODY))
        self.up1, self.skip1 = nn.Conv2d(EIGHTH, QUARTER, 1), Skip(QUARTER)
        self.refine = nn.ModuleList(Styled(QUARTER) for _ in range(2 * REFINING))
        self.up2, self.skip2 = nn.Conv2d(QUARTER, HALF, 1), Skip(HALF)
        self.finish = Styled(HALF)
        self.last = nn.Conv2d(HALF, 12, 3)
        with torch.no_grad():  # at first all four pixels of a cell are alike: no checks to unlearn
            self.last.weight.copy_(self.last.weight[::4].repeat_interleave(4, 0))
            self.last.bias.zero_()  # type: ignore[union-attr]

    def styled(self) -> list[Affine | Styled | Skip]:
        """What takes numbers of the style, in the order of ``forward``."""
        return [part for part in self.modules() if isinstance(part, Affine | Styled | Skip)]

    def forward(self, image: Tensor, numbers: Tensor, moments: Moments) -> Tensor:
        """(B, 3, H, W) in [0, 1] of ``image`` in the styles whose ``numbers`` (B, N) are given."""
        rows = iter(torch.split(numbers, [part.count for part in self.styled()], 1))
        half = F.relu(self.c1(F.pad(image - 0.5, (2,) * 4, mode="reflect")))
        quarter = F.relu(self.c2(F.pad(half, (1,) * 4, mode="reflect")))
        value = self.entry(self.c3(F.pad(quarter, (1,) * 4, mode="reflect")), next(rows), moments)
        value = _residual(self.body, F.relu(value), rows, moments)
        value = _doubled(self.up1(F.relu(value))) + self.skip1(quarter, next(rows), moments)
        value = _residual(self.refine, F.relu(value), rows, moments)
        value = _doubled(self.up2(F.relu(value))) + self.skip2(half, next(rows), moments)
        value = F.relu(self.finish(F.relu(value), next(rows), moments))
        picture = self.last(F.pad(value, (1,) * 4, mode="reflect"))
        return torch.sigmoid(F.pixel_shuffle(picture.float(), 2))


class Affine(nn.Module):
    """A norm with a scale and a shift that depend on the style."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels, self.count = channels, 2 * channels

    def first_bias(self) -> Tensor:
        return torch.cat([torch.ones(self.channels), torch.zeros(self.channels)])

    def forward(self, value: Tensor, numbers: Tensor, moments: Moments) -> Tensor:
        scale, shift = numbers.chunk(2, 1)
        return moments.norm(value) * scale[..., None, None] + shift[..., None, None]


class StyleNet2(nn.Module):
    """Encoder, painter, and the one linear layer between: code (B, 128) to the painter's numbers (B, N)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.painter = Encoder(), Painter()
        first = torch.cat([part.first_bias() for part in self.painter.styled()])
        self.film = nn.Linear(CODE, len(first))
        with torch.no_grad():
            self.film.weight.normal_(0, 0.2 / CODE**0.5)
            self.film.bias.copy_(first)

    def paint(
        self, image: Tensor, code: Tensor, given: list[Tensor] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """``image`` (B, 3, H, W) in the styles of ``code`` (B, 128), and the norms' moments."""
        moments = Moments(given)
        with torch.autocast(image.device.type, enabled=False):
            numbers = self.film(code.float())
        return self.painter(image, numbers, moments), moments.all


def low_rank(left: Tensor, right: Tensor, rank: int) -> Tensor:
    """(B, C, C) I + U·V of ``left`` and ``right``, (B, C·rank) each."""
    batch, channels = left.shape[0], left.shape[1] // rank
    product = left.view(batch, channels, rank) @ right.view(batch, rank, channels)
    return product.float() + torch.eye(channels, device=left.device)


def _mixed(value: Tensor, matrix: Tensor) -> Tensor:
    """(B, C, h, w) of (B, K, h, w) and (B, C, K): a 1x1 convolution for each picture."""
    rows = value.permute(0, 2, 3, 1).flatten(1, 2) @ matrix.to(value.dtype).transpose(1, 2)
    return rows.view(len(rows), *value.shape[-2:], -1).permute(0, 3, 1, 2)


def _residual(blocks: nn.ModuleList, value: Tensor, rows: Iterator[Tensor], moments: Moments) -> Tensor:
    for number in range(0, len(blocks), 2):
        inner = F.relu(blocks[number](value, next(rows), moments))
        value = value + blocks[number + 1](inner, next(rows), moments)
    return value


def _doubled(value: Tensor) -> Tensor:
    return F.interpolate(value, scale_factor=2.0, mode="nearest")
