"""The small VGG for training: an encoder with heads towards VGG-16, and the decoders of its features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle.engines.feature_maps import measured, transform
from vidstyle.engines.feature_statistics import without_noise
from vidstyle.errors import WeightsMismatch
from vidstyle.losses.base import Autoencoding
from vidstyle.nn.small_vgg import LEVELS, SmallVGG
from vidstyle.nn.vgg import bundled
from vidstyle.training.heads import cut, fit_heads, new_heads
from vidstyle.training.learner import Learner
from vidstyle.training.style_batch import StyleBatch
from vidstyle.weights import SMALL_VGG, Weights

_WIDTHS = {1: 24, 2: 40, 3: 96, 4: 192}  # channels of the layers of each level
_LAYERS = {1: 2, 2: 2, 3: 3, 4: 1}  # layers of each level
_MULTIPLE = 8  # px: the encoder halves three times
Map = Callable[[Tensor, Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]]
"""From means, covariances and a share to a matrix and an offset, as ``transform``."""


class SmallVGGStudent(Learner):
    """The network of ``nn/small_vgg.py`` with gradients; ``tensors`` are those that it loads.

    The heads (1x1) map features to the channels of VGG-16, for distillation only, and are not exported. The
    divisors of features (``scale``) stay as they are. An embedding is the means and covariances of the
    features of a style at each level. A painting teaches the decoders only.
    """

    bundled: ClassVar[Weights] = SMALL_VGG
    engine: ClassVar[str] = "wct"
    is_autoencoder: ClassVar[bool] = True
    network: ClassVar[type[SmallVGG]] = SmallVGG

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.scale = nn.ModuleDict(), nn.Module()
        inputs, deepest = 3, self.network.deepest
        for level in LEVELS[:deepest]:
            width = _WIDTHS[level]
            for number in range(1, _LAYERS[level] + 1 if level < deepest else 2):
                self.encoder[f"conv{level}_{number}"] = nn.Conv2d(inputs, width, 3)
                inputs = width
            self.scale.register_buffer(f"conv{level}_1", torch.ones(width))
            below = _WIDTHS.get(level - 1, 3)
            sizes = [(width, below), (below, below), (below, below)][: 1 if level == 1 else 3]
            self.add_module(f"decoder{level}", nn.ModuleList(nn.Conv2d(*size, 3) for size in sizes))
        self.head = new_heads({f"conv{level}_1": _WIDTHS[level] for level in LEVELS[:deepest]})

    def load(self, tensors: Mapping[str, Tensor], name: str) -> None:
        """Load ``tensors`` of the file ``name``; without heads in it, they are new."""
        own = self.state_dict()
        has_heads = any(key.startswith("head.") for key in tensors)
        needed = [key for key in own if has_heads or not key.startswith("head.")]
        for key in needed:
            if key not in tensors or tensors[key].shape != own[key].shape:
                raise WeightsMismatch(
                    f"{name} does not hold a small VGG of this size: {key} is missing or differs"
                )
        self.load_state_dict({**own, **{key: tensors[key].float() for key in needed}})
        if not has_heads:
            self._renew_heads()

    @torch.no_grad()
    def prepare(self, styles: StyleBatch) -> None:
        """Fit new heads to the features of VGG-16."""
        network, teacher = self._network(), bundled(padding="reflect").to(styles.pictures[0].device)
        fit_heads(self.head, lambda image: self._unscaled(network.features(image)), teacher, styles.pictures)

    @torch.no_grad()
    def randomise(self, parts: tuple[str, ...]) -> None:
        """Set ``parts`` (of encoder, decoder) to random weights; the heads are of the encoder."""
        for part, layers in self._layers().items():
            if part not in parts:
                continue
            for layer in layers:
                assert layer.bias is not None
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                layer.bias.zero_()
        if "encoder" in parts:
            self._renew_heads()
            for scale in self.scale.buffers():
                scale.fill_(1.0)
        if "decoder" in parts:
            last = self._layers()["decoder"][0]
            assert last.bias is not None
            last.weight.mul_(0.1)
            last.bias.fill_(0.5)  # so that the first pictures are grey

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """The parameters of encoder (with its heads) and decoder."""
        parts = {name: [*nn.ModuleList(layers).parameters()] for name, layers in self._layers().items()}
        return {**parts, "encoder": [*parts["encoder"], *self.head.parameters()]}

    @torch.no_grad()
    def encode(self, styles: StyleBatch) -> Tensor:
        """Embeddings (B, N): the means of level 1, its covariances, those of level 2, and so on."""
        network = self._network()
        return torch.stack([torch.cat([*_statistics(network, style)]) for style in styles.pictures])

    def paint(self, image: Tensor, embeddings: Tensor, number: int | None = None) -> Tensor:
        """Paint by whitening and colouring, by one level in each step, or by levels 4 to 1 in a row.

        Results may exceed [0, 1] in a step.
        """
        height, width = image.shape[-2:]
        padded = F.pad(image, (0, -width % _MULTIPLE, 0, -height % _MULTIPLE), mode="reflect")
        picture, network = without_noise(padded), self._network()
        if number is not None:
            level = LEVELS[-1 - number % len(LEVELS)]
            picture = _decoded(network, restyled(_encoded(network, picture, level), embeddings, level), level)
        else:
            for level in reversed(LEVELS):
                changed = restyled(_encoded(network, picture, level), embeddings, level)
                picture = _decoded(network, changed, level).clamp(0, 1)
        return picture[..., :height, :width]

    def autoencode(self, image: Tensor) -> Autoencoding:
        """Encode and decode ``image`` (B, 3, H, W) in [0, 1], its sides cut to multiples of 8."""
        image = cut(image)
        network = self._network()
        features = network.features(image)
        heads = {layer: F.relu(self.head[layer](value)) for layer, value in self._unscaled(features).items()}
        levels = [features[layer] for layer in network.layers]
        return Autoencoding(
            image=image,
            heads=heads,
            blocks=tuple(
                (network.decode(levels[level - 1].detach(), level), levels[level - 2].detach())
                for level in LEVELS[1:]
            ),
            pictures=tuple(_decoded(network, levels[level - 1], level) for level in LEVELS),
        )

    @torch.no_grad()
    def tensors(self) -> dict[str, Tensor]:
        """The tensors of the network without heads, float32 on the CPU."""
        return {
            key: value.detach().float().cpu().contiguous()
            for key, value in self.state_dict().items()
            if not key.startswith("head.")
        }

    def _network(self) -> SmallVGG:
        """The network of the engine, made of this module's parameters, so that gradients reach them."""
        return self.network({**dict(self.named_parameters()), **dict(self.named_buffers())})

    def _unscaled(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Features as they were before they were divided by their scale."""
        return {
            layer: value * self.scale.get_buffer(layer).view(1, -1, 1, 1) for layer, value in features.items()
        }

    def _layers(self) -> dict[str, list[nn.Conv2d]]:
        decoders = [self.get_submodule(f"decoder{level}") for level in LEVELS[: self.network.deepest]]
        modules: dict[str, list[nn.Module]] = {"encoder": [self.encoder], "decoder": decoders}
        return {
            part: [layer for module in each for layer in module.modules() if isinstance(layer, nn.Conv2d)]
            for part, each in modules.items()
        }

    @torch.no_grad()
    def _renew_heads(self) -> None:
        """Set the heads to zeros, which ``prepare`` takes for new."""
        for value in self.head.parameters():
            value.zero_()


def _decoded(network: SmallVGG, value: Tensor, level: int) -> Tensor:
    """Features of ``level`` to a picture that is not clamped, which would stop the gradient."""
    for below in range(level, 0, -1):
        value = network.decode(value, below)
    return value.float()


@torch.no_grad()
def _encoded(network: SmallVGG, picture: Tensor, level: int) -> Tensor:
    """Features of ``level`` in float32: eigenvectors need the precision."""
    with torch.autocast(picture.device.type, enabled=False):
        return network.encode(picture.float(), level)


def restyled(features: Tensor, embeddings: Tensor, level: int, mapped: Map = transform) -> Tensor:
    """``features`` (B, C, h, w) of ``level`` with the statistics of each style, in float32."""
    sizes = [size for each in LEVELS[:level] for size in (_WIDTHS[each], _WIDTHS[each] ** 2)]
    means, covariances = torch.split(embeddings[:, : sum(sizes)].double(), sizes, 1)[-2:]
    changed = []
    with torch.autocast(features.device.type, enabled=False):
        for value, mean, covariance in zip(torch.split(features.float(), 1), means, covariances, strict=True):
            aim = mean, covariance.view(len(mean), len(mean))
            with torch.no_grad():  # the gradient of eigenvectors is infinite where eigenvalues are equal
                matrix, offset = (part.float() for part in mapped(*measured(value), *aim, 1.0))
            changed.append((matrix @ value.flatten(2) + offset[:, None]).view_as(value))
    return torch.cat(changed).contiguous(memory_format=torch.channels_last)


def _statistics(network: SmallVGG, style: Tensor) -> list[Tensor]:
    with torch.autocast(style.device.type, enabled=False):
        features = network.features(cut(style.float()), network.layers)
        return [part.flatten().float() for value in features.values() for part in measured(value)]
