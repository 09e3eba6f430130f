"""FID and ArtFID: the distance itself, the squares, and networks of random weights from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from truth import grid, noisy, run, still, texture

from vidstyle.errors import OptionError, WeightsMismatch, WeightsMissing
from vidstyle.metrics.base import Setup
from vidstyle.metrics.fid import FID, ArtFID, ArtInception, Frechet, art_inception, inception, squares
from vidstyle.optional_imports import require

PICTURE = texture(grid(48, 64))
STYLE = texture(grid(60, 60)).flip(1) ** 2


class Small(nn.Module):
    """Six numbers a square."""

    num_features = 6

    def forward(self, pictures: Tensor) -> Tensor:
        return torch.cat([pictures.mean((2, 3)), pictures.std((2, 3))], 1)


def small() -> Frechet:
    distance = require("torchmetrics.image.fid", "fid").FrechetInceptionDistance(feature=Small())
    return Frechet(distance, lambda square: square)


def seen(pictures: list[Tensor], *, overlap: bool = False) -> np.ndarray:
    return np.concatenate(
        [Small()(square).double().numpy() for p in pictures for square in squares(p, overlap=overlap)]
    )


def expected(results: list[Tensor]) -> float:
    """The Fréchet distance by its formula."""
    ours, style = seen(results), seen([STYLE], overlap=True)
    one, other = np.cov(ours, rowvar=False), np.cov(style, rowvar=False)
    means = np.square(ours.mean(0) - style.mean(0)).sum()
    values, vectors = np.linalg.eigh(one)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    both = np.sqrt(np.linalg.eigvalsh(root @ other @ root).clip(0)).sum()  # trace of (one · other)^(1/2)
    return float(means + np.trace(one + other) - 2 * both)


def test_fid_is_the_frechet_distance_between_squares_of_the_clip_and_of_the_style() -> None:
    results = noisy([PICTURE] * 3, 0.01)
    metric = FID(Setup(style=STYLE), small())
    assert run(metric, still(PICTURE, 3), results) == pytest.approx(expected(results), rel=1e-3)
    assert metric.remark == "fid: 12 squares of the result against 9 of the style"


def test_fid_of_the_style_itself_is_nearer_than_that_of_the_clip() -> None:
    values = [run(FID(Setup(style=STYLE), small()), still(p, 4)) for p in (STYLE, PICTURE)]
    assert values[0] is not None and values[1] is not None and values[0] < 0.2 * values[1]


def test_art_fid_is_the_product_of_content_and_style() -> None:
    results = noisy([PICTURE + 0.2] * 3, 0.01)
    metric = ArtFID(Setup(style=STYLE), small(), lambda one, other: float((one - other).abs().mean()))
    content = np.mean([float((result - PICTURE).abs().mean()) for result in results])
    value = run(metric, still(PICTURE, 3), results)
    assert value == pytest.approx((1 + content) * (1 + expected(results)), rel=1e-3)


def test_one_square_has_no_value() -> None:
    metric = FID(Setup(style=STYLE), small())
    assert metric.result() is None


def test_squares_are_half_of_the_short_side() -> None:
    assert [tuple(s.shape[-2:]) for s in squares(torch.zeros(1, 3, 36, 64))] == [(18, 18)] * 6
    assert len(list(squares(torch.zeros(1, 3, 36, 64), overlap=True))) == 3 * 6
    assert len(list(squares(torch.zeros(1, 3, 1, 2)))) == 2


@pytest.mark.parametrize(("metric", "name"), [(FID, "fid"), (ArtFID, "art_fid")])
def test_a_network_that_is_not_on_disk_says_where_it_belongs(
    metric: type[FID] | type[ArtFID], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(
        WeightsMissing, match=rf"^{name} needs Inception's weights at .*\.pth; fetch https://"
    ):
        metric(Setup(style=STYLE))
    with pytest.raises(OptionError, match=f"^{name} needs the style picture; give --style"):
        metric(Setup())


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


@pytest.mark.parametrize(
    ("make", "file"),
    [(inception, "weights-inception-2015-12-05-6726825d.pth"), (art_inception, "art_inception.pth")],
)
def test_a_file_that_is_no_such_network_is_one_line(
    make: type[Frechet], file: str, checkpoints: Path
) -> None:
    (checkpoints / file).write_bytes(b"<html>not found</html>")
    with pytest.raises(WeightsMismatch, match=r"Inception; remove it and fetch https://"):
        make()  # type: ignore[call-arg]
    torch.save({"fc.weight": torch.zeros(3)}, checkpoints / file)
    with pytest.raises(WeightsMismatch, match=r"Inception; remove it and fetch https://"):
        make()  # type: ignore[call-arg]


def test_art_fids_network_is_read_from_its_file(checkpoints: Path) -> None:
    torch.manual_seed(0)
    network = ArtInception()
    states = {**network.network.state_dict(), "fc1.weight": torch.zeros(8, 2048), "fc1.bias": torch.zeros(8)}
    torch.save(states, checkpoints / "art_inception.pth")
    frechet = art_inception()
    frechet.add(PICTURE)
    with torch.inference_mode():
        large = [nn.functional.interpolate(s, size=(75, 75), mode="bilinear") for s in squares(PICTURE)]
        features = torch.cat([network(square) for square in large]).double()
    assert torch.allclose(frechet._distance.fake_features_sum, features.sum(0), rtol=1e-4, atol=1e-6)


def test_fids_network_is_read_from_its_file(checkpoints: Path) -> None:
    library = require("torch_fidelity.feature_extractor_inceptionv3", "fid")
    torch.manual_seed(0)
    whole = _untrained(library)
    torch.save(whole.state_dict(), checkpoints / "weights-inception-2015-12-05-6726825d.pth")
    frechet = inception()
    frechet.add(PICTURE)
    assert frechet._distance.fake_features_num_samples == 4
    assert frechet._distance.fake_features_sum.isfinite().all()
    assert frechet._distance.fake_features_sum.abs().sum() > 0


def _untrained(library: object) -> nn.Module:
    """FID's network before weights are read: its class insists on a file."""
    kind = library.FeatureExtractorInceptionV3  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "load_state_dict_from_url", lambda *words, **options: {})
        patch.setattr(kind, "load_state_dict", lambda self, states: None)
        network: nn.Module = kind("inception-v3-compat", ["2048"])
    return network
