"""The decoder of the engine wct-single-pass for training, on an encoder that does not learn."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction, FunctionCtx

from vidstyle.engines.feature_statistics import resized, without_noise
from vidstyle.engines.wct_single_pass import WCTSinglePass
from vidstyle.errors import WeightsMismatch
from vidstyle.nn.single_pass_vgg import LEVELS, SinglePassVGG
from vidstyle.training.learner import Learner
from vidstyle.training.style_batch import StyleBatch
from vidstyle.weights import WCT_SINGLE_PASS, Weights

_WIDTHS = {4: 192, 3: 96, 2: 40, 1: 12}  # channels of each level
_SIZES = {
    "stem0": (12, 40),
    "stem1": (40, 40),
    "conv2_2": (40, 40),
    "conv3_1": (40, 96),
    "conv3_2": (96, 96),
    "conv3_3": (96, 96),
    "conv4_1": (96, 192),
    "decoder4_0": (192, 96),
    "decoder4_1": (96, 96),
    "decoder4_2": (96, 96),
    "decoder3_0": (96, 40),
    "decoder3_1": (40, 40),
    "decoder3_2": (40, 40),
    "head0": (40, 48),
    "head1": (48, 12),
}  # channels that each convolution takes and gives
_DECODER = ("decoder", "head")
_STYLE_AREA = 384 * 384  # px²
_MULTIPLE = 8  # px
_LEAST = 1e-8  # eigenvalues below count as this


class SinglePassStudent(Learner):
    """The network of ``nn/single_pass_vgg.py``; its decoder learns from features that are mapped to a style.

    An embedding is the means of the features of a style and the square roots of their covariances, level by
    level from the coarsest on.
    """

    bundled: ClassVar[Weights] = WCT_SINGLE_PASS
    engine: ClassVar[str] = "wct-single-pass"

    def __init__(self) -> None:
        super().__init__()
        for name, size in _SIZES.items():
            self.add_module(name, nn.Conv2d(*size, 3).requires_grad_(name.startswith(_DECODER)))

    def load(self, tensors: Mapping[str, Tensor], name: str) -> None:
        """Load ``tensors`` of the file ``name``; ``WeightsMismatch`` if they do not fit."""
        own = self.state_dict()
        for key, value in own.items():
            if key not in tensors or tensors[key].shape != value.shape:
                raise WeightsMismatch(
                    f"{name} does not hold a single-pass VGG of this size: {key} is missing or differs"
                )
        self.load_state_dict({key: tensors[key].float() for key in own})

    def prepare(self, styles: StyleBatch) -> None:
        """Do nothing: features need no preparation."""

    @torch.no_grad()
    def randomise(self, parts: tuple[str, ...]) -> None:
        """Set the decoder to random weights, if ``parts`` has it."""
        if "decoder" in parts:
            for layer in self._decoder():
                assert layer.bias is not None
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                layer.bias.zero_()

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """The parameters of the decoder."""
        return {"decoder": [value for layer in self._decoder() for value in layer.parameters()]}

    @torch.no_grad()
    def encode(self, styles: StyleBatch) -> Tensor:
        """Embeddings (B, N): the mean of level 4, the root of its covariance, those of level 3, and so on."""
        network = self._network()
        embeddings = [
            styles.remembered(number, partial(_embedding, network, picture))
            for number, picture in enumerate(styles.pictures)
        ]
        return torch.stack(embeddings)

    def paint(self, image: Tensor, embeddings: Tensor, number: int | None = None) -> Tensor:
        """Paint as the engine at strength 1; results may exceed [0, 1]."""
        height, width = image.shape[-2:]
        rim = (0, -width % _MULTIPLE, 0, -height % _MULTIPLE)
        network = self._network()
        with torch.no_grad():
            with torch.autocast(image.device.type, enabled=False):  # variances are small differences
                smooth = without_noise(F.pad(image.float(), rim, mode="reflect"))
            features = network.encode(smooth)
        sizes = [size for level in LEVELS for size in (_WIDTHS[level], _WIDTHS[level] ** 2)]
        parts = torch.split(embeddings.float(), sizes, 1)
        aims = {level: parts[2 * place : 2 * place + 2] for place, level in enumerate(LEVELS)}
        value = network.decode(_restyled(features[4], *aims[4]), 4)
        value = _restyled(network.joined(value, features[3].to(value.dtype)), *aims[3])
        value = _restyled(network.decode(value, 3), *aims[2])
        value = _restyled(network.decode(network.decode(value, 2), 1), *aims[1])
        return F.pixel_shuffle(value, 2)[..., :height, :width]

    @torch.no_grad()
    def tensors(self) -> dict[str, Tensor]:
        """The tensors of encoder and decoder, float32 on the CPU."""
        return {key: value.detach().float().cpu().contiguous() for key, value in self.state_dict().items()}

    def _network(self) -> SinglePassVGG:
        """The network of the engine, made of this module's parameters, so that gradients reach them."""
        return SinglePassVGG(dict(self.named_parameters()))

    def _decoder(self) -> list[nn.Conv2d]:
        named = self.named_children()
        return [layer for name, layer in named if name.startswith(_DECODER) and isinstance(layer, nn.Conv2d)]


