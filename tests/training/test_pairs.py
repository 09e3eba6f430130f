"""Motion of pairs: drawn for single pictures, and estimated for frames of clips."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from clips import shapes, write_clip
from folders import small

from vidstyle.flow.base import load_flow
from vidstyle.flow.warp import warp
from vidstyle.training import curves
from vidstyle.training.known_motion import estimated_motion, random_motion
from vidstyle.training.trainer import train


def smooth(height: int = 64, width: int = 96) -> torch.Tensor:
    rough = torch.rand(2, 3, 8, 12, generator=torch.Generator().manual_seed(1))
    return F.interpolate(rough, (height, width), mode="bicubic").clamp(0, 1)


def test_a_drawn_motion_leads_back_to_the_picture() -> None:
    picture = smooth()
    later, motion, inside = random_motion(picture, torch.Generator().manual_seed(3))
    back, _ = warp(picture, motion)
    assert ((later - back) * inside).abs().mean() < 0.005
    assert (later - picture).abs().mean() > 0.01
    fraction = motion - motion.round()
    assert fraction.abs().max() > 0.3  # not whole
    assert motion.abs().max() < 4 + 0.03 * 96 + 0.03 * 96
    assert 0.5 < inside.float().mean() < 1


def test_the_motion_of_frames_leads_from_the_later_to_the_earlier() -> None:
    earlier = smooth(96, 128)
    later = torch.roll(earlier, 3, dims=3)  # everything moves 3 px to the right
    motion, trusted = estimated_motion(load_flow("dis", "cpu"), earlier, later)
    middle = motion[..., 24:72, 32:96]
    assert float(middle[:, 0].median()) == pytest.approx(-3, abs=0.3)
    assert float(middle[:, 1].median()) == pytest.approx(0, abs=0.3)
    assert trusted[..., 24:72, 32:96].float().mean() > 0.5
    assert trusted.dtype == torch.bool


def test_a_run_learns_from_clips(contents: Path, styles: Path, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    write_clip(tmp_path / "clips" / "moving.mp4", shapes(6, 96, 64))
    pairs = (
        "batch=1",
        "losses=style=1,warped=2,frame-difference=1",
        f"clips={tmp_path / 'clips'}",
        "flow=dis",
    )
    train("stylenet", contents, styles, tmp_path / "run", small("stylenet", 1, *pairs))
    row = curves.read(tmp_path / "run")[0]
    assert 0 < row["warped"] < 3
    assert 0 < row["frame-difference"] < 10


def test_a_run_at_half_precision_has_nearly_the_same_losses(
    contents: Path, styles: Path, tmp_path: Path
) -> None:
    totals = []
    for precision in ("fp32", "bf16"):
        options = small(
            "stylenet", 1, "losses=content=0.1,distillation=1,style=1,warped=1", f"precision={precision}"
        )
        train("stylenet", contents, styles, tmp_path / precision, options)
        totals.append(curves.read(tmp_path / precision)[0]["total"])
    assert totals[0] != totals[1]
    assert totals[1] == pytest.approx(totals[0], rel=0.1)
