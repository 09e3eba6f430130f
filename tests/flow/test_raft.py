"""RAFT: bundled weights, any size, the same numbers as torchvision's own forward pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import optical_flow

from vidstyle.errors import OptionError, WeightsMismatch, WeightsMissing
from vidstyle.flow.raft import Raft, RaftLarge, RaftSmall


@pytest.fixture(scope="module")
def raft() -> Raft:
    return RaftSmall(updates=4)


def blobs(height: int, width: int, *, seed: int = 0) -> Tensor:
    """Smooth noise (1, 3, H, W) in [0, 1], rich enough for motion to be seen everywhere."""
    noise = torch.rand(1, 3, height // 8 + 2, width // 8 + 2, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise, size=(height, width), mode="bicubic").clamp(0, 1)


def test_motion_of_a_shifted_picture_is_the_shift(raft: Raft) -> None:
    picture = blobs(160, 200)
    flow = raft(picture[..., 8:152, 8:192], picture[..., 5:149, 10:194])
    # what lay at (x, y) in the first lies at (x - 2, y + 3) in the second
    assert flow[0, :, 40:-40, 40:-40].mean((1, 2)).tolist() == pytest.approx([-2, 3], abs=0.15)


def test_both_ways_equal_two_single_estimates(raft: Raft) -> None:
    first, second = blobs(128, 136), blobs(128, 136).roll((1, 2), (2, 3))
    there, back = raft.both(first, second)
    assert torch.allclose(there, raft(first, second), atol=1e-4)
    assert torch.allclose(back, raft(second, first), atol=1e-4)


@pytest.mark.parametrize("build", [optical_flow.raft_small, optical_flow.raft_large])
def test_numbers_are_those_of_torchvision(build: Any) -> None:
    torch.manual_seed(0)
    network = build(weights=None, progress=False).eval()
    first, second = blobs(128, 128), blobs(128, 128).roll(1, 3)
    with torch.inference_mode():
        expected = network(first * 2 - 1, second * 2 - 1, num_flow_updates=2)[-1]
    assert torch.allclose(Raft(network, updates=2)(first, second), expected, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (37, 53), (130, 141)])
def test_any_size_comes_back_as_it_went_in(raft: Raft, height: int, width: int) -> None:
    flow = raft(blobs(height, width), blobs(height, width))
    assert flow.shape == (1, 2, height, width)
    assert flow.dtype == torch.float32
    assert flow.abs().median() < 1  # nothing moved


def test_a_batch_equals_its_pairs(raft: Raft) -> None:
    first = torch.cat([blobs(128, 128, seed=seed) for seed in (1, 2)])
    second = first.roll(2, 3)
    assert torch.allclose(raft(first, second)[1:], raft(first[1:], second[1:]), atol=1e-4)


def test_nothing_is_kept_between_calls(raft: Raft) -> None:
    first, second, other = blobs(128, 128), blobs(128, 128).roll(3, 2), blobs(128, 128, seed=5)
    before = raft(first, second)
    raft(other, first)
    assert torch.equal(raft(first, second), before)


def test_pictures_of_two_sizes_are_refused(raft: Raft) -> None:
    with pytest.raises(ValueError, match="one size"):
        raft(blobs(64, 64), blobs(64, 72))


def test_updates_below_one_are_refused() -> None:
    with pytest.raises(OptionError, match="updates must be 1 or more, got 0"):
        RaftSmall(updates=0)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"something": torch.zeros(3)}, path)
    with pytest.raises(WeightsMismatch, match="does not hold this network"):
        RaftSmall(path)


def test_a_file_that_is_no_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.pth"
    path.write_text("no weights")
    with pytest.raises(WeightsMismatch, match=r"large\.pth cannot be read as weights"):
        RaftLarge(path)


def test_large_loads_a_file_of_torchs_own(tmp_path: Path) -> None:
    path = tmp_path / "large.pth"
    network = optical_flow.raft_large(weights=None, progress=False)
    torch.save(network.state_dict(), path)
    picture = blobs(128, 128)
    expected = Raft(network, updates=1)(picture, picture)
    assert torch.equal(RaftLarge(path, updates=1)(picture, picture), expected)


def test_large_without_a_file_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(
        WeightsMissing, match=r"no weights for raft-large at .*checkpoints.*--flow raft-small"
    ):
        RaftLarge()
