"""LPIPS over a clip, and what is said while its network is not on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from truth import grid, run, still, texture

from vidstyle.errors import OptionError, WeightsMissing
from vidstyle.metrics.base import Motion, Sample
from vidstyle.metrics.clip_consistency import CLIPConsistency, prepared
from vidstyle.metrics.lpips import LPIPS, TLPIPS
from vidstyle.metrics.measurer import Measurer
from vidstyle.optional_imports import require

ZERO = Motion(torch.zeros(1, 2, 40, 50), torch.zeros(1, 2, 40, 50))
PICTURE = texture(grid(40, 50))


def mean_difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().mean())


def test_lpips_compares_with_each_frame_alone() -> None:
    metric = LPIPS(distance=mean_difference)
    value = run(metric, still(PICTURE, 3), [PICTURE + 0.2] * 3, baseline=[PICTURE] * 3)
    assert value == pytest.approx(0.2, rel=1e-4)


def test_tlpips_is_the_change_beyond_that_of_the_clip() -> None:
    results = [PICTURE, PICTURE + 0.1, PICTURE]
    assert run(TLPIPS(distance=mean_difference), still(PICTURE, 3), results) == pytest.approx(10, rel=1e-4)


def test_tlpips_of_a_result_that_changes_as_its_clip_is_zero() -> None:
    sequence = still(PICTURE, 3)
    assert run(TLPIPS(distance=mean_difference), sequence) == 0


@pytest.mark.parametrize("metric", [LPIPS, TLPIPS])
def test_a_network_that_is_not_on_disk_says_where_it_belongs(
    metric: type[LPIPS] | type[TLPIPS], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(WeightsMissing, match=r"lpips needs AlexNet's weights at .*alexnet.*; fetch https://"):
        metric()


def color(picture: Tensor) -> Tensor:
    return picture.mean((2, 3)) - 0.5


def test_clip_consistency_is_the_cosine_of_neighbours() -> None:
    red, green = torch.zeros(2, 1, 3, 8, 8) + 0.5
    red[:, 0] = 1
    green[:, 1] = 1
    sequence = still(PICTURE[..., :8, :8], 3)
    assert run(CLIPConsistency(embed=color), sequence, [red, red, green]) == pytest.approx(0.5, abs=1e-6)


def test_each_frame_is_embedded_once() -> None:
    seen = []

    def embed(picture: Tensor) -> Tensor:
        seen.append(picture)
        return color(picture)

    measurer = Measurer({"ours": {"clip": CLIPConsistency(embed=embed)}}, lambda *_: ZERO)
    for value in range(4):
        picture = PICTURE + 0.01 * value
        measurer.add({"ours": Sample(picture, picture)})
    assert len(seen) == 4


def test_clip_sees_the_middle_at_its_own_size() -> None:
    assert prepared(torch.rand(1, 3, 37, 90)).shape == (1, 3, 224, 224)
    grey = prepared(torch.full((1, 3, 300, 240), 0.5))
    assert grey[0, :, 5, 5].tolist() == pytest.approx([0.0692, 0.1617, 0.3325], abs=1e-3)


def test_a_library_that_is_not_installed_says_what_installs_it() -> None:
    with pytest.raises(
        OptionError, match=r"ssim needs nothing_of_that_name, which .* pip install 'vidstyle\[eval"
    ):
        require("nothing_of_that_name.metrics", "ssim")
