"""The commands of docs/training.md, one after the other, on small pictures."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from clips import shapes, write_clip
from folders import make_pictures

from vidstyle.cli.main import main
from vidstyle.registry import LOSSES, RECIPES
from vidstyle.training.config import PRESETS, TrainOptions

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", PAGE, re.S | re.M)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("vidstyle")]
# what would take hours is said last, and small
SMALL = (
    *("batch=1", "crop=32", "style_sides=32", "style_layers=conv1_1", "workers=0", "preview_size=16"),
    *("device=cpu", "losses=style=1"),
)


def test_the_commands_of_the_page_work_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_pictures(Path("photos"), 2)
    make_pictures(Path("paintings"), 2, seed=3)
    Path("painting.jpg").write_bytes((Path("paintings") / "0.png").read_bytes())
    write_clip(Path("clip.mp4"), shapes(2, 48, 32))
    Path("mine.toml").write_text(re.findall(r"^```toml\n(.*?)^```", PAGE, re.S | re.M)[0])
    for line in COMMANDS:
        arguments = shlex.split(line, comments=True)[1:]
        if arguments[0] == "train":
            arguments += [word for setting in SMALL for word in ("--set", setting)]
            arguments += ["--steps", "2" if "--resume" in arguments else "1"]
        assert main(arguments) == 0, (line, capsys.readouterr().err)
    assert Path("mine.safetensors").stat().st_size > 1_000_000
    assert {command.split()[1] for command in COMMANDS} == {"train", "export", "run"}


def test_the_page_names_every_recipe_preset_setting_and_loss() -> None:
    named = set(re.findall(r"`([\w-]+)`", PAGE))
    known = {*RECIPES, *PRESETS, *LOSSES, *TrainOptions.__dataclass_fields__}
    assert known - named == set()
