"""An empty string as a path, from a variable that was not set: one error that names the argument."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import shapes, write_clip

import vidstyle
from vidstyle.errors import OptionError
from vidstyle.pipeline.contact_sheet import make_sheet
from vidstyle.training.config import settings
from vidstyle.training.trainer import train
from vidstyle.training.weights_export import export


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", shapes(3, 64, 48))


@pytest.fixture(scope="module")
def art(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("art") / "art.png"
    cv2.imwrite(str(path), np.random.default_rng(4).integers(0, 255, (40, 40, 3), np.uint8))
    return path


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("source", lambda clip, art: vidstyle.stylize_video("", style=art)),
        ("target", lambda clip, art: vidstyle.stylize_video(clip, "", style=art)),
        ("style", lambda clip, art: vidstyle.stylize_video(clip, style="")),
        ("style", lambda clip, art: vidstyle.stylize_video(clip, style=[art, ""])),
        ("style", lambda clip, art: vidstyle.stylize_frames([], style="")),
        ("style", lambda clip, art: vidstyle.Stylizer("")),
        ("source", lambda clip, art: vidstyle.Stylizer(art).video("")),
        ("target", lambda clip, art: vidstyle.Stylizer(art).video(clip, "")),
        ("style", lambda clip, art: vidstyle.Stylizer(art).image(art, style="")),
        ("image", lambda clip, art: vidstyle.stylize_image("", style=art)),
        ("target", lambda clip, art: vidstyle.stylize_image(art, "", style=art)),
        ("clip", lambda clip, art: vidstyle.steady("", clip)),
        ("painted", lambda clip, art: vidstyle.steady(clip, "")),
        ("target", lambda clip, art: vidstyle.steady(clip, clip, "")),
        ("clip", lambda clip, art: vidstyle.propagate("", {0: art})),
        ("target", lambda clip, art: vidstyle.propagate(clip, {0: art}, "")),
        ("result", lambda clip, art: vidstyle.evaluate("", source=clip)),
        ("result", lambda clip, art: vidstyle.evaluate([clip, ""], source=clip)),
        ("source", lambda clip, art: vidstyle.evaluate(clip, source="")),
        ("style", lambda clip, art: vidstyle.evaluate(clip, source=clip, style="")),
        ("baseline", lambda clip, art: vidstyle.evaluate(clip, source=clip, baseline="")),
        ("heatmap", lambda clip, art: vidstyle.evaluate(clip, source=clip, heatmap="")),
        ("source", lambda clip, art: make_sheet("", "sheet.png", style=art)),
        ("target", lambda clip, art: make_sheet(clip, "", style=art)),
        ("style", lambda clip, art: make_sheet(clip, "sheet.png", style=[""])),
        ("content", lambda clip, art: train("stylenet", "", art.parent, "run", settings("stylenet"))),
        ("style", lambda clip, art: train("stylenet", art.parent, "", "run", settings("stylenet"))),
        ("output", lambda clip, art: train("stylenet", art.parent, art.parent, "", settings("stylenet"))),
        ("run", lambda clip, art: export("", "weights.safetensors")),
        ("target", lambda clip, art: export(clip.parent, "")),
    ],
)
def test_an_empty_path_is_refused_by_the_name_of_its_argument(
    argument: str, call: Callable[[Path, Path], object], clip: Path, art: Path
) -> None:
    with pytest.raises(OptionError, match=f"^{argument} is empty; give a path"):
        call(clip, art)
