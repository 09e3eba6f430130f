"""Published weights, converted for an engine: it paints what the authors' network does."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vidstyle.engines.adain import build
from vidstyle.errors import OptionError
from vidstyle.weights import engine_of

PROGRAM = Path(__file__).resolve().parent.parent / "tools" / "convert_weights.py"
# of the authors' nn.Sequential: channels of a convolution after padding by reflection, and a ReLU; or a layer
POOL, UP = nn.MaxPool2d(2, 2, 0, ceil_mode=True), nn.UpsamplingNearest2d(scale_factor=2)
VGG = (64, 64, POOL, 128, 128, POOL, 256, 256, 256, 256, POOL, 512, 512)
DECODER = (256, UP, 256, 256, 256, 128, UP, 128, 64, UP, 64, 3)


def sequential(inputs: int, plan: tuple[int | nn.Module, ...], *before: nn.Module) -> nn.Sequential:
    made = [*before]
    for layer in plan:
        if isinstance(layer, nn.Module):
            made.append(layer)
        else:
            made += [nn.ReflectionPad2d(1), nn.Conv2d(inputs, layer, 3), nn.ReLU()]
            inputs = layer
    network = nn.Sequential(*made)
    for module in network:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return network


@pytest.fixture(scope="module")
def networks() -> tuple[nn.Sequential, nn.Sequential]:
    torch.manual_seed(0)
    vgg, decoder = sequential(3, VGG, nn.Conv2d(3, 3, 1)), sequential(512, DECODER)[:-1]
    with torch.no_grad():  # so that pictures are in the middle of the range
        decoder.get_parameter("28.weight").mul_(0.1)
        decoder.get_parameter("28.bias").fill_(0.5)
    return vgg, decoder


@pytest.fixture(scope="module")
def files(networks: tuple[nn.Sequential, nn.Sequential], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    for name, network in zip(("vgg_normalised.pth", "decoder.pth"), networks, strict=True):
        torch.save(network.state_dict(), folder / name)
    return folder


def convert(encoder: Path, decoder: Path, target: Path, *more: str | Path) -> int:
    main: Any = runpy.run_path(str(PROGRAM))["main"]
    words = ["--encoder", encoder, "--decoder", decoder, "-o", target, *more]
    return int(main([str(word) for word in words]))


@torch.inference_mode()
def test_the_engine_paints_what_the_authors_network_does(
    networks: tuple[nn.Sequential, nn.Sequential], files: Path, tmp_path: Path
) -> None:
    target = tmp_path / "adain.safetensors"
    assert convert(files / "vgg_normalised.pth", files / "decoder.pth", target) == 0
    vgg, decoder = networks
    image, style = torch.rand(1, 3, 48, 64), torch.rand(1, 3, 384, 384)
    frame, aim = (vgg[:31](each) for each in (image, style))
    mean, deviation = (part(aim, (2, 3)) for part in (_mean, _deviation))
    changed = deviation * (frame - _mean(frame, (2, 3))) / _deviation(frame, (2, 3)) + mean
    expected = decoder(changed).clamp(0, 1)
    engine = build(target)
    painted = engine.stylize(image, engine.encode_style(style)).image
    assert expected.std() > 0.05 and 0.3 < expected.mean() < 0.7
    assert (painted - expected).abs().mean() < 2e-3


@torch.inference_mode()
def test_with_statistics_the_authors_network_paints_parts_too(files: Path, tmp_path: Path) -> None:
    target = tmp_path / "adain.safetensors"
    assert convert(files / "vgg_normalised.pth", files / "decoder.pth", target) == 0
    engine, image = build(target), torch.rand(1, 3, 16, 192)
    style, changed = engine.encode_style(torch.rand(1, 3, 32, 32)), image.clone()
    reach = engine.info.receptive_field
    assert reach is not None
    changed[..., 16 + reach :] = 0.0
    statistics = engine.stylize(image, style).statistics
    parts = [engine.stylize(each, style, statistics).image[..., :16] for each in (image, changed)]
    assert torch.equal(*parts)


def test_the_authors_network_has_one_level(files: Path, tmp_path: Path) -> None:
    target = tmp_path / "adain.safetensors"
    assert convert(files / "vgg_normalised.pth", files / "decoder.pth", target) == 0
    assert engine_of(target) == "adain"
    with pytest.raises(OptionError, match="which has level 4 only, got 43"):
        build(target, levels=43)


def test_a_file_that_is_not_the_authors_is_one_line(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder, decoder, other = files / "vgg_normalised.pth", files / "decoder.pth", tmp_path / "other.pth"
    target = tmp_path / "adain.safetensors"
    other.write_bytes(b"no tensors")
    listed = tmp_path / "list.pth"
    torch.save([1, 2], listed)
    for pair, message in (
        ((decoder, encoder), "--encoder is not AdaIN's: 2.weight must be of the shape (64, 3, 3, 3)"),
        ((other, decoder), "is not a file of tensors"),
        ((listed, decoder), "holds no dictionary of tensors, but list"),
        ((tmp_path / "none.pth", decoder), "no file"),
    ):
        assert convert(*pair, target) == 1
        told = capsys.readouterr().err
        assert message in told and told.count("\n") == 1
    assert not target.exists()


def _mean(value: Tensor, sides: tuple[int, int]) -> Tensor:
    return value.mean(sides, keepdim=True)


def _deviation(value: Tensor, sides: tuple[int, int]) -> Tensor:
    return (value.var(sides, keepdim=True) + 1e-5).sqrt()
