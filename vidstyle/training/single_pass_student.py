"""The network of the engine wct-single-pass for training: its decoder, and a narrower one altogether."""

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
from vidstyle.losses.base import Autoencoding
from vidstyle.nn.single_pass_vgg import LEVELS, SinglePassVGG
from vidstyle.nn.vgg import bundled
from vidstyle.training.heads import cut, fit_heads, new_heads
from vidstyle.training.learner import Learner
from vidstyle.training.narrowing import narrowed
from vidstyle.training.style_batch import StyleBatch
from vidstyle.weights import WCT_SINGLE_PASS, Weights

_WIDTHS = {4: 192, 3: 96, 2: 40, 1: 12}  # channels of each level in the bundled weights
_HEAD = 48  # channels before the last convolution
_DECODER = ("decoder", "head")
_LAYER_OF = {4: "conv4_1", 3: "conv3_1", 2: "stem1"}  # the convolution that gives a level
_TAUGHT = (2, 3, 4)  # levels whose features are taught, as VGG-16's conv2_1, conv3_1 and conv4_1
_STYLE_AREA = 384 * 384  # px²
_MULTIPLE = 8  # px
_LEAST = 1e-8  # eigenvalues below count as this


class SinglePassStudent(Learner):
    """The network of ``nn/single_pass_vgg.py``, of any number of channels.

    The decoder learns from paintings: its features are mapped to those of a style. The encoder learns from
    the features of VGG-16 alone, through heads (1x1) that are not exported, and from pictures that are
    decoded without a style. From paintings it would learn to ignore the contents.

    An embedding is the means of the features of a style and the square roots of their covariances, level by
    level from the coarsest on.
    """

    bundled: ClassVar[Weights] = WCT_SINGLE_PASS
    engine: ClassVar[str] = "wct-single-pass"
    is_autoencoder: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        for name, size in _sizes(_WIDTHS, _HEAD).items():
            self.add_module(name, nn.Conv2d(*size, 3))
        self.heads = new_heads({f"conv{level}_1": self._width(level) for level in _TAUGHT})

    def load(self, tensors: Mapping[str, Tensor], name: str) -> None:
        """Load ``tensors`` of the file ``name``, of any width; ``WeightsMismatch`` if they do not fit."""
        try:
            widths = {level: tensors[f"{layer}.weight"].shape[0] for level, layer in _LAYER_OF.items()}
            sizes = _sizes({**widths, 1: 12}, tensors["head0.weight"].shape[0])
            for layer, (inputs, outputs) in sizes.items():
                if tensors[f"{layer}.weight"].shape != (outputs, inputs, 3, 3):
                    raise KeyError(f"{layer}.weight")
                if tensors[f"{layer}.bias"].shape != (outputs,):
                    raise KeyError(f"{layer}.bias")
        except (KeyError, IndexError) as error:
            raise WeightsMismatch(
                f"{name} does not hold a single-pass VGG: {error.args[0]} is missing or of another size"
            ) from None
        for layer in sizes:
            self._replace(layer, tensors[f"{layer}.weight"].float(), tensors[f"{layer}.bias"].float())
        self._renew_heads()

    def narrow(self, share: float) -> None:
        """Keep ``share`` of the channels; see ``narrowed``."""
        self.load(narrowed(self.tensors(), share), self.engine)

    @torch.no_grad()
    def prepare(self, styles: StyleBatch) -> None:
        """Fit new heads to the features of VGG-16, if the encoder learns."""
        network, teacher = self._network(), bundled(padding="reflect").to(styles.pictures[0].device)

        def features(image: Tensor) -> Mapping[str, Tensor]:
            encoded = network.encode(image)
            return {f"conv{level}_1": encoded[level] for level in _TAUGHT}

        fit_heads(self.heads, features, teacher, styles.pictures)

    @torch.no_grad()
    def randomise(self, parts: tuple[str, ...]) -> None:
        """Set ``parts`` (of encoder, decoder) to random weights; the heads are of the encoder."""
        for part, layers in self._layers().items():
            for layer in layers if part in parts else ():
                assert layer.bias is not None
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                layer.bias.zero_()
        if "encoder" in parts:
            self._renew_heads()

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """The parameters of encoder (with its heads) and decoder."""
        parts = {name: [*nn.ModuleList(layers).parameters()] for name, layers in self._layers().items()}
        return {**parts, "encoder": [*parts["encoder"], *self.heads.parameters()]}

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
        sizes = [size for level in LEVELS for size in (self._width(level), self._width(level) ** 2)]
        parts = torch.split(embeddings.float(), sizes, 1)
        aims = {level: parts[2 * place : 2 * place + 2] for place, level in enumerate(LEVELS)}
        value = network.decode(_restyled(features[4], *aims[4]), 4)
        value = _restyled(network.joined(value, features[3].to(value.dtype)), *aims[3])
        value = _restyled(network.decode(value, 3), *aims[2])
        value = _restyled(network.decode(network.decode(value, 2), 1), *aims[1])
        return F.pixel_shuffle(value, 2)[..., :height, :width]

    def autoencode(self, image: Tensor) -> Autoencoding:
        """Encode and decode ``image`` (B, 3, H, W) in [0, 1], its sides cut to multiples of 8."""
        image = cut(image)
        network = self._network()
        features = network.encode(image)
        below = {level: network.decode(features[level].detach(), level) for level in (4, 3)}
        return Autoencoding(
            image=image,
            heads={name: F.relu(head(features[int(name[4])])) for name, head in self.heads.items()},
            blocks=tuple((below[level], features[level - 1].detach()) for level in (4, 3)),
            pictures=tuple(_decoded(network, features[level], level) for level in (2, 3, 4)),
        )

    @torch.no_grad()
    def tensors(self) -> dict[str, Tensor]:
        """The tensors of encoder and decoder without heads, float32 on the CPU."""
        return {
            f"{name}.{part}": value.detach().float().cpu().contiguous()
            for name, layer in self._convolutions().items()
            for part, value in layer.named_parameters()
        }

    def _network(self) -> SinglePassVGG:
        """The network of the engine, made of this module's parameters, so that gradients reach them."""
        return SinglePassVGG(dict(self.named_parameters()))

    def _convolutions(self) -> dict[str, nn.Conv2d]:
        return {name: layer for name, layer in self.named_children() if isinstance(layer, nn.Conv2d)}

    def _layers(self) -> dict[str, list[nn.Conv2d]]:
        layers = self._convolutions().items()
        decoder = [layer for name, layer in layers if name.startswith(_DECODER)]
        return {
            "encoder": [layer for name, layer in layers if not name.startswith(_DECODER)],
            "decoder": decoder,
        }

    def _width(self, level: int) -> int:
        """The channels of ``level``."""
        return 12 if level == 1 else self._convolutions()[_LAYER_OF[level]].out_channels

    def _replace(self, name: str, kernel: Tensor, bias: Tensor) -> None:
        """Make the convolution ``name`` anew of ``kernel`` and ``bias``."""
        old = self.get_submodule(name)
        assert isinstance(old, nn.Conv2d)
        layer = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3).to(old.weight.device)
        with torch.no_grad():
            layer.weight.copy_(kernel)
            assert layer.bias is not None
            layer.bias.copy_(bias)
        setattr(self, name, layer)

    def _renew_heads(self) -> None:
        """Heads of zeros, which ``prepare`` takes for new, for the channels that there are now."""
        device = next(self.parameters()).device
        self.heads = new_heads({f"conv{level}_1": self._width(level) for level in _TAUGHT}).to(device)


def _sizes(widths: Mapping[int, int], head: int) -> dict[str, tuple[int, int]]:
    """The channels that each convolution takes and gives, of the channels of levels and those of the head."""
    two, three, four = widths[2], widths[3], widths[4]
    return {
        "stem0": (12, two), "stem1": (two, two), "conv2_2": (two, two),
        "conv3_1": (two, three), "conv3_2": (three, three), "conv3_3": (three, three),
        "conv4_1": (three, four),
        "decoder4_0": (four, three), "decoder4_1": (three, three), "decoder4_2": (three, three),
        "decoder3_0": (three, two), "decoder3_1": (two, two), "decoder3_2": (two, two),
        "head0": (two, head), "head1": (head, 12),
    }  # fmt: skip


def _decoded(network: SinglePassVGG, value: Tensor, level: int) -> Tensor:
    """Features of ``level`` to a picture that is not clamped, which would stop the gradient."""
    for below in range(level, 0, -1):
        value = network.decode(value, below)
    return F.pixel_shuffle(value, 2).float()


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
