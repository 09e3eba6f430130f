"""The engine diffusion, on tiny random models from disk: both kinds, their options, and no network access."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from clips import shapes, write_clip
from tiny_models import save_stable_diffusion, save_unet

from vidstyle.cli.main import main
from vidstyle.engines.base import AnyEngine, load_engine
from vidstyle.engines.diffusion_hspace import HSpace, HStyle, slerp
from vidstyle.engines.diffusion_img2img import Img2Img, outlines
from vidstyle.errors import OptionError, WeightsMismatch, WeightsMissing

IMAGE = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(1))
PICTURE = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(2)) ** 2


@pytest.fixture(scope="module")
def unet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_unet(tmp_path_factory.mktemp("unet"))


@pytest.fixture(scope="module")
def stable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_stable_diffusion(tmp_path_factory.mktemp("stable") / "model")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked of other machines."""

    def refuse(self: socket.socket, address: object) -> None:
        raise AssertionError(f"a connection to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def _engine(folder: Path, **options: object) -> AnyEngine:
    return load_engine("diffusion", folder, {"steps": 6, **options})


def _painted(engine: AnyEngine, *, image: torch.Tensor = IMAGE, strength: float = 1.0) -> torch.Tensor:
    with torch.inference_mode():
        style = engine.at_strength(engine.encode_style(PICTURE), strength)
        return engine.stylize(image, style).image


def test_without_injection_the_painting_is_the_content_regenerated(unet: Path) -> None:
    engine = _engine(unet, gamma=0, steps=40)
    assert isinstance(engine, HSpace)
    with torch.inference_mode():
        small = engine._fitted(IMAGE)
        _, features = engine._inverted(small, None)
        assert len(features) == 40
        painted = _painted(engine)
        expected = torch.nn.functional.interpolate(small / 2 + 0.5, (48, 64), mode="bicubic", antialias=True)
    assert float((painted - expected.clamp(0, 1)).abs().mean()) < 0.02
    other = _painted(_engine(unet, gamma=0, steps=40), image=1 - IMAGE)
    assert float((painted - other).abs().mean()) > 0.05


def test_with_all_injection_the_bottleneck_is_the_styles(unet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = _engine(unet, gamma=1, until=0)
    assert isinstance(engine, HSpace)
    seen = []
    predicted = HSpace._predicted

    def spy(self: HSpace, value: torch.Tensor, time: int, h: torch.Tensor | None) -> object:
        seen.append(h)
        return predicted(self, value, time, h)

    with torch.inference_mode():
        style = engine.encode_style(IMAGE * 0.5)
        monkeypatch.setattr(HSpace, "_predicted", spy)
        engine.stylize(IMAGE, style)
    injected = [h for h in seen if h is not None]
    assert len(injected) == 6
    for h, wanted in zip(injected, style.features, strict=True):
        cosine = torch.nn.functional.cosine_similarity(h[0], wanted, dim=0)
        assert float(cosine.min()) > 0.999


def test_features_are_injected_only_down_to_the_time_that_is_chosen(unet: Path) -> None:
    full, half, none = (_painted(_engine(unet, until=until)) for until in (0, 0.5, 1))
    assert not torch.equal(full, half) and not torch.equal(half, none)


def test_slerp_turns_by_a_share_of_the_angle_and_keeps_the_length() -> None:
    first, second = torch.zeros(2, 1, 2, 1, 1)
    first[0, 0], second[0, 1] = 3, 5
    turned = slerp(first, second, 1 / 3)[0, :, 0, 0]
    assert turned.tolist() == pytest.approx([3 * 3**0.5 / 2, 1.5], abs=1e-4)
    assert torch.equal(slerp(first, second, 0), first)


@pytest.mark.parametrize("options", [{}, {"boost": 0.6}, {"start": "style"}], ids=str)
def test_a_painting_depends_on_its_seed_alone(unet: Path, options: dict[str, object]) -> None:
    first, again = (_painted(_engine(unet, **options)) for _ in range(2))
    assert torch.equal(first, again)
    other = _painted(_engine(unet, **options, seed=7))
    assert torch.equal(first, other) != ("boost" in options)  # without the boost there is no chance in it
    assert first.shape == IMAGE.shape and float(first.min()) >= 0 and float(first.max()) <= 1


def test_strength_scales_the_injection(unet: Path) -> None:
    weak, strong = _painted(_engine(unet), strength=0.5), _painted(_engine(unet))
    assert torch.equal(weak, _painted(_engine(unet, gamma=0.3)))
    assert not torch.equal(weak, strong)


def test_a_unet_by_itself_is_read_too(tmp_path: Path) -> None:
    engine = _engine(save_unet(tmp_path / "unet", with_scheduler=False))
    assert isinstance(engine.encode_style(PICTURE), HStyle)


def test_a_model_is_read_without_a_warning(
    unet: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = save_stable_diffusion(tmp_path / "model", with_controlnet=True)
    logger = logging.getLogger("diffusers")  # which does not propagate
    logger.addHandler(caplog.handler)
    try:
        for model in (unet, folder):
            _engine(model)
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.messages == []


def test_a_pipeline_paints_by_its_prompt_with_the_same_noise_for_all_frames(stable: Path) -> None:
    engine = _engine(stable, prompt="a painting", steps=3)
    assert isinstance(engine, Img2Img)
    first, again = _painted(engine), _painted(engine)
    assert torch.equal(first, again) and first.shape == IMAGE.shape
    assert not torch.equal(first, _painted(_engine(stable, prompt="sea", steps=3)))
    assert not torch.equal(first, _painted(_engine(stable, prompt="a painting", steps=3, seed=5)))
    near = _painted(engine, image=IMAGE + 0.001)
    assert float((near - first).abs().mean()) < 0.02


def test_a_controlnet_gets_the_edges_of_the_frame(tmp_path: Path) -> None:
    folder = save_stable_diffusion(tmp_path / "model", with_controlnet=True)
    image = torch.zeros(1, 3, 32, 32)
    image[..., 8:24, 8:24] = 1
    edges = outlines(image)
    assert edges.shape == image.shape and set(edges.flatten().tolist()) == {0.0, 1.0}
    assert float(edges[..., 12:20, 12:20].sum()) == 0 and float(edges[0, 0, 12:20, 7:9].sum()) > 0
    with_edges, without = (
        _painted(_engine(folder, steps=3, edges=edges), image=image) for edges in (1.0, 0.0)
    )
    assert not torch.equal(with_edges, without)


def test_with_an_ip_adapter_the_style_picture_counts(tmp_path: Path) -> None:
    folder = save_stable_diffusion(tmp_path / "model", with_adapter=True)
    engine = _engine(folder, steps=3)
    with torch.inference_mode():
        styles = [engine.encode_style(picture) for picture in (PICTURE, 1 - PICTURE)]
        first, other = (engine.stylize(IMAGE, style).image for style in styles)
        mixed = engine.stylize(IMAGE, engine.mix(styles, [0.5, 0.5])).image
        same = engine.stylize(IMAGE, engine.mix([styles[0], styles[0]], [0.25, 0.75])).image
        tensors = engine.style_tensors(styles[0])
        assert tensors is not None
        kept = engine.stylize(IMAGE, engine.style_from_tensors(tensors)).image
        without = _engine(folder, steps=3, picture=0)
        ignored = [
            without.stylize(IMAGE, without.encode_style(picture)).image for picture in (PICTURE, 1 - PICTURE)
        ]
    assert not torch.equal(first, other)
    assert not torch.equal(mixed, first) and not torch.equal(mixed, other)
    assert torch.equal(same, first) and torch.equal(kept, first)
    assert torch.equal(*ignored)


def test_a_step_may_end_a_painting(unet: Path, stable: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    for folder in (unet, stable):
        engine = _engine(folder)
        with pytest.raises(KeyboardInterrupt), torch.inference_mode():
            engine.stylize(IMAGE, engine.encode_style(PICTURE), on_step=stop)  # type: ignore[call-arg]


def test_a_clip_is_painted_by_keyframes_that_are_carried(unet: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", shapes(6, 64, 48))
    cv2.imwrite(str(tmp_path / "art.png"), np.full((32, 32, 3), (30, 200, 90), np.uint8))
    command = ["run", str(clip), "--style", str(tmp_path / "art.png"), "--engine", "diffusion"]
    command += ["--weights", str(unet), "--engine-option", "steps=3", "-o", str(tmp_path / "out.mp4")]
    assert main(command) == 0
    assert (tmp_path / "out.mp4").stat().st_size > 0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"gamma": "2"}, "gamma of diffusion must be from 0 to 1, got 2"),
        ({"steps": "x"}, "steps of diffusion must be a whole number of at least 2, got 'x'"),
        ({"start": "middle"}, "start of diffusion must be content or style"),
        ({"prompts": "x"}, "has no option 'prompts'; did you mean 'prompt'"),
    ],
)
def test_wrong_options_are_told(unet: Path, options: dict[str, object], line: str) -> None:
    with pytest.raises(OptionError, match=line):
        load_engine("diffusion", unet, options)


def test_a_folder_that_holds_no_model_is_told_in_a_line(tmp_path: Path, unet: Path) -> None:
    for folder in (None, tmp_path / "none", tmp_path / "file"):
        (tmp_path / "file").write_bytes(b"x")
        with pytest.raises(WeightsMissing, match="needs --weights FOLDER, a model in diffusers' format"):
            load_engine("diffusion", folder)
    with pytest.raises(WeightsMismatch, match=r"has no model_index\.json or config\.json"):
        load_engine("diffusion", tmp_path)
    (tmp_path / "model_index.json").write_text('{"_class_name": "DDPMPipeline"}')
    with pytest.raises(WeightsMismatch, match="is no U-Net that diffusers reads"):
        load_engine("diffusion", tmp_path)
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    with pytest.raises(WeightsMismatch, match="is no img2img pipeline that diffusers reads"):
        load_engine("diffusion", tmp_path)
    (tmp_path / "model_index.json").write_text("[]")
    with pytest.raises(WeightsMismatch, match="is not what diffusers writes"):
        load_engine("diffusion", tmp_path)
