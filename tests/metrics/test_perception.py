"""LPIPS over a clip, and what is said while its network is not on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from truth import grid, run, still, texture

from vidstyle.errors import OptionError, WeightsMissing
from vidstyle.metrics.extras import needed
from vidstyle.metrics.lpips import LPIPS, TLPIPS

PICTURE = texture(grid(40, 50))


def mean_difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().mean())


def test_lpips_compares_with_each_frame_alone() -> None:
    metric = LPIPS(distance=mean_difference)
    value = run(metric, still(PICTURE, 3), [PICTURE + 0.2] * 3, alone=[PICTURE] * 3)
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


def test_a_library_that_is_not_installed_says_what_installs_it() -> None:
    with pytest.raises(
        OptionError, match=r"ssim needs nothing_of_that_name, which .* pip install 'vidstyle\[eval"
    ):
        needed("nothing_of_that_name.metrics", "ssim")
