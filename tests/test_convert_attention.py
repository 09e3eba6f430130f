"""Published weights of SANet and AdaAttN, converted: the engine paints what their formulas say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from test_convert_weights import DECODER, POOL, VGG, convert, sequential
from torch import Tensor, nn

from vidstyle.engines import published_attention
from vidstyle.engines.base import load_engine
from vidstyle.engines.published_attention import PublishedAttention
from vidstyle.errors import WeightsMismatch
from vidstyle.weights import engine_of

ENDS = (0, 4, 11, 18, 31, 44)  # of the VGG-19's layers: relu1_1, relu2_1 … relu5_1
CHANNELS = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}
Convolution = tuple[Tensor, Tensor]


@dataclass
class Published:
    """Random networks of a method, the files of their tensors, and the engine made of them."""

    vgg: nn.Sequential
    decoder: nn.Sequential
    transformer: dict[str, Tensor]
    attention: dict[str, Tensor] | None
    file: Path
    engine: PublishedAttention

    def convolution(self, source: dict[str, Tensor], key: str) -> Convolution:
        return source[f"{key}.weight"], source[f"{key}.bias"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Styles of 128x128 px with 256 places at conv3_1, of 1,024."""
    monkeypatch.setattr(published_attention, "_STYLE_AREA", 128 * 128)
    monkeypatch.setattr(published_attention, "_MOST_TOKENS", 256)


@pytest.fixture(scope="module", params=["sanet", "adaattn"])
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Published:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp(request.param)
    vgg = sequential(3, (*VGG, 512, 512, POOL, 512), nn.Conv2d(3, 3, 1))
    is_adaattn = request.param == "adaattn"
    decoder = sequential(512, DECODER)[:-1]
    if is_adaattn:
        decoder[5] = nn.Conv2d(512, 256, 3)  # the first after features are doubled for the first time
    with torch.no_grad():  # so that pictures are in the middle of the range
        decoder.get_parameter("28.weight").mul_(0.1)
        decoder.get_parameter("28.bias").fill_(0.5)
    if is_adaattn:
        transformer = {
            **linear("attn_adain_4_1.f", 960),
            **linear("attn_adain_4_1.g", 960),
            **linear("attn_adain_4_1.h", 512),
            **linear("attn_adain_5_1.f", 1472),
            **linear("attn_adain_5_1.g", 1472),
            **linear("attn_adain_5_1.h", 512),
        }
        attention = {**linear("f", 448), **linear("g", 448), **linear("h", 256)}
    else:
        parts = [f"sanet{level}_1.{part}" for level in (4, 5) for part in ("f", "g", "h", "out_conv")]
        transformer = {key: value for part in parts for key, value in linear(part, 512).items()}
        attention = None
    merge = nn.Conv2d(512, 512, 3).state_dict()
    transformer |= {f"merge_conv.{part}": value for part, value in merge.items()}
    torch.save(vgg.state_dict(), folder / "vgg_normalised.pth")
    torch.save(split(decoder.state_dict()) if is_adaattn else decoder.state_dict(), folder / "decoder.pth")
    torch.save(transformer, folder / "transformer.pth")
    more: list[str | Path] = ["--transformer", folder / "transformer.pth"]
    if attention is not None:
        torch.save(attention, folder / "attention.pth")
        more += ["--attention", folder / "attention.pth"]
    file = folder / "own.safetensors"
    assert convert(folder / "vgg_normalised.pth", folder / "decoder.pth", file, *more) == 0
    engine = load_engine("attention", file)
    assert isinstance(engine, PublishedAttention)
    return Published(vgg, decoder, transformer, attention, file, engine)


def linear(name: str, channels: int) -> dict[str, Tensor]:
    """A 1x1 convolution; queries and keys are small, so that attention is not to one place alone."""
    scale = 0.3 if name[-1] in "fg" else 1.0
    weight = scale * torch.randn(channels, channels, 1, 1) / channels**0.5
    return {f"{name}.weight": weight, f"{name}.bias": 0.1 * torch.randn(channels)}


