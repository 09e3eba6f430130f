"""Networks of metrics from files: random weights in the published formats, against slow computations."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import AlexNet_Weights, VGG19_Weights, alexnet, vgg19
from truth import grid, texture

from vidstyle.cli.main import main
from vidstyle.errors import WeightsMismatch
from vidstyle.metrics import clip_consistency, lpips
from vidstyle.metrics import vgg19 as vgg19_features
from vidstyle.metrics.network_files import ALEXNET, FILES, VGG19
from vidstyle.optional_imports import require

PICTURE = texture(grid(64, 80))
OTHER = (PICTURE.flip(3) * 0.7 + 0.1).clamp(0, 1)


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def _saved(make: Callable[..., nn.Module], path: Path) -> nn.Module:
    """A network with random features, saved to ``path``; its classifier, of many MB, holds one number."""
    with torch.device("meta"):
        network = make(weights=None)
    chance = torch.Generator().manual_seed(1)
    states = {
        name: torch.randn(value.shape, generator=chance) * 0.05
        if name.startswith("features")
        else torch.zeros(1).expand(value.shape)
        for name, value in network.state_dict().items()
    }
    torch.save(states, path)
    network.load_state_dict(states, assign=True)
    return network.eval()


def test_the_addresses_are_those_of_torchvision() -> None:
    assert AlexNet_Weights.DEFAULT.url == ALEXNET.url
    assert VGG19_Weights.IMAGENET1K_V1.url == VGG19.url
    assert all(file.checksum is None or f"-{file.checksum}.pth" in file.url for file in FILES)


def test_lpips_is_its_formula_with_the_network_of_the_file(checkpoints: Path) -> None:
    network = _saved(alexnet, checkpoints / "alexnet-owt-7be5be79.pth")
    module = require("torchmetrics.functional.image.lpips", "lpips")
    linear = torch.load(
        Path(module.__file__).parent / "lpips_models" / "alex.pth", map_location="cpu", weights_only=True
    )
    shift, scale = (
        torch.tensor(values).view(1, 3, 1, 1) for values in ((-0.03, -0.088, -0.188), (0.458, 0.448, 0.45))
    )

    def features(picture: Tensor) -> list[Tensor]:
        """After each ReLU, each place's vector of length 1."""
        value, outputs = (2 * picture - 1 - shift) / scale, []
        for layer in network.get_submodule("features").children():
            value = layer(value)
            if isinstance(layer, nn.ReLU):
                outputs.append(value / value.norm(dim=1, keepdim=True).clamp_min(1e-8))
        return outputs

    expected = 0.0
    with torch.no_grad():
        for place, (one, other) in enumerate(zip(features(PICTURE), features(OTHER), strict=True)):
            weight = linear[f"lin{place}.model.1.weight"].flatten()
            square = (one - other)[0].pow(2)
            for row in range(square.shape[1]):
                for column in range(square.shape[2]):
                    expected += float(weight @ square[:, row, column]) / (square.shape[1] * square.shape[2])
    assert lpips.alexnet("lpips")(PICTURE, OTHER) == pytest.approx(expected, rel=1e-3)


def test_vgg19s_features_are_those_of_the_network_of_the_file(checkpoints: Path) -> None:
    network = _saved(vgg19, checkpoints / "vgg19-dcbb9e9d.pth")
    measured = vgg19_features.features().encoder.features(PICTURE)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    value = torch.from_numpy((PICTURE[0].permute(1, 2, 0).numpy() - mean) / deviation).float()
    expected = value.permute(2, 0, 1)[None]
    with torch.no_grad():
        kernels = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
        first = torch.relu(nn.functional.conv2d(expected, kernels[0].weight, kernels[0].bias, padding=1))
        second = torch.relu(nn.functional.conv2d(first, kernels[1].weight, kernels[1].bias, padding=1))
        pooled = nn.functional.max_pool2d(second, 2)
        third = torch.relu(nn.functional.conv2d(pooled, kernels[2].weight, kernels[2].bias, padding=1))
    assert torch.allclose(measured["conv1_1"], first, atol=1e-5)
    assert torch.allclose(measured["conv2_1"], third, atol=1e-5)


def test_clips_network_is_read_from_a_folder_and_its_cosine_is_that_of_its_embeddings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = require("transformers", "clip_consistency")
    torch.manual_seed(2)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = library.CLIPVisionConfig(**sizes, image_size=224, patch_size=56, projection_dim=8)
    network = library.CLIPVisionModelWithProjection(config).eval()
    network.save_pretrained(tmp_path / "clip")
    monkeypatch.setattr(clip_consistency, "CLIP_MODEL", str(tmp_path / "clip"))
    embed = clip_consistency.clip()
    with torch.no_grad():
        expected = network(pixel_values=clip_consistency.prepared(PICTURE)).image_embeds
    assert torch.allclose(embed(PICTURE), expected, atol=1e-5)


def test_the_doctor_lists_the_files_and_finds_a_wrong_one(
    checkpoints: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkpoints / "vgg19-dcbb9e9d.pth").write_bytes(b"not the network")
    (checkpoints / "art_inception.pth").write_bytes(b"whatever")
    assert main(["doctor"]) == 1
    output = capsys.readouterr().out
    assert re.search(r"NO  VGG-19 .* has SHA-256 [0-9a-f]{8}…, not dcbb9e9d…; fetch https://", output)
    assert re.search(r"ok  no AlexNet for lpips, tlpips, art_fid: fetch https://\S*alexnet\S* to ", output)
    assert re.search(r"ok  Inception for art_fid at .*\(no SHA-256 is published\)", output)
    assert "hf download openai/clip-vit-base-patch32" in output


def test_a_file_that_is_no_vgg19_is_told_in_a_line(checkpoints: Path) -> None:
    (checkpoints / "vgg19-dcbb9e9d.pth").write_bytes(b"not the network")
    with pytest.raises(WeightsMismatch, match="is not torchvision's VGG-19; remove it and fetch https://"):
        vgg19_features.features()
