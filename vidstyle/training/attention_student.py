"""The engine attention for training: its attention and its decoders, on an encoder that does not learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle.engines.adain import fused
from vidstyle.engines.attention import ATTENDED, style_places
from vidstyle.nn.small_vgg import LEVELS
from vidstyle.nn.style_attention import StyleAttention, attentions, places
from vidstyle.training.decoder_student import DecoderStudent
from vidstyle.training.style_batch import StyleBatch
from vidstyle.weights import SMALL_VGG, Weights

_SIDE = 192  # px, of the square that styles are resized to: 576 tokens at each level
_SLACK = 1e-5


class AttentionStudent(DecoderStudent):
    """The small VGG with attention at two levels; attention and decoders learn.

    An embedding is the features of the places of a style, level by level. Without attention in a file that is
    loaded, features themselves are queries, keys and values.
    """

    bundled: ClassVar[Weights] = SMALL_VGG
    engine: ClassVar[str] = "attention"

    def __init__(self) -> None:
        super().__init__()
        self.attention = attentions({}, self._channels(), name="")

    def load(self, tensors: Mapping[str, Tensor], name: str) -> None:
        """Load ``tensors`` of the file ``name``; without an encoder in it, that is the bundled one."""
        loaded = attentions(tensors, self._channels(), name=name).state_dict()
        super().load({**tensors, **{f"attention.{key}": value for key, value in loaded.items()}}, name)

    def randomise(self, parts: tuple[str, ...]) -> None:
        """Set ``parts`` to random weights; attention, a part of the decoder, becomes that of new students."""
        super().randomise(parts)
        if "decoder" in parts:
            for level in ATTENDED:
                self._attention(level).renew()

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """The parameters of decoder and attention."""
        return {"decoder": [*super().parts()["decoder"], *self.attention.parameters()]}

    @torch.no_grad()
    def encode(self, styles: StyleBatch) -> Tensor:
        """Embeddings (B, N): the places of each level, one after the other."""
        embeddings = []
        for style in styles.pictures:
            with torch.autocast(style.device.type, enabled=False):
                square = F.interpolate(style.float(), (_SIDE, _SIDE), mode="bilinear", antialias=True)
                features = self._network().features(square)
            parts = [style_places(features[f"conv{level}_1"], level) for level in ATTENDED]
            embeddings.append(torch.cat([part.flatten() for part in parts]))
        return torch.stack(embeddings)

    def paint(self, image: Tensor, embeddings: Tensor, number: int | None = None) -> Tensor:
        """Paint as the engine at full strength; results may exceed [0, 1]."""
        height, width = image.shape[-2:]
        network = self._network()
        features = network.features(F.pad(image, (0, -width % 8, 0, -height % 8), mode="reflect"))
        value, tokens = features["conv4_1"], self._tokens(embeddings)
        for level in reversed(LEVELS):
            if level in ATTENDED:
                value = fused(value, features[f"conv{level}_1"], level)
                with torch.autocast(image.device.type, enabled=False):  # variances are small differences
                    changed = self._attended(value.float(), level, tokens[level])
                value = changed.contiguous(memory_format=torch.channels_last)
            value = network.decode(value, level)
        return value.float()[..., :height, :width]

    @torch.no_grad()
    def tensors(self) -> dict[str, Tensor]:
        """The tensors of attention and decoders, with the encoder if it is not the bundled one."""
        prefix = "attention."
        return {key.removeprefix(prefix): value for key, value in super().tensors().items()}

    def is_exported(self, key: str) -> bool:
        return super().is_exported(key) or key.startswith("attention")

    def _attended(self, value: Tensor, level: int, style: Tensor) -> Tensor:
        variance, mean = torch.var_mean(value, dim=(2, 3), correction=0, keepdim=True)
        attention = self._attention(level)
        normalised = places((value - mean) / (variance + _SLACK).sqrt())
        changed: Tensor = attention(normalised, *attention.tokens(style))
        return changed.transpose(1, 2).reshape(value.shape)

    def _tokens(self, embeddings: Tensor) -> dict[int, Tensor]:
        """The places (B, N, C) of each level in embeddings (B, …)."""
        channels, count = self._channels(), (_SIDE // 8) ** 2
        parts = torch.split(embeddings.float(), [count * channels[level] for level in ATTENDED], 1)
        return {
            level: part.view(len(part), count, channels[level])
            for level, part in zip(ATTENDED, parts, strict=True)
        }

    def _channels(self) -> dict[int, int]:
        scales = {level: self.scale.get_buffer(f"conv{level}_1") for level in ATTENDED}
        return {level: len(scale) for level, scale in scales.items()}

    def _attention(self, level: int) -> StyleAttention:
        return cast(StyleAttention, self.attention[f"attention{level}"])