def split(decoder: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a decoder in two parts, the second from the place 4 on."""
    named = {}
    for key, value in decoder.items():
        place, part = key.split(".")
        is_first = int(place) < 4
        named[f"decoder_layer_{1 if is_first else 2}.{int(place) - (0 if is_first else 4)}.{part}"] = value
    return named


@torch.inference_mode()
def test_the_engine_paints_what_the_published_formulas_say(published: Published) -> None:
    image, style = picture(48, 80, 1), picture(128, 128, 2)
    frame, aim = (list(levels(published.vgg, each)) for each in (image, style))
    expected = adaattn(published, frame, aim) if published.attention else sanet(published, frame, aim)
    painted = published.engine.stylize(image, published.engine.encode_style(style)).image
    assert expected.std() > 0.02 and 0.2 < expected.mean() < 0.8
    assert (painted - expected).abs().mean() < 1e-4
    assert (painted - expected).abs().max() < 5e-3


def picture(height: int, width: int, seed: int) -> Tensor:
    rough = torch.rand(1, 3, height // 8, width // 8, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(rough, (height, width), mode="bilinear")


def levels(vgg: nn.Sequential, image: Tensor) -> Iterator[Tensor]:
    """relu1_1 to relu5_1."""
    value = image
    for first, last in pairwise(ENDS):
        value = vgg[first:last](value)
        yield value


def normalised(features: Tensor) -> Tensor:
    deviation = (features.var((2, 3), keepdim=True) + 1e-5).sqrt()
    return (features - features.mean((2, 3), keepdim=True)) / deviation


def flat(features: Tensor) -> Tensor:
    return features.flatten(2)[0].T


def sanet(published: Published, frame: list[Tensor], style: list[Tensor]) -> Tensor:
    """Park and Lee 2019, eq. 1 to 4, place by place."""
    attended = {}
    for level in (4, 5):
        own, other = frame[level - 1], style[level - 1]
        query, key, value, out = (
            published.convolution(published.transformer, f"sanet{level}_1.{part}")
            for part in ("f", "g", "h", "out_conv")
        )
        queries, keys = flat(F.conv2d(normalised(own), *query)), flat(F.conv2d(normalised(other), *key))
        values = flat(F.conv2d(other, *value))
        places = torch.stack([(keys @ each).softmax(0) @ values for each in queries])
        attended[level] = F.conv2d(places.T.reshape(own.shape), *out) + own
    painted: Tensor = published.decoder(merged(published, attended))
    return painted.clamp(0, 1)


def adaattn(published: Published, frame: list[Tensor], style: list[Tensor]) -> Tensor:
    """Liu et al. 2021, eq. 4 to 8, place by place."""
    attended = {}
    for level in (3, 4, 5):
        assert published.attention is not None
        source = published.attention if level == 3 else published.transformer
        prefix = "" if level == 3 else f"attn_adain_{level}_1."
        query, key, value = (published.convolution(source, prefix + part) for part in "fgh")
        own, other = frame[level - 1], style[level - 1]
        queries, keys = (
            flat(F.conv2d(compared(each, level), *part)) for each, part in ((frame, query), (style, key))
        )
        values = flat(F.conv2d(other, *value))
        if level == 3:
            torch.manual_seed(6666)
            chosen = torch.randperm(len(values))[:256]
            keys, values = keys[chosen], values[chosen]
        places = []
        for each in queries:
            shares = (keys @ each).softmax(0)[:, None]
            mean = (shares * values).sum(0)
            places.append(torch.cat([mean, (shares * (values - mean) ** 2).sum(0).sqrt()]))
        means, deviations = torch.stack(places).T.reshape(1, -1, *own.shape[2:]).chunk(2, 1)
        attended[level] = deviations * normalised(own) + means
    value = published.decoder[:4](merged(published, attended))
    painted: Tensor = published.decoder[4:](torch.cat([value, attended[3]], 1))
    return painted.clamp(0, 1)


def compared(features: list[Tensor], level: int) -> Tensor:
    sides = features[level - 1].shape[2:]
    return torch.cat([normalised(F.interpolate(each, sides)) for each in features[:level]], 1)


def merged(published: Published, attended: dict[int, Tensor]) -> Tensor:
    both = attended[4] + F.interpolate(attended[5], scale_factor=2.0)
    return F.conv2d(
        F.pad(both, (1, 1, 1, 1), "reflect"), *published.convolution(published.transformer, "merge_conv")
    )


@torch.inference_mode()
def test_with_statistics_paint_depends_on_the_receptive_field_only(published: Published) -> None:
    engine = published.engine
    reach = engine.info.receptive_field
    assert reach is not None and reach % 16 == 0
    image = torch.rand(1, 3, 32, reach + 64)
    style, changed = engine.encode_style(picture(128, 128, 2)), image.clone()
    changed[..., 16 + reach :] = 0.0
    statistics = engine.stylize(image, style).statistics
    parts = [engine.stylize(each, style, statistics).image for each in (image, changed)]
    assert torch.equal(*(part[..., :16] for part in parts))
    assert not torch.equal(*(part[..., 32:48] for part in parts))  # nor is the field much smaller


@torch.inference_mode()
def test_pictures_of_any_size_are_painted_and_styles_are_mixed_and_kept(published: Published) -> None:
    engine = published.engine
    styles = [engine.encode_style(picture(*size, 3)) for size in ((128, 128), (400, 16))]
    mixed = engine.mix(styles, [0.75, 0.25])
    for size in ((16, 16), (16, 40), (33, 50)):
        image = torch.rand(1, 3, *size)
        painted = engine.stylize(image, mixed).image
        assert painted.shape == image.shape
        kept = engine.style_from_tensors(engine.style_tensors(mixed))
        assert torch.equal(engine.stylize(image, kept).image, painted)
        alone = [engine.stylize(image, style).image for style in styles]
        assert all((painted - each).abs().max() > 1e-3 for each in alone)
        same = engine.stylize(image, engine.mix([styles[0]] * 2, [0.75, 0.25])).image
        assert (same - alone[0]).abs().max() < 1e-3


@torch.inference_mode()
def test_bfloat16_paints_nearly_what_float32_does(published: Published) -> None:
    engine, image = published.engine, picture(64, 64, 5)
    style = engine.encode_style(picture(128, 128, 2))
    exact, coarse = (engine.stylize(each, style).image for each in (image, image.bfloat16()))
    assert coarse.dtype == torch.bfloat16
    assert (coarse.float() - exact).abs().mean() < 0.02


def test_a_file_that_lacks_a_tensor_is_one_line(published: Published, tmp_path: Path) -> None:
    assert engine_of(published.file) == "attention"
    tensors = load_file(published.file)
    for key in ("encoder.conv5_1.bias", "attention4.key.weight", "merge.bias"):
        path = tmp_path / "less.safetensors"
        save_file({name: value for name, value in tensors.items() if name != key}, path)
        with pytest.raises(WeightsMismatch, match=rf"does not hold SANet's or AdaAttN's VGG-19: {key} is"):
            load_engine("attention", path)


def test_files_that_do_not_belong_together_are_one_line(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, target = published.file.parent, tmp_path / "own.safetensors"
    encoder, decoder = folder / "vgg_normalised.pth", folder / "decoder.pth"
    transformer, shallow = folder / "transformer.pth", tmp_path / "shallow.pth"
    torch.save({key: value for key, value in published.vgg.state_dict().items() if key[:2] != "42"}, shallow)
    attention: list[str | Path] = ["--attention", folder / "attention.pth"] if published.attention else []
    with_other: list[str | Path] = [] if published.attention else ["--attention", decoder]
    wrong_attention = "AdaAttN needs --attention" if published.attention else "SANet takes no --attention"
    cases: tuple[tuple[Path, Path, list[str | Path], str], ...] = (
        (shallow, decoder, attention, "--encoder is not"),
        (encoder, encoder, attention, "--decoder is not"),
        (encoder, decoder, with_other, wrong_attention),
    )
    for first, second, more, message in cases:
        assert convert(first, second, target, "--transformer", transformer, *more) == 1
        told = capsys.readouterr().err
        assert message in told and told.count("\n") == 1
    assert convert(encoder, decoder, target, "--transformer", encoder) == 1
    assert "--transformer is neither SANet's nor AdaAttN's" in capsys.readouterr().err
    assert not target.exists()
