"""VGG-19 as the perceptual encoder of metrics, with torchvision's ImageNet weights from torch's cache."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn
from torchvision.models import vgg19

from vidstyle.errors import WeightsMismatch, WeightsMissing
from vidstyle.metrics.network_files import VGG19 as FILE
from vidstyle.metrics.perceptual_features import STYLE_LAYERS, Features

_PLACES = {"conv1_1": 1, "conv2_1": 6, "conv3_1": 11, "conv4_1": 20}  # after the ReLU, in torchvision's list
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, RGB


class VGG19(nn.Module):
    """VGG-19 to conv4_1, layers by name; its features are not scaled, as in papers."""

    layers = STYLE_LAYERS

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.network = layers[: max(_PLACES.values()) + 1].requires_grad_(False).eval()
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(1, 3, 1, 1))

    def features(self, image: Tensor, layers: Collection[str] = STYLE_LAYERS) -> dict[str, Tensor]:
        """Features (B, C, h, w) after the ReLU of ``layers``, of an ``image`` (B, 3, H, W) RGB in [0, 1]."""
        wanted = {_PLACES[layer]: layer for layer in layers}
        outputs: dict[str, Tensor] = {}
        value = (image.float() - self.get_buffer("mean")) / self.get_buffer("deviation")
        for place, layer in enumerate(self.network):
            value = layer(value)
            if place in wanted:
                outputs[wanted[place]] = value
        return outputs

    def scale(self, layer: str) -> Tensor:
        """Ones: see the class."""
        return self.get_buffer("mean").new_ones(1)


def features(device: torch.device | str = "cpu") -> Features:
    """VGG-19's features; ``WeightsMissing`` if torchvision's weights are not in torch's cache."""
    path, url = FILE.path, FILE.url
    if not path.is_file():
        raise WeightsMissing(f"no weights for vgg19 at {path}; fetch {url} to there, or use --features vgg16")
    with torch.device("meta"):  # random weights, which would be replaced, take seconds
        network = vgg19(weights=None, init_weights=False)
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), assign=True)
    except Exception as error:  # pickle and zip raise many kinds of errors for other files
        raise WeightsMismatch(f"{path} is not torchvision's VGG-19; remove it and fetch {url}") from error
    return Features(VGG19(network.features).to(device))