def _embedding(network: SinglePassVGG, picture: Tensor) -> Tensor:
    with torch.autocast(picture.device.type, enabled=False):
        features = network.encode(resized(picture, _STYLE_AREA))
        parts = [_measured(features[level]) for level in LEVELS]
    pairs = [(mean, _root(_ridged(covariance))) for mean, covariance in parts]
    return torch.cat([part.flatten().float() for pair in pairs for part in pair])


def _restyled(value: Tensor, aim: Tensor, coloring: Tensor) -> Tensor:
    """``value`` (B, C, h, w) whitened and coloured, in float32.

    ``aim`` (B, C) and ``coloring`` (B, C * C) are the mean of a style and the root of its covariance. The
    gradient goes through the whitening, too: without it, features grow until the loss is not finite.
    """
    with torch.autocast(value.device.type, enabled=False):
        value = value.float()
        mean, covariance = _measured(value)
        inverse = cast(Tensor, _InverseRoot.apply(_ridged(covariance))).float()
        alpha, count = WCTSinglePass.alpha, value.shape[1]
        matrix = alpha * coloring.view(-1, count, count) @ inverse
        matrix = matrix + (1 - alpha) * torch.eye(count, device=value.device)
        offset = alpha * aim + (1 - alpha) * mean - (matrix @ mean[..., None])[..., 0]
        mapped = torch.baddbmm(offset[..., None], matrix, value.flatten(2))
        return mapped.view_as(value).contiguous(memory_format=torch.channels_last)


def _measured(value: Tensor) -> tuple[Tensor, Tensor]:
    """Means (B, C) and covariances (B, C, C) of features (B, C, h, w) in float32."""
    flat = value.flatten(2)
    mean = flat.mean(2, keepdim=True)
    flat = flat - mean
    return mean[..., 0], flat @ flat.mT / max(1, flat.shape[2] - 1)


def _ridged(covariance: Tensor) -> Tensor:
    """``covariance`` (B, C, C) in float64 with the engine's ridge."""
    covariance = covariance.double()
    ridge = WCTSinglePass.ridge * covariance.diagonal(dim1=1, dim2=2).mean(1)
    return covariance + torch.diag_embed(ridge[:, None].expand(covariance.shape[:2]))


def _root(covariance: Tensor) -> Tensor:
    """Square roots of symmetric matrices (B, C, C)."""
    values, vectors = torch.linalg.eigh(covariance)
    root: Tensor = (vectors * values.clamp_min(_LEAST).sqrt()[:, None]) @ vectors.mT
    return root


class _InverseRoot(torch.autograd.Function):
    """Inverse square roots of symmetric matrices (B, C, C), with the gradient of the whole function.

    The gradient of an eigendecomposition is infinite where eigenvalues are equal; that of the inverse root is
    not: V·(L * (Vᵀ·G·V))·Vᵀ, L_ij = (f(a_i) - f(a_j)) / (a_i - a_j) (Daleckii and Krein 1965), which for
    f = a^-½ is -1 / (r_i·r_j·(r_i + r_j)), r = √a.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, covariance: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(covariance)
        roots = values.clamp_min(_LEAST).sqrt()
        ctx.save_for_backward(roots, vectors)
        inverse: Tensor = (vectors / roots[:, None]) @ vectors.mT
        return inverse

    @staticmethod
    def backward(ctx: BackwardCFunction, *gradients: Tensor) -> Tensor:
        roots, vectors = cast(tuple[Tensor, Tensor], ctx.saved_tensors)
        one, two = roots[:, :, None], roots[:, None, :]
        inner = vectors.mT @ gradients[0] @ vectors / (-one * two * (one + two))
        gradient: Tensor = vectors @ inner @ vectors.mT
        return (gradient + gradient.mT) / 2
