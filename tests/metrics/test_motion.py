"""Motion for scoring: at an affordable size, the same with and without a cache."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from truth import grid, texture

from vidstyle.flow.cache import FlowCache
from vidstyle.flow.raft import Raft, RaftSmall
from vidstyle.metrics.motion import ScoringFlow

FIRST, SECOND = texture(grid(130, 160)), texture(grid(130, 160)).roll((1, 2), (2, 3))


class Constant:
    """Says that all moves by (3, -1.3) px; remembers the sizes it was shown."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, ...]] = []

    def __call__(self, source: Tensor, target: Tensor) -> Tensor:
        self.sizes.append(tuple(source.shape[-2:]))
        return torch.tensor([3.0, -1.3]).view(1, 2, 1, 1).expand(1, 2, *source.shape[-2:])


@pytest.fixture(scope="module")
def raft() -> Raft:
    return RaftSmall(updates=2)


def test_motion_at_a_smaller_size_grows_with_the_picture() -> None:
    estimator = Constant()
    motion = ScoringFlow(estimator, name="constant", size=65).between(FIRST, SECOND)
    assert estimator.sizes == [(65, 80)] * 2
    assert motion.forward.shape == motion.backward.shape == (1, 2, 130, 160)
    assert motion.forward[0, :, 60, 70].tolist() == pytest.approx([6, -2.6], rel=1e-2)


def test_small_pictures_are_taken_as_they_are() -> None:
    estimator = Constant()
    ScoringFlow(estimator, name="constant", size=360).between(FIRST, SECOND)
    assert estimator.sizes == [(130, 160)] * 2


@pytest.mark.parametrize("size", [None, 100])
def test_a_cache_changes_no_number_and_is_used(
    raft: Raft, tmp_path: Path, size: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ScoringFlow(raft, name="raft-small", size=size).between(FIRST, SECOND)
    cache = FlowCache(tmp_path)
    for _ in (0, 1):
        cached = ScoringFlow(raft, name="raft-small", size=size, cache=cache).between(FIRST, SECOND)
        assert torch.equal(cached.forward, plain.forward)
        assert torch.equal(cached.backward, plain.backward)
        monkeypatch.delattr(Raft, "_run", raising=False)  # the second time nothing is estimated


def test_what_is_stored_of_raft_small_is_its_own_grid(raft: Raft, tmp_path: Path) -> None:
    motion = ScoringFlow(raft, name="raft-small", cache=FlowCache(tmp_path)).between(FIRST, SECOND)
    there, back = raft.both(FIRST, SECOND)
    assert torch.allclose(motion.forward, there, atol=1e-5)
    assert torch.allclose(motion.backward, back, atol=1e-5)
    assert sum(path.stat().st_size for path in tmp_path.glob("??/*")) < there.numel()  # bytes; all is 8x that


def test_other_settings_find_nothing_of_these(raft: Raft, tmp_path: Path) -> None:
    cache = FlowCache(tmp_path)
    ScoringFlow(raft, name="raft-small", cache=cache).between(FIRST, SECOND)
    ScoringFlow(raft, name="raft-small", size=100, cache=cache).between(FIRST, SECOND)
    ScoringFlow(RaftSmall(updates=1), name="raft-small", cache=cache).between(FIRST, SECOND)
    assert len(list(tmp_path.glob("??/*.npz"))) == 3
