"""The engine attention with the networks of SANet's and AdaAttN's authors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from vidstyle.engines.base import EngineInfo, Painted
from vidstyle.engines.feature_statistics import FeatureStatistics, padded, resized
from vidstyle.engines.style_tokens import StyleTokens, TokenEngine
from vidstyle.nn.attention_vgg19 import AttentionVGG19
from vidstyle.nn.style_attention import places

_STYLE_AREA = 512 * 512  # px², as in the authors' programs
_MULTIPLE = 16  # px: the encoder halves four times
_MOST_TOKENS = 64 * 64  # of AdaAttN at conv3_1
_SEED = 6666  # of the places that are then chosen, as in AdaAttN's program
_SLACK = 1e-5  # added to variances


class PublishedAttention(TokenEngine):
    """A style is the keys and values of its places; an image is painted in the precision of its dtype.

    Of SANet a frame's features get what they attend to added; of AdaAttN they are normalised and get the
    mean and the deviation of what they attend to. conv5_1 and conv4_1 are then merged and decoded; of
    AdaAttN conv3_1 joins in the decoder. Strength mixes the painting with the clip.
    """

    info: ClassVar[EngineInfo] = replace(
        TokenEngine.info,
        receptive_field=144,
        near_field=None,
        near_error=0,
        multiple=_MULTIPLE,
        largest=1280 * 720,  # about 1 GB of float32 features
        feature_strength=None,  # neither decoder can decode the frame's own features
    )

    def __init__(self, network: AttentionVGG19) -> None:
        super().__init__()
        self.network, self.levels = network, network.attended
        self.requires_grad_(False)
        self.eval()

    def encode_style(self, image: Tensor) -> StyleTokens:
        """The tokens of a style ``image`` (1, 3, H, W) in [0, 1], resized to about 512² px²."""
        features = list(self.network.levels(resized(image, _STYLE_AREA, _MULTIPLE)))
        tokens = [self._tokens(level, features) for level in self.levels]
        keys, values = zip(*tokens, strict=True)
        return StyleTokens((keys,), (values,))

    def stylize(
        self, image: Tensor, style: StyleTokens, statistics: FeatureStatistics | None = None
    ) -> Painted[FeatureStatistics]:
        """Paint ``image`` (1, 3, H, W) in [0, 1], each side 16 px or more; with ``statistics`` any batch."""
        self.check_image(image, statistics)
        height, width = image.shape[-2:]
        features = list(self.network.levels(padded(image, _MULTIPLE)))
        taken: list[tuple[Tensor, Tensor]] = []
        known = None
        if statistics is not None:
            known = iter(list(zip(statistics.means, statistics.covariances, strict=True)))
        attended = {}
        for level in self.levels:
            parts = self._compared(level, features)
            own = [_moments(part) if known is None else next(known) for part in parts]
            taken += own
            attended[level] = self._attended(level, features[level - 1], _normalised(parts, own), style)
        value = self.network.decode(self.network.merged(attended[5], attended[4]), 4)
        if 3 in attended:
            value = torch.cat([value, attended[3]], 1)
        for level in (3, 2, 1):
            value = self.network.decode(value, level)
        return self.painted(value.clamp_(0.0, 1.0)[..., :height, :width], statistics, taken)

    def _tokens(self, level: int, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        parts = self._compared(level, features)
        normalised = _normalised(parts, [_moments(part) for part in parts])
        own = places(features[level - 1])
        if level == 3 and own.shape[1] > _MOST_TOKENS:
            chosen = torch.randperm(own.shape[1], generator=torch.Generator().manual_seed(_SEED))
            chosen = chosen[:_MOST_TOKENS].to(own.device)
            normalised, own = normalised[:, chosen], own[:, chosen]
        return self.network.tokens(level, normalised, own)

    def _compared(self, level: int, features: Sequence[Tensor]) -> list[Tensor]:
        """The features (B, C, h, w) by which ``level`` attends, at its places."""
        steps = {below: 2 ** (level - below) for below in self.network.compared(level)}
        return [features[below - 1][..., ::step, ::step] for below, step in steps.items()]

    def _attended(self, level: int, own: Tensor, normalised: Tensor, style: StyleTokens) -> Tensor:
        """Features ``own`` (B, C, h, w) of a frame with what they have attended to."""
        batch, channels, height, width = own.shape
        place = self.levels.index(level)
        mean: Tensor | None = None
        for keys, values, weight in zip(style.keys, style.values, style.weights, strict=True):
            tokens = (part[place].expand(batch, -1, -1) for part in (keys, values))
            part = weight * self.network.attend(level, normalised, *tokens)
            mean = part if mean is None else mean.add_(part)
        assert mean is not None
        if self.network.is_adaattn:
            mean, deviation = mean.chunk(2, -1)
            result = torch.addcmul(mean, deviation, normalised[..., -channels:])
        else:
            result = mean + places(own)
        picture = result.transpose(1, 2).reshape(batch, channels, height, width).to(own.dtype)
        return picture.contiguous(memory_format=torch.channels_last)


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and unbiased variance (C,) of ``features`` (1, C, h, w), float64."""
    variance, mean = torch.var_mean(features[0].flatten(1).float(), dim=1, correction=1)
    return mean.double(), variance.double()


def _normalised(parts: Sequence[Tensor], moments: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """``parts`` (B, C, h, w), each normalised by its mean and variance, as one: (B, h·w, sum of C)."""
    return torch.cat(
        [
            (places(part) - mean.float()) / (variance + _SLACK).sqrt().float()
            for part, (mean, variance) in zip(parts, moments, strict=True)
        ],
        -1,
    )
