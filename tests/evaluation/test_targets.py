"""The article's targets: which are met, which are missed, and which were not measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import shapes, write_clip

from vidstyle.cli.main import main


def test_targets_are_told_in_a_row_for_each_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = shapes(4, 96, 64)
    clip = write_clip(tmp_path / "clip.mp4", pictures)
    near = write_clip(tmp_path / "near.mp4", pictures)
    far = write_clip(tmp_path / "far.mp4", [255 - picture for picture in pictures])
    command = ["evaluate", str(near), str(far), "--source", str(clip), "--targets", "--flow", "dis"]
    assert main([*command, "--metrics", "psnr,frame_difference"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("the article's targets")]
    assert [row.split(":")[0].split(", ")[1] for row in rows] == ["near", "far"]
    assert all("lpips < 0.15: not measured (name lpips in --metrics)" in row for row in rows)
    assert all("frame_difference < 5 %: " in row and "mos >= 4: ask people" in row for row in rows)
    assert "psnr >= 32 dB for light styles: " in rows[0]
    assert rows[0].split("light styles: ")[1].split("; ")[0].endswith(", met")
    assert rows[1].split("light styles: ")[1].split("; ")[0].endswith(", missed")
