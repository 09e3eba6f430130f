"""Attention (AdaAttN, Liu et al. 2021): each place of a frame takes what is alike in the style."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from vidstyle import weights as files
from vidstyle.engines.adain import fused
from vidstyle.engines.base import Painted
from vidstyle.engines.feature_maps import moments
from vidstyle.engines.feature_statistics import FeatureStatistics, padded, resized
from vidstyle.engines.published_attention import PublishedAttention
from vidstyle.engines.style_tokens import StyleTokens, TokenEngine
from vidstyle.errors import WeightsMissing
from vidstyle.nn.adain_vgg19 import is_vgg19
from vidstyle.nn.attention_vgg19 import AttentionVGG19
from vidstyle.nn.small_vgg import LEVELS, SmallVGG, with_encoder
from vidstyle.nn.style_attention import StyleAttention, attentions, places

ATTENDED = (4, 3)  # levels, coarse to fine
TOKEN_STRIDES = {4: 1, 3: 2}  # places of the style that are tokens: each, or every other across and down
_STYLE_AREA = 256 * 256  # px²: 1,024 tokens at each level
_SLACK = 1e-5  # added to variances; features are about 1


def build(weights: Path | None = None) -> TokenEngine:
    """Attention with the weights of a file, which may leave out the small VGG's encoder.

    The file may also hold the network of SANet's or AdaAttN's authors (``tools/convert_weights.py``).
    Raises ``WeightsMissing`` and ``WeightsMismatch``.
    """
    if weights is None:
        raise WeightsMissing(
            "attention comes without weights: give --weights FILE, made by vidstyle train attention"
        )
    name, tensors = str(weights), files.load(weights)
    if is_vgg19(tensors):
        return PublishedAttention(AttentionVGG19(tensors, name=name)).checked(name)
    tensors = with_encoder(tensors)
    network = SmallVGG(tensors, name=name)
    channels = {level: network.channels(level) for level in ATTENDED}
    return Attention(network, attentions(tensors, channels, name=name)).checked(name)


class Attention(TokenEngine):
    """A style is the keys and values of its places; an image is painted in the precision of its dtype.

    At conv4_1 and conv3_1 the features of a frame, normalised by channel, attend to those of the style: they
    take the mean and the deviation of the places that are like them.
    """

    levels = ATTENDED

    def __init__(self, network: SmallVGG, attention: nn.ModuleDict) -> None:
        super().__init__()
        self.network, self.attention = network, attention
        self.requires_grad_(False)
        self.eval()

    def encode_style(self, image: Tensor) -> StyleTokens:
        """The tokens of a style ``image`` (1, 3, H, W) in [0, 1], resized to about 256² px²."""
        features = self.network.features(resized(image, _STYLE_AREA))
        tokens = [
            self._attention(level).tokens(style_places(features[f"conv{level}_1"], level))
            for level in ATTENDED
        ]
        keys, values = zip(*tokens, strict=True)
        return StyleTokens((keys,), (values,))

    def stylize(
        self, image: Tensor, style: StyleTokens, statistics: FeatureStatistics | None = None
    ) -> Painted[FeatureStatistics]:
        """Paint ``image`` (1, 3, H, W) in [0, 1], each side 16 px or more; with ``statistics`` any batch."""
        self.check_image(image, statistics)
        height, width = image.shape[-2:]
        features = self.network.features(padded(image))
        value = features["conv4_1"]
        taken: list[tuple[Tensor, Tensor]] = []
        for level in reversed(LEVELS):
            if level in ATTENDED:
                place = ATTENDED.index(level)
                value = fused(value, features[f"conv{level}_1"], level)
                if statistics is None:
                    own = moments(value)
                    taken.append(own)
                else:
                    own = statistics.means[place], statistics.covariances[place]
                value = self._attended(value, place, style, own)
            value = self.network.decode(value, level)
        picture = value.clamp_(0.0, 1.0)[..., :height, :width]
        return self.painted(picture, statistics, taken)

    def _attended(self, value: Tensor, place: int, style: StyleTokens, own: tuple[Tensor, Tensor]) -> Tensor:
        """Features ``value`` (B, C, h, w) of the level at ``place``; ``own`` are their mean and variance."""
        mean, deviation = own[0].float(), (own[1] + _SLACK).sqrt().float()
        normalised = (places(value) - mean) / deviation
        attention = self._attention(ATTENDED[place])
        changed = torch.zeros_like(normalised)
        for keys, values, weight in zip(style.keys, style.values, style.weights, strict=True):
            tokens = (part[place].expand(len(value), -1, -1) for part in (keys, values))
            changed.add_(attention(normalised, *tokens), alpha=weight)
        picture = changed.transpose(1, 2).reshape(value.shape).to(value.dtype)
        return torch.lerp(value, picture.contiguous(memory_format=torch.channels_last), style.alpha)

    def _attention(self, level: int) -> StyleAttention:
        return cast(StyleAttention, self.attention[f"attention{level}"])


def style_places(features: Tensor, level: int) -> Tensor:
    """The places (B, N, C) of ``features`` (B, C, h, w) of ``level`` of a style that become tokens."""
    stride = TOKEN_STRIDES[level]
    return places(features[..., ::stride, ::stride])
